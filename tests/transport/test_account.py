"""Where AWS is and who we are, beside what botocore's own clients make of the same settings."""

from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import NoCredentialsError, NoRegionError

from chalicelib.aws import account
from chalicelib.aws import client as aws
from chalicelib.dynamo.transport import DYNAMODB
from chalicelib.sqs.client import SQS

SETTINGS = [
    {},
    {"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8000"},
    {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566/"},
    {"AWS_ENDPOINT_URL_SQS": "https://sqs.example", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566"},
    {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
    {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
    {"AWS_USE_FIPS_ENDPOINT": "true"},
    {"AWS_PROFILE": "local"},
]
REGIONS = ["us-east-1", "us-gov-west-1", "cn-north-1"]
CONFIG = """
[profile local]
services = mine
region = eu-west-3
[services mine]
dynamodb =
  endpoint_url = http://127.0.0.1:8001
"""


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    for service in ("", "_DYNAMODB", "_SQS", "_S3", "_KMS"):
        monkeypatch.delenv(f"AWS_ENDPOINT_URL{service}", raising=False)
    config = tmp_path / "config"
    config.write_text(CONFIG)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    aws.forget()
    yield
    aws.forget()


def told_by_botocore(service: str) -> str:
    # Its way through an account's own endpoint is a matter of speed, and not ours.
    config = Config(account_id_endpoint_mode="disabled")
    client: Any = boto3.Session().client(service, config=config)
    return str(client.meta.endpoint_url).rstrip("/")


@pytest.mark.parametrize("service", [DYNAMODB.name, SQS.name])
@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: ",".join(s) or "none")
def test_an_origin_is_botocores(
    monkeypatch: pytest.MonkeyPatch, service: str, region: str, settings: dict[str, str]
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    for name, text in settings.items():
        monkeypatch.setenv(name, text)
    assert account.origin(service) == told_by_botocore(service)


@pytest.mark.parametrize(
    ("configured", "origin"),
    [
        ("http://127.0.0.1:9000/", "http://127.0.0.1:9000"),
        ("https://s3.Example:443", "https://s3.example"),
        ("http://s3.example:80", "http://s3.example"),
        ("http://s3.example:443", "http://s3.example:443"),
        ("http://[::1]:9000", "http://[::1]:9000"),
    ],
)
def test_an_origin_is_written_as_clients_write_it(
    monkeypatch: pytest.MonkeyPatch, configured: str, origin: str
) -> None:
    """Into `Host`, over which addresses are signed: lower case, and no usual port."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", configured)
    assert account.origin("s3") == origin


@pytest.mark.parametrize("wrong", ["http://127.0.0.1:9000/path", "127.0.0.1:9000"])
def test_an_endpoint_that_is_more_or_less_than_an_origin_is_refused(
    monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", wrong)
    with pytest.raises(ValueError, match="not just a scheme and a host"):
        account.origin("s3")


def test_s3_is_asked_in_its_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where botocore asks at the global address, an object's address would be redirected."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert account.origin("s3") == "https://s3.us-east-1.amazonaws.com"


def test_without_a_region_nothing_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(NoRegionError):
        aws.client(DYNAMODB)


def test_without_keys_nothing_is_called_and_it_is_looked_for_them_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = "AWS_ACCESS_KEY_ID"
    kept = account.keys()
    monkeypatch.delenv(key)
    aws.forget()
    with pytest.raises(NoCredentialsError):
        account.keys()
    monkeypatch.setenv(key, kept.access_key)
    assert account.keys() == kept


def test_keys_of_a_role_are_renewed_by_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    renewed: list[int] = []

    def renew() -> dict[str, str]:
        renewed.append(1)
        text = f"{len(renewed)}"
        return {
            "access_key": f"key {text}",
            "secret_key": f"secret {text}",
            "token": f"token {text}",
            "expiry_time": "2000-01-01T00:00:00Z" if len(renewed) == 1 else "2999-01-01T00:00:00Z",
        }

    made: Any = RefreshableCredentials.create_from_metadata(renew(), renew, "test")
    monkeypatch.setattr(account.session(), "get_credentials", lambda: made)
    assert account.keys() == account.Keys("key 2", "secret 2", "token 2")
    assert account.keys() == account.Keys("key 2", "secret 2", "token 2")
    assert len(renewed) == 2


def test_an_address_carries_the_token_of_a_role(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a/token=")
    aws.forget()
    assert "X-Amz-Security-Token=a%2Ftoken%3D" in account.presigned("s3", "PUT", "/b/k", (), 60)
