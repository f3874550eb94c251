"""What stands in for AWS is fit to test on."""

import io
import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import boto3
import psutil
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.local.backends import Endpoints
from infra.local.dynamodb_local import java_version
from infra.local.environment import new_keys
from infra.local.moto_server import OneAtATime
from tests.stack.backends import BACKENDS, endpoints_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

RACERS, ITEMS = 16, 20
STRANGER = ("ResourceNotFoundException", "UnrecognizedClientException")
# Items that take long to copy: without its lock, moto gives some of them to two racers.
BULK = {"L": [{"S": "x"}] * 3000}
CLAIM = {
    "TableName": "race",
    "UpdateExpression": "SET taken_by = :me",
    "ConditionExpression": "attribute_not_exists(taken_by)",
}


@pytest.fixture(params=BACKENDS)
def race(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A client with a table of its own."""
    url = endpoints_of(request.param, request)["AWS_ENDPOINT_URL_DYNAMODB"]
    config = Config(max_pool_connections=RACERS)
    client = boto3.client("dynamodb", endpoint_url=url, config=config)
    client.create_table(
        TableName="race",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    for item in range(ITEMS):
        client.put_item(TableName="race", Item={"id": {"S": str(item)}, "bulk": BULK})
    yield client
    client.delete_table(TableName="race")
    client.close()


def claim(client: Any, item: int, racer: int) -> bool:
    key, me = {"id": {"S": str(item)}}, {":me": {"N": str(racer)}}
    try:
        client.update_item(Key=key, ExpressionAttributeValues=me, **CLAIM)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ConditionalCheckFailedException"
        return False
    return True


def test_racing_conditional_writes_are_won_once_an_item(race: Any) -> None:
    start = threading.Barrier(RACERS)

    def claim_all(racer: int) -> int:
        start.wait()
        return sum(claim(race, item, racer) for item in range(ITEMS))

    with ThreadPoolExecutor(RACERS) as racers:
        assert sum(racers.map(claim_all, range(RACERS))) == ITEMS


class Meeting:
    """A WSGI application that answers whether two requests were in it at the same time."""

    def __init__(self) -> None:
        self._inside = threading.Barrier(2)

    def __call__(self, environ: "WSGIEnvironment", respond: "StartResponse") -> Iterable[bytes]:
        try:
            self._inside.wait(float(environ["test.patience"]))
        except threading.BrokenBarrierError:
            return [b"alone"]
        return [b"together"]


@pytest.mark.parametrize(
    ("target", "patience", "met"),
    [
        ("DynamoDB_20120810.UpdateItem", 0.2, {b"alone"}),
        ("AmazonSQS.ReceiveMessage", 10, {b"together"}),
    ],
)
def test_only_dynamodb_is_served_one_at_a_time(target: str, patience: float, met: object) -> None:
    application = OneAtATime(Meeting())

    def request(_: int) -> bytes:
        body = {"wsgi.input": io.BytesIO(b"{}"), "CONTENT_LENGTH": "2"}
        environ = {**body, "HTTP_X_AMZ_TARGET": target, "test.patience": patience}
        return b"".join(application(environ, cast(Any, None)))

    with ThreadPoolExecutor(2) as clients:
        assert set(clients.map(request, range(2))) == met


def test_a_presigned_address_takes_and_gives_an_object(moto_backend: Endpoints) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=moto_backend["AWS_ENDPOINT_URL_S3"],
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )
    client.create_bucket(Bucket="presigned")
    name = {"Bucket": "presigned", "Key": str(UUID(int=1))}
    every_byte = bytes(range(256))
    put = client.generate_presigned_url("put_object", Params=name)
    get = client.generate_presigned_url("get_object", Params=name)
    assert requests.put(put, data=every_byte, timeout=10).status_code == 200
    assert requests.get(get, timeout=10).content == every_byte


def test_moto_answers_nobody_else(moto_backend: Endpoints) -> None:
    """moto itself lets every page in a browser read what it answers to everybody."""
    url = moto_backend["AWS_ENDPOINT_URL_DYNAMODB"]
    target = {"X-Amz-Target": "DynamoDB_20120810.ListTables"}
    origin = {"Origin": "http://page.example", "Access-Control-Request-Method": "POST"}
    for method, path, headers in (
        ("POST", "/", target),
        ("POST", "/moto-api/reset", {}),
        ("GET", "/moto-api/data.json", {}),
        ("OPTIONS", "/", origin),
        ("GET", "/presigned?list-type=2", {}),
    ):
        answer = requests.request(method, url + path, headers=headers, data=b"{}", timeout=10)
        assert answer.status_code == 403
        assert "Access-Control-Allow-Origin" not in answer.headers
    keys = {each.lower(): text for each, text in new_keys().variables().items()}
    guessed = {"aws_access_key_id": os.environ["AWS_ACCESS_KEY_ID"]}
    for wrong in (keys, {**keys, **guessed}):
        stranger: Any = boto3.client("dynamodb", endpoint_url=url, **wrong)  # type: ignore
        with pytest.raises(ClientError) as refused:
            stranger.list_tables()
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_presigned_address_says_no_more_than_was_signed(moto_backend: Endpoints) -> None:
    """moto goes by `X-Amz-Target`: with it, an address of a chunk would write to the tables."""
    config = Config(signature_version="s3v4", s3={"addressing_style": "path"})
    url = moto_backend["AWS_ENDPOINT_URL_S3"]
    client = boto3.client("s3", endpoint_url=url, config=config)
    put = client.generate_presigned_url("put_object", Params={"Bucket": "presigned", "Key": "k"})
    target = {"X-Amz-Target": "DynamoDB_20120810.ListTables"}
    told = requests.put(put, headers=target, data=b"{}", timeout=10)
    assert (told.status_code, "not signed" in told.text) == (403, True)


@pytest.mark.parametrize("name", ["local", "durable"])
def test_whoever_has_other_keys_finds_no_tables(request: pytest.FixtureRequest, name: str) -> None:
    """DynamoDB Local listens on all addresses and gives strangers a database of their own;
    dynalite's launcher refuses them."""
    url = endpoints_of(name, request)["AWS_ENDPOINT_URL_DYNAMODB"]
    keys = {each.lower(): text for each, text in new_keys().variables().items()}
    own: Any = boto3.client("dynamodb", endpoint_url=url)
    stranger: Any = boto3.client("dynamodb", endpoint_url=url, **keys)  # type: ignore
    own.create_table(
        TableName="ours",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    assert own.scan(TableName="ours")["Count"] == 0
    for refused in (lambda: stranger.scan(TableName="ours"), lambda: stranger.list_tables()):
        try:
            assert refused()["TableNames"] == []
        except ClientError as error:
            assert error.response["Error"]["Code"] in STRANGER
    own.delete_table(TableName="ours")


@pytest.mark.usefixtures("local_backend")
def test_no_command_line_shows_the_keys() -> None:
    lines = [" ".join(child.cmdline()) for child in psutil.Process().children(recursive=True)]
    assert any("rclone serve s3" in line for line in lines)
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        assert [line for line in lines if os.environ[variable] in line] == []


def test_s3_with_a_disk_refuses_other_keys(s3_server: str) -> None:
    keys = {name.lower(): text for name, text in new_keys().variables().items()}
    config = Config(signature_version="s3v4", s3={"addressing_style": "path"})
    stranger = boto3.client("s3", endpoint_url=s3_server, config=config, **keys)  # type: ignore
    with pytest.raises(ClientError) as refused:
        stranger.list_buckets()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('java version "1.8.0_402"', 8),
        ("The operation could not be completed.", None),
    ],
)
def test_the_version_of_java_is_read_from_what_it_says(said: str, version: int | None) -> None:
    assert java_version(said) == version
