"""The default store keeps what it was told, whatever happens to it and whoever calls."""

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.local import dynalite
from infra.local.environment import base, new_keys
from infra.local.processes import Child, ChildEnded, Processes
from tests.stack.backends import forget_connections

WRITERS = 4


class Store:
    """A store of the test's own, which can be killed and started."""

    def __init__(self, processes: Processes, state: Path) -> None:
        self.processes = processes
        self.state = state
        self.child: Child
        self.url = ""

    def start(self) -> None:
        self.child, self.url = dynalite.start(self.processes, self.state)
        os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = self.url
        forget_connections()

    def kill(self) -> None:
        self.processes.kill(self.child)

    def client(self, **keys: str) -> Any:
        return boto3.client(
            "dynamodb", endpoint_url=self.url, config=Config(retries={"max_attempts": 0}), **keys
        )  # type: ignore[call-overload]

    def send(self, data: bytes) -> bytes:
        """Raw bytes; answers what comes back until it is closed, or nothing."""
        host, port = self.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), 10) as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            return sock.recv(65536)

    def is_alive(self) -> bool:
        try:
            self.client().list_tables()
        except BotoCoreError:
            return False
        return self.child.is_running


@pytest.fixture
def store(
    live_processes: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "")  # to be put back
    made = Store(live_processes, tmp_path / "store")
    made.start()
    yield made
    forget_connections()


def make_table(client: Any) -> None:
    client.create_table(
        TableName="jobs",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("id", "inbox")
        ],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_inbox",
                "KeySchema": [{"AttributeName": "inbox", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )


# --- who calls


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\n",
        b"\x16\x03\x01",
    ],
)
def test_a_request_that_breaks_off_costs_nobody_else_anything(
    store: Store, request_: bytes
) -> None:
    store.send(request_)
    assert store.is_alive()


def test_who_knows_only_the_keys_name_is_refused(store: Store) -> None:
    """It stands in every address that an agent or a reader of a log gets."""
    make_table(store.client())
    own = os.environ["AWS_ACCESS_KEY_ID"]
    wrong = [
        {"aws_access_key_id": own, "aws_secret_access_key": "guessed"},
        {name.lower(): text for name, text in new_keys().variables().items()},
    ]
    for keys in wrong:
        with pytest.raises(ClientError) as refused:
            store.client(**keys).scan(TableName="jobs")
        assert refused.value.response["Error"]["Code"] == "UnrecognizedClientException"


@pytest.mark.parametrize(
    "line", ["", "AWS4-HMAC-SHA256 Credential=x/y, SignedHeaders=host, Signature=00"]
)
def test_what_is_not_signed_is_refused(store: Store, line: str) -> None:
    head = f"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: {line}\r\nContent-Length: 2\r\n\r\n"
    assert store.send(head.encode() + b"{}").startswith(b"HTTP/1.1 400")


def test_a_changed_body_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.aws.connections import Pool
    from chalicelib.dynamo.transport import dynamodb

    exchange: Callable[..., Any] = Pool.exchange
    monkeypatch.setattr(Pool, "exchange", lambda pool, heads, _: exchange(pool, heads, b'{"a":1}'))
    with pytest.raises(ClientError, match="UnrecognizedClient"):
        dynamodb().send("ListTables", b'{"b":1}')


def test_more_than_dynamodb_takes_is_refused(store: Store) -> None:
    with pytest.raises(ClientError, match="RequestEntityTooLarge"):
        store.client().put_item(
            TableName="jobs", Item={"id": {"S": "x"}, "data": {"S": "y" * (17 << 20)}}
        )
    assert store.is_alive()


# --- what happens to it


def test_a_table_can_be_used_as_soon_as_it_is_made_whatever_happens_then(store: Store) -> None:
    make_table(store.client())
    store.kill()
    store.start()
    store.client().put_item(TableName="jobs", Item={"id": {"S": "1"}, "inbox": {"S": "a"}})
    table = store.client().describe_table(TableName="jobs")["Table"]
    assert table["TableStatus"] == "ACTIVE"
    assert [each["IndexStatus"] for each in table["GlobalSecondaryIndexes"]] == ["ACTIVE"]


def test_a_second_one_in_the_same_place_says_why_it_ends(store: Store, tmp_path: Path) -> None:
    others = Processes(tmp_path / "other-logs", base(os.environ))
    with pytest.raises(ChildEnded, match=r"cannot be opened.*lock"):
        dynalite.start(others, store.state)
    others.stop()
    assert store.is_alive()


def test_items_and_their_entries_in_indexes_agree_whenever_it_is_killed(store: Store) -> None:
    make_table(store.client())
    written: list[int] = []
    for round_ in range(3):
        enough = threading.Event()
        threads = [
            threading.Thread(target=_write, args=(store.client(), round_, n, written, enough))
            for n in range(WRITERS)
        ]
        for thread in threads:
            thread.start()
        assert enough.wait(30)
        store.kill()
        for thread in threads:
            thread.join()
        store.start()
        _check(store.client())
    assert len(written) > 3 * 100


def _write(
    client: Any, round_: int, number: int, written: list[int], enough: threading.Event
) -> None:
    """Puts jobs into an inbox, moves them to another and out of it, until the store is killed."""
    turn = 0
    try:
        while True:
            turn += 1
            key = {"id": {"S": f"{round_}-{number}-{turn % 7}"}}
            client.put_item(TableName="jobs", Item={**key, "inbox": {"S": "a"}})
            for change in ("SET inbox = :b", "REMOVE inbox"):
                values = {":b": {"S": "b"}} if ":b" in change else None
                more = {"ExpressionAttributeValues": values} if values else {}
                client.update_item(TableName="jobs", Key=key, UpdateExpression=change, **more)
            if turn % 3 == 0:
                client.delete_item(TableName="jobs", Key=key)
            written.append(turn)
            if len(written) > 100 * (round_ + 1):
                enough.set()
    except BotoCoreError:
        return


def _check(client: Any) -> None:
    items = client.scan(TableName="jobs")["Items"]
    for inbox in ("a", "b"):
        found = client.query(
            TableName="jobs",
            IndexName="by_inbox",
            KeyConditionExpression="inbox = :i",
            ExpressionAttributeValues={":i": {"S": inbox}},
        )["Items"]
        expected = [item for item in items if item.get("inbox") == {"S": inbox}]
        assert sorted(map(json.dumps, found)) == sorted(map(json.dumps, expected))
