"""What is sent, byte for byte beside botocore's own requests, for every operation of the product;
and what is made of the answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.credentials import Credentials
from moto.core.botocore_stubber import MockRawResponse
from pynamodb.attributes import (
    BinaryAttribute,
    BinarySetAttribute,
    BooleanAttribute,
    JSONAttribute,
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.aws import account, signature
from chalicelib.aws import client as aws
from chalicelib.aws.client import Client
from chalicelib.aws.connections import Answer, Pool
from chalicelib.dynamo.transport import TableModel
from chalicelib.sqs import doorbells
from tests.stack.in_process import moto_in_process
from tests.transport.conftest import botocores

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
BYTES = bytes(range(256))


class ByKind(GlobalSecondaryIndex["Thing"]):
    class Meta:
        index_name = "by_kind"
        projection = AllProjection()

    kind = UnicodeAttribute(hash_key=True)


class Inner(MapAttribute[str, Any]):
    data = BinaryAttribute(legacy_encoding=False, null=True)
    B = UnicodeAttribute(null=True)  # a name that is also a type


class Thing(TableModel):
    class Meta:
        table_name = "things"
        billing_mode = "PAY_PER_REQUEST"

    id = UnicodeAttribute(hash_key=True)
    part = NumberAttribute(range_key=True)
    kind = UnicodeAttribute(null=True)
    text = UnicodeAttribute(null=True)
    data = BinaryAttribute(legacy_encoding=False, null=True)
    many = BinarySetAttribute(legacy_encoding=False, null=True)
    names = UnicodeSetAttribute(null=True)
    shape = JSONAttribute(null=True)
    inner = Inner(null=True)
    list = ListAttribute[Any](null=True)
    B = BooleanAttribute(null=True)
    by_kind = ByKind()


@dataclass(frozen=True)
class Sent:
    headers: Mapping[str, str]
    body: bytes


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What our client sends while moto answers: operation, body, and the request as it leaves."""
    found: list[tuple[str, Sent]] = []
    aws.forget()
    for name in ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(account, "now", lambda: AT)
    with moto_in_process():
        exchange, send = Pool.exchange, Client.send
        operations: list[str] = []

        def sent(client: Client, operation: str, *given: Any) -> bytes:
            operations.append(operation)
            return send(client, operation, *given)

        def exchanged(pool: Pool, headers: Mapping[str, str], body: bytes) -> Answer:
            found.append((operations[-1], Sent(headers, body)))
            return exchange(pool, headers, body)

        monkeypatch.setattr(Client, "send", sent)
        monkeypatch.setattr(Pool, "exchange", exchanged)
        yield found
    aws.forget()


def everything() -> None:
    """Uses each operation that the product uses."""
    Thing.exists()
    Thing.create_table()
    thing = Thing(
        "ä\u2028", 1, kind="k", text='"\x00é😀', shape={"a": [1.5, None]}, names={"b", "a"}
    )
    thing.save(condition=Thing.id.does_not_exist())
    binary = Thing("b", 2, data=BYTES, many={b"x", b"y"}, inner=Inner(data=b"\xff", B="z"), B=True)
    binary.list = [b"in a list", {"deep": b"er"}]
    binary.save()
    Thing.get("b", 2, consistent_read=True)
    actions = [Thing.text.set("new"), Thing.kind.remove()]
    thing.update(actions, condition=(Thing.text != "x") & Thing.names.contains("a"))
    list(Thing.query("b", Thing.part >= 1, limit=5, scan_index_forward=False))
    list(Thing.by_kind.query("k"))
    list(Thing.batch_get([("b", 2), ("c", 3)]))
    with Thing.batch_write() as batch:
        batch.save(Thing("c", 3, data=b"batch"))
        batch.delete(Thing("d", 4))
    list(Thing.scan(attributes_to_get=["id", "part"]))
    thing.delete(condition=Thing.text == "new")
    Thing.delete_table()


OPERATIONS = {
    "BatchGetItem", "BatchWriteItem", "CreateTable", "DeleteItem", "DeleteTable", "DescribeTable",
    "GetItem", "PutItem", "Query", "Scan", "UpdateItem",
}  # fmt: skip


@pytest.mark.parametrize("token", [None, "session+token/="])
def test_requests_are_botocores_byte_for_byte(
    recorded: list[tuple[str, Sent]], monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    if token is not None:
        monkeypatch.setenv("AWS_SESSION_TOKEN", token)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: AT)
    arguments = _arguments(monkeypatch)
    everything()
    assert {operation for operation, _ in recorded} == OPERATIONS
    for (operation, mine), given in zip(recorded, arguments, strict=True):
        theirs = _request_of_botocore(operation, given)
        assert theirs.url == f"{account.origin('dynamodb')}/"
        assert theirs.body == mine.body, operation
        named = {name.lower(): _text(value) for name, value in theirs.headers.items()}
        for name in ("content-type", "x-amz-target", "x-amz-date", "content-length"):
            assert named[name] == mine.headers[name], operation
        assert named.get("x-amz-security-token") == token
        assert _signed_by_us(named, mine.body) == named["authorization"]
        assert _signed_by_botocore(mine) == mine.headers["authorization"]


def _arguments(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What PynamoDB asks for, in its own words."""
    from chalicelib.dynamo.transport import Transport

    found: list[Any] = []
    real = Transport._make_api_call

    def noted(transport: Transport, operation: str, given: Any) -> Any:
        found.append(given)
        return real(transport, operation, given)

    monkeypatch.setattr(Transport, "_make_api_call", noted)
    return found


def _request_of_botocore(operation: str, arguments: Any) -> Any:
    caught: list[Any] = []

    def answered(request: Any, **_: Any) -> AWSResponse:
        caught.append(request)
        return AWSResponse(request.url, 200, {}, MockRawResponse(b"{}"))  # type: ignore[arg-type]

    client = botocores(region_name="us-east-1", account_id_endpoint_mode="disabled")
    client.meta.events.register_first("before-send", answered)
    client._make_api_call(operation, arguments)
    return caught[0]


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _signed_by_us(headers: Mapping[str, str], body: bytes) -> str:
    """The line that we would write over all that botocore signed."""
    names = headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    host = account.host("dynamodb")
    signed = {name: host if name == "host" else headers[name] for name in names}
    scope = signature.Scope("us-east-1", "dynamodb")
    return signature.authorization("POST", "/", signed, body, account.keys(), scope, AT)


def _signed_by_botocore(sent: Sent) -> str:
    """The line that botocore would write over what we signed."""
    names = sent.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0]
    headers = {name: sent.headers[name] for name in names.split(";") if name != "host"}
    request = AWSRequest("POST", account.origin("dynamodb") + "/", headers, sent.body)
    keys = account.keys()
    credentials = Credentials(keys.access_key, keys.secret_key, keys.token)
    SigV4Auth(credentials, "dynamodb", "us-east-1").add_auth(request)
    return str(request.headers["Authorization"])


def test_calls_of_sqs_are_botocores_too(recorded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: AT)
    sent: list[tuple[str, Sent]] = []

    def answered(pool: Pool, headers: Mapping[str, str], body: bytes) -> Answer:
        sent.append((headers["x-amz-target"], Sent(headers, body)))
        return Answer(200, {}, b"{}")

    monkeypatch.setattr(Pool, "exchange", answered)
    client = boto3.Session().client("sqs")
    caught: list[Any] = []

    def caught_and_answered(request: Any, **_: Any) -> AWSResponse:
        caught.append(request)
        return AWSResponse(request.url, 200, {}, MockRawResponse(b"{}"))  # type: ignore[arg-type]

    client.meta.events.register_first("before-send", caught_and_answered)
    url = f"{account.origin('sqs')}{doorbells._path('a')}"
    attributes = {"MessageRetentionPeriod": "60", "VisibilityTimeout": "120"}
    doorbells.hang("a")
    client.create_queue(QueueName=doorbells._name("a"), Attributes=attributes)
    doorbells.ring("a")
    client.send_message(QueueUrl=url, MessageBody="poll")
    doorbells.take_down("a")
    client.delete_queue(QueueUrl=url)
    assert len(sent) == len(caught) == 3
    for (target, mine), theirs in zip(sent, caught, strict=True):
        named = {name.lower(): _text(value) for name, value in theirs.headers.items()}
        assert (theirs.url, theirs.body) == (f"{account.origin('sqs')}/", mine.body)
        assert (named["x-amz-target"], named["content-type"]) == (
            target,
            mine.headers["content-type"],
        )


# --- binary attributes


@pytest.mark.usefixtures("recorded")
def test_bytes_come_back_wherever_they_stand() -> None:
    Thing.create_table()
    stored = Thing("b", 2, data=BYTES, many={b"x", b"\x00"}, inner=Inner(data=b"\xff", B="z"))
    stored.list = [b"in a list", {"deep": b"er", "B": "text"}]
    stored.B, stored.kind = True, "k"
    stored.save()
    reads: list[Callable[[], Thing]] = [
        lambda: Thing.get("b", 2),
        lambda: next(iter(Thing.query("b"))),
        lambda: next(iter(Thing.by_kind.query("k"))),
        lambda: next(iter(Thing.batch_get([("b", 2)]))),
        lambda: next(iter(Thing.scan())),
    ]
    for read in reads:
        found = read()
        assert (found.data, found.many, found.B) == (BYTES, {b"x", b"\x00"}, True)
        assert (found.inner.data, found.inner.B) == (b"\xff", "z")
        assert found.list == [b"in a list", {"deep": b"er", "B": "text"}]
    stored.update([Thing.data.set(b"new")])
    assert stored.data == b"new", "an update answers what it wrote"
    assert stored.many == {b"x", b"\x00"}


def test_what_has_no_place_in_a_call_is_told() -> None:
    from chalicelib.dynamo.transport import Transport

    with pytest.raises(TypeError, match="complex"):
        Transport()._make_api_call("GetItem", {"TableName": 1j})
