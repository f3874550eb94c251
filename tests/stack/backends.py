"""AWS for tests: moto, DynamoDB Local in memory and on disk, rclone, and our SQS for all of them,
started once a session.

| fixture | gives |
| --- | --- |
| `moto_backend` | the URL of moto: DynamoDB and S3 in memory |
| `sqs_server` | the URL of our own SQS |
| `dynamodb_local` | the URL of DynamoDB Local in memory: its conditional writes are atomic |
| `durable_backend` | DynamoDB Local and rclone, both on disk |
| `backend` | on moto, and on the durable backend: the product in this process, with empty tables |
| `best_backend` | on the durable backend alone; on moto where there is no Java |
| `atomic_backend` | only on DynamoDB Local: for tests of concurrency |
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.local import dynamodb_local as launcher
from infra.local import rclone
from infra.local.backends import Endpoints, endpoints, start_moto, start_sqs
from infra.local.environment import base
from infra.local.processes import Processes


@pytest.fixture(scope="session")
def session_processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """Processes that end with the session."""
    processes = Processes(tmp_path_factory.mktemp("logs"), base(os.environ))
    yield processes
    processes.stop()


@pytest.fixture(scope="session")
def moto_backend(session_processes: Processes) -> str:
    return start_moto(session_processes)


@pytest.fixture(scope="session")
def sqs_server(session_processes: Processes) -> str:
    return start_sqs(session_processes)


def _start_dynamodb(processes: Processes, state: Path | None = None) -> str:
    try:
        _, url = launcher.start(processes, state)
    except launcher.Unavailable as missing:
        if "CI" in os.environ:
            raise
        pytest.skip(str(missing))
    return url


@pytest.fixture(scope="session")
def dynamodb_local(session_processes: Processes) -> str:
    return _start_dynamodb(session_processes)


@pytest.fixture(scope="session")
def durable_backend(
    session_processes: Processes, sqs_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Endpoints:
    state = tmp_path_factory.mktemp("durable")
    dynamodb = _start_dynamodb(session_processes, state / "dynamodb")
    _, s3 = rclone.start(session_processes, state / "s3")
    return endpoints(dynamodb=dynamodb, s3=s3, sqs=sqs_server)


def endpoints_of(name: str, request: pytest.FixtureRequest) -> Endpoints:
    """Where `moto`, `dynamodb-local` (with moto's S3) or `durable` is, started when it is first
    wanted."""
    if name == "durable":
        durable: Endpoints = request.getfixturevalue("durable_backend")
        return durable
    moto, sqs_server = map(request.getfixturevalue, ("moto_backend", "sqs_server"))
    dynamodb = moto if name == "moto" else request.getfixturevalue("dynamodb_local")
    return endpoints(dynamodb=dynamodb, s3=moto, sqs=sqs_server)


@pytest.fixture(scope="session", params=["moto", "durable"])
def _tables(request: pytest.FixtureRequest) -> Iterator["Tables"]:
    with pytest.MonkeyPatch.context() as patch:
        yield _open_tables(request.param, endpoints_of(request.param, request), patch)


@pytest.fixture(scope="session")
def _best_tables(request: pytest.FixtureRequest) -> Iterator["Tables"]:
    name = "durable" if "CI" in os.environ or launcher.is_available() else "moto"
    with pytest.MonkeyPatch.context() as patch:
        yield _open_tables(name, endpoints_of(name, request), patch)


@pytest.fixture(scope="session")
def _atomic_tables(request: pytest.FixtureRequest) -> Iterator["Tables"]:
    name = "dynamodb-local"
    with pytest.MonkeyPatch.context() as patch:
        yield _open_tables(name, endpoints_of(name, request), patch)


@pytest.fixture
def backend(_tables: "Tables") -> str:
    """The name of the backend on which the test runs."""
    _tables.use()
    return _tables.name


@pytest.fixture
def best_backend(_best_tables: "Tables") -> str:
    """The name of the backend on which the test runs."""
    _best_tables.use()
    return _best_tables.name


@pytest.fixture
def atomic_backend(_atomic_tables: "Tables") -> str:
    _atomic_tables.use()
    return _atomic_tables.name


class Tables:
    """The product's tables on one backend, used from this process."""

    def __init__(self, name: str, where: Endpoints) -> None:
        from chalicelib.dynamo import schema

        self.name = name
        self._where = where
        self._models = schema.MODELS
        dynamodb = where["AWS_ENDPOINT_URL_DYNAMODB"]
        self._client: Any = boto3.client("dynamodb", endpoint_url=dynamodb)

    def use(self) -> None:
        """Points the product's models here, and empties the tables."""
        if any(os.environ.get(key) != url for key, url in self._where.items()):
            self.connect()
        for model in self._models:
            self._empty(model.Meta.table_name)

    def connect(self) -> None:
        os.environ.update(self._where)
        forget_connections()

    def _empty(self, table: str) -> None:
        """Deletes the items: much faster than making the table anew."""
        keys = [k["AttributeName"] for k in self._key_schema(table)]
        for page in self._client.get_paginator("scan").paginate(TableName=table):
            for item in page["Items"]:
                self._client.delete_item(TableName=table, Key={key: item[key] for key in keys})

    def _key_schema(self, table: str) -> Any:
        model = next(model for model in self._models if model.Meta.table_name == table)
        return model._get_schema()["key_schema"]


def _open_tables(name: str, where: Endpoints, patch: pytest.MonkeyPatch) -> Tables:
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
    """Makes the models and the other clients connect anew, to where the environment says."""
    from chalicelib.dynamo import schema
    from chalicelib.s3 import client as s3
    from chalicelib.sqs import client as sqs

    s3.client.cache_clear()
    sqs.client.cache_clear()
    for model in schema.MODELS:
        _forget_connection(model)


def _forget_connection(model: Any) -> None:
    """A model keeps the client that it made first, and with it that client's endpoint."""
    model._connection = None
    for derived in model.__subclasses__():
        _forget_connection(derived)
