"""Processor time of one call of AWS: of DynamoDB through PynamoDB with our transport, beside the
same PynamoDB over its own client of botocore; and of a presigned URL, beside botocore's.

Of this process alone, on the default store, in turns of both.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import boto3
from botocore.config import Config
from pynamodb.attributes import JSONAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model

from chalicelib.dynamo.base import InstantAttribute, TableMeta
from chalicelib.dynamo.transport import TableModel
from chalicelib.s3 import objects
from chalicelib.settings import settings
from infra.local import dynalite
from infra.local.addresses import HOST
from infra.local.environment import base
from infra.local.processes import Processes
from tests.bench.history import BEGIN
from tests.bench.rows import Figure, Row, Scaling, at_most
from tests.stack.backends import forget_connections

OURS, THEIRS, RATIO = "ours", "PynamoDB's own", "of it"
TURNS, TIMES, WARM_UPS = 9, 40, 40
ITEMS = 10
GOAL_MS, PRESIGNED_GOAL_MS = 0.6, 0.1


class Open(GlobalSecondaryIndex[Any]):
    """As an agent's inbox is: sparse."""

    class Meta:
        index_name = "open"
        projection = AllProjection()

    inbox = UnicodeAttribute(hash_key=True)
    run_id = UnicodeAttribute(range_key=True)


def model(base_model: type[Model]) -> Any:
    """An item as jobs are, of the one or the other kind."""

    class Item(base_model):  # type: ignore[valid-type, misc]
        class Meta(TableMeta):
            table_name = "bench-calls"

        run_id = UnicodeAttribute(hash_key=True)
        item = UnicodeAttribute(range_key=True)
        inbox = UnicodeAttribute(null=True)
        state = UnicodeAttribute()
        attempt = NumberAttribute(default=1)
        lease = UnicodeAttribute(null=True)
        parameters = JSONAttribute(null=True)
        created_at = InstantAttribute()
        open = Open()

    return Item


@dataclass(frozen=True)
class Calls:
    """What is measured, with one kind of model."""

    item: Any

    def kinds(self) -> Mapping[str, Callable[[], object]]:
        return {
            "put": self.put,
            "conditional update": self.update,
            "get": lambda: self.item.get("run-0", "JOB#000"),
            "query of an index, nothing found": lambda: list(self.item.open.query("nobody")),
            f"query of {ITEMS} items": lambda: list(self.item.query("run-0")),
        }

    def put(self) -> None:
        self.made(0).save()

    def made(self, number: int) -> Any:
        return self.item(
            run_id="run-0",
            item=f"JOB#{number:03}",
            state="queued",
            parameters={"version": "1.2.3", "stage": "production"},
            created_at=BEGIN,
        )

    def update(self) -> None:
        item = self.item
        actions = [item.state.set("claimed"), item.lease.set("a" * 32), item.attempt.set(2)]
        condition = item.state.is_in("queued", "claimed") & item.run_id.exists()
        item(run_id="run-0", item="JOB#000").update(actions=actions, condition=condition)


def measure() -> list[Row]:
    """Ten seconds."""
    with _store():
        ours, theirs = (Calls(model(each)) for each in (TableModel, Model))
        ours.item.create_table(wait=True, billing_mode="PAY_PER_REQUEST")
        for number in range(ITEMS):
            ours.made(number).save()
        rows = [
            _row(f"processor time of a call of DynamoDB: {name}", call, theirs.kinds()[name])
            for name, call in ours.kinds().items()
        ]
    return [*rows, _presigned()]


@contextmanager
def _store() -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="plumber-bench-") as directory:
        processes = Processes(Path(directory) / "logs", base(os.environ))
        try:
            _, os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = dynalite.start(
                processes, Path(directory) / "dynamodb"
            )
            forget_connections()
            yield
        finally:
            del os.environ["AWS_ENDPOINT_URL_DYNAMODB"]
            forget_connections()
            processes.stop()


def _presigned() -> Row:
    place = f"http://{HOST}:9"  # asked by nobody
    botocores = boto3.client("s3", endpoint_url=place, config=Config(signature_version="s3v4"))
    named = {"Bucket": settings.bucket, "Key": "logs/run/1-agent/1/0000000001"}
    return _row(
        "processor time of a presigned URL",
        lambda: objects.presigned_put(named["Key"]),
        lambda: botocores.generate_presigned_url("put_object", Params=named),
        PRESIGNED_GOAL_MS,
    )


def _row(
    what: str, ours: Callable[[], object], theirs: Callable[[], object], goal_ms: float = GOAL_MS
) -> Row:
    for work in (ours, theirs):
        _milliseconds(work, WARM_UPS)
    pairs = [(_milliseconds(ours, TIMES), _milliseconds(theirs, TIMES)) for _ in range(TURNS)]
    our_ms, their_ms = (median(each) for each in zip(*pairs, strict=True))
    ratio = median(mine / other for mine, other in pairs)
    figures = {
        OURS: Figure("{:.2f} ms", (our_ms,), "", Scaling.TIME),
        THEIRS: Figure("{:.2f} ms", (their_ms,), "", Scaling.TIME),
        RATIO: Figure("{:.0f} %", (ratio * 100,)),
    }
    return Row(what, figures, at_most(goal_ms))


def _milliseconds(work: Callable[[], object], times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - began) / times * 1_000
