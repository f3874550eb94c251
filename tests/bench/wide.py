"""What the ends of a wide step's jobs cost, the first and the last, when a tenth of them fail."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from chalicelib.access.by import INSTALLATION
from chalicelib.dynamo import runs, steps
from chalicelib.dynamo.run_items import JobItem, PartitionItem, job_sort_key
from chalicelib.dynamo.transport import dynamodb
from chalicelib.operations.runs.advance import advance
from chalicelib.operations.runs.report import Report, report_end
from chalicelib.runs.job import JobKey, JobState, Outcome
from chalicelib.runs.run import Progress as RunProgress
from chalicelib.runs.run import Run, RunState, RunStep, at_step
from chalicelib.tasks.target import Targets
from chalicelib.tasks.task import Amount, Step
from tests.api.conftest import agent_id
from tests.bench.product import Meter, Used, product
from tests.bench.rows import Figure, Row, Scaling, Wish, at_least, at_most, row

JOBS, A_FAILURE_IN = 5_000, 10
PART = 500  # ends that are measured together
PARTITION = 1_000  # write units a second, AWS's limit
UNIT, LARGEST = 1_024, 8_192  # bytes: of a write unit, and of what a claim may read
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
RUN = Run(
    id="01KDVPE000" + "W" * 16, task_id="T", task_name="wide", revision=1, step_count=1,
    state=RunState.RUNNING, triggered_by=INSTALLATION, created_at=NOW,
    expires_at=NOW + timedelta(days=90),
)  # fmt: skip
STEP = Step(
    1, "all", Targets(everybody=True), command="true", max_failures=Amount(20, is_percent=True)
)
LEASE = "L" * 32


@dataclass(frozen=True)
class Part:
    """Some ends after each other: what they used, in how many seconds."""

    used: Used
    seconds: float

    @property
    def rate(self) -> float:
        return PART / self.seconds

    @property
    def units(self) -> float:
        """Write units for an end, without those of indexes: the default store leaves them out."""
        return self.used.write_units / PART


def measure() -> list[Row]:
    """A minute, in one process, on the default store."""
    with product() as (_, meter):
        _build()
        parts = [_part(meter, first) for first in range(0, JOBS - 2 * PART, PART)]
        sizes = list(_sizes())
        assert runs.stop(RUN.id, JobState.CANCELLED, "It is measured.")
        advance(RUN.id, NOW, spreads=False)
        stopped = _part(meter, JOBS - 2 * PART)
    largest, what = max(sizes)
    gate = max(size for size, kind in sizes if kind == "gate")
    first, last = parts[0], parts[-1]
    step = f"a step of {JOBS:,} jobs, {100 // A_FAILURE_IN} % of which fail"
    both = f"of the first {PART} ends and of the last"
    return [
        row(
            f"{step}: ends per second, one after the other, {both}",
            Figure("{:.0f} and {:.0f}", (first.rate, last.rate), "", Scaling.RATE),
        ),
        row(
            f"{step}: write units for an end, {both}",
            Figure("{:.2f} and {:.2f}", (first.units, last.units)),
            at_most(3, 3),
        ),
        row(
            f"{step}: ends per second that AWS allows for so many units, {both}",
            Figure("{:.0f} and {:.0f}", (PARTITION / first.units, PARTITION / last.units)),
            at_least(300, 300),
        ),
        row(
            f"{step}, stopped with {2 * PART:,} at work: reads and read units for an end",
            Figure("{:.2f}, {:.1f}", (stopped.used.reads / PART, stopped.used.read_units / PART)),
            at_most(1, 5),
        ),
        row(
            f"{step}: the largest item",
            f"{largest:,} bytes ({what}), the gate {gate:,}",
            Wish(f"≤ {LARGEST:,} bytes, the gate ≤ {UNIT:,}", largest <= LARGEST and gate <= UNIT),
        ),
    ]


def _build() -> None:
    """The run with all its jobs at work."""
    agents = {agent_id(10**6 + n): f"web-{n:05}" for n in range(JOBS)}
    step = RunStep(STEP, JOBS, None, agents)
    steps.freeze(RUN.id, [step], RUN.expires_at)
    assert runs.create(at_step(RunProgress(RUN, [step]), 1))
    with PartitionItem.batch_write() as batch:
        for index, agent in enumerate(agents):
            batch.save(_job(index, agent))


def _key(index: int) -> JobKey:
    return JobKey(RUN.id, 1, agent_id(10**6 + index))


def _job(index: int, agent: str) -> JobItem:
    return JobItem(
        RUN.id, job_sort_key(JobKey(RUN.id, 1, agent)), state=JobState.RUNNING.value, index=index,
        lease=LEASE, lost_after_seconds=600, inbox_of=agent, agent_id=agent, queued_at=NOW,
        claimed_at=NOW, started_at=NOW, ttl=RUN.expires_at,
    )  # fmt: skip


def _part(meter: Meter, first: int) -> Part:
    meter.take()
    began = time.perf_counter()
    for index in range(first, first + PART):
        exit_code = 1 if index % A_FAILURE_IN == 0 else 0
        report_end(_key(index), LEASE, Report(Outcome.EXITED, exit_code, None, 10, None), NOW)
    return Part(meter.take(), time.perf_counter() - began)


def _sizes() -> Iterator[tuple[int, str]]:
    """Of the run's items, and what they are, as DynamoDB counts them against its 400 KB."""
    start: Mapping[str, Any] | None = None
    while True:
        asked = {
            "TableName": PartitionItem.Meta.table_name,
            "KeyConditionExpression": "run_id = :run",
            "ExpressionAttributeValues": {":run": {"S": RUN.id}},
            **({"ExclusiveStartKey": start} if start else {}),
        }
        answer = json.loads(dynamodb().send("Query", json.dumps(asked).encode()))
        for item in answer["Items"]:
            yield sum(len(name) + _size(value) for name, value in item.items()), item["kind"]["S"]
        if (start := answer.get("LastEvaluatedKey")) is None:
            return


def _size(value: Mapping[str, Any]) -> int:
    """Of an attribute's value: see "DynamoDB item sizes and formats" in AWS's guide."""
    ((kind, inner),) = value.items()
    match kind:
        case "S":
            return len(inner.encode())
        case "N":
            return (len(inner.strip("-").replace(".", "")) + 1) // 2 + 1
        case "SS" | "NS":
            return sum(_size({kind[0]: each}) for each in inner)
        case "L":
            return 3 + sum(1 + _size(each) for each in inner)
        case "M":
            return 3 + sum(1 + len(name) + _size(each) for name, each in inner.items())
        case _:
            return 1
