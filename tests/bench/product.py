"""The product in this process, with everything that it asks of AWS counted: calls, consumed units,
bytes. DynamoDB Local counts units as AWS bills them; dynalite leaves out those of indexes."""

import json
import logging
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient
from chalice.test import Client as TestClient

from chalicelib.aws.client import Client
from infra.local.backends import Start, local
from infra.local.environment import base
from infra.local.processes import Processes
from tests.simulation.schedule import Laboratory

READS = ("GetItem", "BatchGetItem", "Query", "Scan")


@dataclass
class Used:
    """What AWS was asked for. `units` are those that DynamoDB bills: of writes, then of reads."""

    calls: Counter[str] = field(default_factory=Counter)  # by service and operation
    write_units: float = 0.0
    read_units: float = 0.0
    bytes: int = 0  # of DynamoDB's and SQS's bodies
    seconds: float = 0.0  # from the call to its answer

    def of(self, service: str) -> int:
        """Calls of one service."""
        return sum(n for name, n in self.calls.items() if name.startswith(f"{service}."))

    @property
    def reads(self) -> int:
        """Calls of DynamoDB that read."""
        return sum(self.calls[f"dynamodb.{name}"] for name in READS)

    @property
    def writes(self) -> int:
        """Calls of DynamoDB that write."""
        return self.of("dynamodb") - self.reads


class Meter:
    """What has been used since the last look."""

    def __init__(self) -> None:
        self._used = Used()

    def take(self) -> Used:
        """And begins anew."""
        used, self._used = self._used, Used()
        return used

    def note_call(self, service: str, operation: str, answer: Mapping[str, Any]) -> None:
        """One call of AWS."""
        self._used.calls[f"{service}.{operation}"] += 1
        consumed = answer.get("ConsumedCapacity") or []
        for each in [consumed] if isinstance(consumed, dict) else consumed:
            units = float(each.get("CapacityUnits") or 0)
            if operation in READS:
                self._used.read_units += units
            else:
                self._used.write_units += units

    def note_seconds(self, seconds: float) -> None:
        """How long a call took."""
        self._used.seconds += seconds

    def note_bytes(self, count: int) -> None:
        """Of requests and answers, without their headers."""
        self._used.bytes += count


@contextmanager
def metered() -> Iterator[Meter]:
    """Counts every call of AWS that this process makes."""
    meter = Meter()
    call, send = BaseClient._make_api_call, Client.send  # type: ignore[attr-defined]

    def counted_call(client: BaseClient, operation: str, arguments: Any) -> Any:
        began = time.perf_counter()
        answer = call(client, operation, arguments)
        meter.note_seconds(time.perf_counter() - began)
        meter.note_call(client.meta.service_model.service_name, operation, answer)
        return answer

    def counted_send(client: Client, operation: str, body: bytes) -> bytes:
        began = time.perf_counter()
        answer = send(client, operation, body)
        meter.note_seconds(time.perf_counter() - began)
        meter.note_call(client.name, operation, json.loads(answer or b"{}"))
        meter.note_bytes(len(body) + len(answer))
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", counted_call)
        patch.setattr(Client, "send", counted_send)
        yield meter


@contextmanager
def product(backend: Start = local) -> Iterator[tuple[Laboratory, Meter]]:
    """An installation with an admin, and its meter."""
    with tempfile.TemporaryDirectory(prefix="plumber-bench-") as directory:
        processes = Processes(Path(directory) / "logs", base(os.environ))
        os.environ.update(base(os.environ))
        try:
            os.environ.update(backend(processes, Path(directory)))
            with _in_this_process() as laboratory, metered() as meter:
                yield laboratory, meter
        finally:
            processes.stop()


@contextmanager
def _in_this_process() -> Iterator[Laboratory]:
    from app import app
    from chalicelib.dynamo import schema
    from chalicelib.operations.access import authentication
    from chalicelib.s3 import buckets
    from tests.stack.backends import forget_connections

    forget_connections()
    authentication.forget_everybody()
    logging.disable(logging.CRITICAL)
    schema.create_all()
    buckets.create()
    try:
        with pytest.MonkeyPatch.context() as patch, TestClient(app) as client:
            # On a slow machine too a caller is read once, and what is counted is the same.
            patch.setattr(authentication, "REMEMBERED_FOR", timedelta(days=1))
            yield Laboratory(client)
    finally:
        logging.disable(logging.NOTSET)
