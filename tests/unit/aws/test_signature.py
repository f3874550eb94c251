"""Signatures beside AWS's published test vectors (the Signature Version 4 test suite) and beside
botocore's."""

from datetime import datetime, timezone
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from chalicelib.aws import signature
from chalicelib.aws.signature import Keys, Scope

AT = datetime(2015, 8, 30, 12, 36, tzinfo=timezone.utc)
KEYS = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SCOPE = Scope("us-east-1", "service")
ALWAYS = {"host": "example.amazonaws.com", "x-amz-date": "20150830T123600Z"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
UNRESERVED = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TOKEN = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"

# Name in the suite, method, path, query, further headers, body, signature.
VECTORS = [
    (
        "get-vanilla", "GET", "/", [], {}, b"",
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    (
        "post-vanilla", "POST", "/", [], {}, b"",
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    ),
    (
        "post-header-key-sort", "POST", "/", [], {"my-header1": "value1"}, b"",
        "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
    ),
    (
        "post-x-www-form-urlencoded", "POST", "/", [], FORM, b"Param1=value1",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
    (
        "get-header-value-trim", "GET", "/", [],
        {"my-header1": " value1", "my-header2": ' "a   b   c"'}, b"",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    ),
    (
        "get-vanilla-query-order-key-case", "GET", "/",
        [("Param2", "value2"), ("Param1", "value1")], {}, b"",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    (
        "get-vanilla-query-unreserved", "GET", "/", [(UNRESERVED, UNRESERVED)], {}, b"",
        "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
    ),
    (
        "get-vanilla-utf8-query", "GET", "/", [("ሴ", "bar")], {}, b"",
        "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
    ),
    (
        "get-unreserved", "GET", f"/{UNRESERVED}", [], {}, b"",
        "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
    ),
    (
        "get-utf8", "GET", "/" + quote("ሴ"), [], {}, b"",
        "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
    ),
    (
        "get-vanilla-with-session-token", "GET", "/", [], {"x-amz-security-token": TOKEN}, b"",
        "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "query", "further", "body", "expected"),
    [each[1:] for each in VECTORS],
    ids=[each[0] for each in VECTORS],
)
def test_a_signature_is_aws_own(
    method: str,
    path: str,
    query: list[tuple[str, str]],
    further: dict[str, str],
    body: bytes,
    expected: str,
) -> None:
    headers = {**ALWAYS, **further}
    line = signature.authorization(
        method, path, headers, body, KEYS, SCOPE, AT, signature.canonical_query(query)
    )
    assert line == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={';'.join(sorted(headers))}, Signature={expected}"
    )


@pytest.mark.parametrize("token", [None, "a/token+with=signs"])
@pytest.mark.parametrize(
    ("service", "botocores", "payload", "path"),
    [
        ("sqs", SigV4QueryAuth, signature.NOTHING, "/123456789012/doorbell"),
        ("s3", S3SigV4QueryAuth, signature.UNSIGNED_PAYLOAD, "/bucket/logs/a%20b/~1"),
    ],
)
def test_a_presigned_address_is_botocores(
    monkeypatch: pytest.MonkeyPatch,
    service: str,
    botocores: type[SigV4QueryAuth],
    payload: str,
    path: str,
    token: str | None,
) -> None:
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: AT)
    parameters = [("Action", "ReceiveMessage"), ("response-content-type", 'a "b"; c/d')]
    request = AWSRequest("GET", f"http://127.0.0.1:4566{path}", params=dict(parameters))
    keys = Credentials(KEYS.access_key, KEYS.secret_key, token)
    botocores(keys, service, "us-east-1", expires=900).add_auth(request)
    ours = signature.presigned(
        "GET",
        "http://127.0.0.1:4566",
        path,
        parameters,
        Keys(KEYS.access_key, KEYS.secret_key, token),
        Scope("us-east-1", service),
        AT,
        900,
        payload,
    )
    assert urlsplit(ours).path == urlsplit(request.url).path
    assert dict(parse_qsl(urlsplit(ours).query)) == dict(parse_qsl(urlsplit(request.url).query))


def test_a_key_of_yesterday_signs_nothing_today() -> None:
    tomorrow = AT.replace(day=31)
    lines = {
        signature.authorization("GET", "/", ALWAYS, b"", KEYS, SCOPE, at) for at in (AT, tomorrow)
    }
    assert len(lines) == 2
