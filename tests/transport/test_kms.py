"""Data keys of KMS: from moto, and from a far side that refuses."""

import json
from collections.abc import Iterator

import boto3
import pytest

from chalicelib.aws import client as aws
from chalicelib.kms.data_keys import KeyAway, KeyProblem, KmsKeys
from infra.local.backends import Endpoints
from tests.transport.far_side import Act, FarSide, answer, raw, refusal


@pytest.fixture
def kms(moto_backend: Endpoints, monkeypatch: pytest.MonkeyPatch) -> Iterator[KmsKeys]:
    url = moto_backend["AWS_ENDPOINT_URL_DYNAMODB"]
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", url)
    aws.forget()
    key = boto3.client("kms", endpoint_url=url).create_key()["KeyMetadata"]["KeyId"]
    yield KmsKeys(key)
    aws.forget()


def test_a_data_key_is_made_and_unwrapped_for_its_run_alone(kms: KmsKeys) -> None:
    plain, wrapped = kms.new("01R")
    assert len(plain) == 32
    assert plain not in wrapped
    assert kms.unwrapped(wrapped, "01R") == plain
    assert kms.new("01R")[0] != plain
    with pytest.raises(KeyProblem) as refused:
        kms.unwrapped(wrapped, "01S")
    assert not isinstance(refused.value, KeyAway)


@pytest.mark.parametrize("key", ["6f0c0000-0000-4000-8000-000000000009", "alias/none"])
def test_a_key_that_is_not_there_is_said(kms: KmsKeys, key: str) -> None:
    with pytest.raises(KeyProblem, match="KMS answered NotFoundException"):
        KmsKeys(key).new("01R")


CLOSED = raw(b"", stays=False)


@pytest.mark.parametrize(
    ("acts", "says", "passes"),
    [
        ([refusal("AccessDeniedException")], "KMS answered AccessDeniedException", False),
        ([refusal("DisabledException")], "KMS answered DisabledException", False),
        ([refusal("ThrottlingException")] * 3, "KMS answered ThrottlingException", True),
        ([refusal("KMSInternalException", 500)] * 3, "KMS answered KMSInternalExc", True),
        ([refusal("ServiceUnavailable", 503)] * 3, "KMS answered ServiceUnavailable", True),
        ([CLOSED] * 3, "KMS cannot be reached", True),
    ],
)  # fmt: skip
def test_what_kms_refuses_is_told_from_what_may_pass(
    monkeypatch: pytest.MonkeyPatch, pauses: list[float], acts: list[Act], says: str, passes: bool
) -> None:
    far = FarSide(acts)
    with far.serving() as origin:
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", origin)
        aws.forget()
        with pytest.raises(KeyProblem, match=says) as problem:
            KmsKeys("k").new("01R")
    aws.forget()
    assert isinstance(problem.value, KeyAway) is passes


def test_a_call_is_as_kms_wants_it(monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> None:
    far = FarSide([answer({"Plaintext": "QQ==", "CiphertextBlob": "Qg=="})])
    with far.serving() as origin:
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", origin)
        aws.forget()
        assert KmsKeys("alias/k").new("01R") == (b"A", b"B")
    aws.forget()
    (heard,) = far.heard
    assert heard.headers["x-amz-target"] == "TrentService.GenerateDataKey"
    assert heard.headers["content-type"] == "application/x-amz-json-1.1"
    assert "/kms/aws4_request" in heard.headers["authorization"]
    assert json.loads(heard.body) == {
        "KeyId": "alias/k",
        "KeySpec": "AES_256",
        "EncryptionContext": {"plumber-run": "01R"},
    }
