"""AWS for tests, each part started once a session, when it is first wanted.

| backend | is |
| --- | --- |
| `local` | as `make up` has it: dynalite and rclone on disk |
| `durable` | the same with AWS's own DynamoDB Local, the reference |
| `moto` | DynamoDB and S3 in memory |

| fixture | gives |
| --- | --- |
| `backend` | on all of them, one after the other: the product in this process, with empty tables |
| `store` | the same on `local` alone: for tests of what stands above the store |
| `sqs_server`, `s3_server` | the URLs of our own SQS and of rclone |
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local import dynalite, dynamodb_local, rclone
from infra.local.backends import Endpoints, endpoints, start_moto, start_sqs
from infra.local.environment import base
from infra.local.processes import Processes

BACKENDS = ("local", "durable", "moto")
DELETED_AT_ONCE = 25  # DynamoDB's limit


@pytest.fixture(scope="session")
def session_processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """Processes that end with the session."""
    processes = Processes(tmp_path_factory.mktemp("logs"), base(os.environ))
    yield processes
    forget_connections()
    processes.stop()


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the servers keep what they keep."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="session")
def sqs_server(session_processes: Processes, state: Path) -> str:
    return start_sqs(session_processes, state)


@pytest.fixture(scope="session")
def s3_server(session_processes: Processes, state: Path) -> str:
    return rclone.start(session_processes, state / "s3")[1]


@pytest.fixture(scope="session")
def local_backend(
    session_processes: Processes, state: Path, s3_server: str, sqs_server: str
) -> Endpoints:
    _, url = dynalite.start(session_processes, state / "dynalite")
    return endpoints(dynamodb=url, s3=s3_server, sqs=sqs_server)


@pytest.fixture(scope="session")
def durable_backend(
    session_processes: Processes, state: Path, s3_server: str, sqs_server: str
) -> Endpoints:
    try:
        _, url = dynamodb_local.start(session_processes, state / "dynamodb-local")
    except dynamodb_local.Unavailable as missing:
        if "CI" in os.environ:
            raise
        pytest.skip(str(missing))
    return endpoints(dynamodb=url, s3=s3_server, sqs=sqs_server)


@pytest.fixture(scope="session")
def moto_backend(session_processes: Processes, sqs_server: str) -> Endpoints:
    url = start_moto(session_processes)
    return endpoints(dynamodb=url, s3=url, sqs=sqs_server)


def endpoints_of(name: str, request: pytest.FixtureRequest) -> Endpoints:
    """Where a backend is; it is started when it is first wanted."""
    where: Endpoints = request.getfixturevalue(f"{name}_backend")
    return where


@pytest.fixture(scope="session", params=BACKENDS)
def _tables(request: pytest.FixtureRequest) -> Iterator["Tables"]:
    with pytest.MonkeyPatch.context() as patch:
        yield open_tables(request.param, endpoints_of(request.param, request), patch)


@pytest.fixture(scope="session")
def _tables_of_the_store(local_backend: Endpoints) -> Iterator["Tables"]:
    with pytest.MonkeyPatch.context() as patch:
        yield open_tables("local", local_backend, patch)


@pytest.fixture
def backend(_tables: "Tables") -> str:
    """The name of the backend on which the test runs."""
    _tables.use()
    return _tables.name


@pytest.fixture
def store(_tables_of_the_store: "Tables") -> None:
    _tables_of_the_store.use()


class Tables:
    """The product's tables on one backend, used from this process."""

    def __init__(self, name: str, where: Endpoints) -> None:
        from chalicelib.dynamo import schema

        self.name = name
        self._where = where
        self._keys = {
            model.Meta.table_name: [
                key["AttributeName"] for key in model._get_schema()["key_schema"]
            ]
            for model in schema.MODELS
        }

    def use(self) -> None:
        """Points the product here, and empties the tables."""
        if any(os.environ.get(key) != url for key, url in self._where.items()):
            self.connect()
        self.empty()

    def empty(self) -> None:
        """Deletes all items of the tables."""
        for table, keys in self._keys.items():
            self._empty(table, keys)

    def connect(self) -> None:
        os.environ.update(self._where)
        forget_connections()

    def _empty(self, table: str, keys: list[str]) -> None:
        """Deletes the items: much faster than making the table anew."""
        names = {f"#{key}": key for key in keys}
        asked = {
            "TableName": table,
            "ProjectionExpression": ",".join(names),
            "ExpressionAttributeNames": names,
        }
        while items := _call("Scan", asked)["Items"]:
            for first in range(0, len(items), DELETED_AT_ONCE):
                batch = items[first : first + DELETED_AT_ONCE]
                doomed = [{"DeleteRequest": {"Key": item}} for item in batch]
                _call("BatchWriteItem", {"RequestItems": {table: doomed}})


def _call(operation: str, arguments: Any) -> Any:
    from chalicelib.dynamo.transport import dynamodb

    return json.loads(dynamodb().send(operation, json.dumps(arguments).encode()))


def open_tables(name: str, where: Endpoints, patch: pytest.MonkeyPatch) -> Tables:
    from chalicelib.dynamo import schema
    from chalicelib.s3 import buckets

    for key, url in where.items():
        patch.setenv(key, url)
    tables = Tables(name, where)
    tables.connect()
    schema.create_all()
    buckets.create()
    return tables


def forget_connections() -> None:
    """Makes the product connect anew, to where the environment says."""
    from chalicelib.aws import client as aws
    from chalicelib.s3 import client as s3

    s3.forget()
    aws.forget()
