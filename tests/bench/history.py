"""The cost of a job beside a short and a long history, in one run, on the durable stack.

The long history is a run's items, written again and again under other ids, as old runs would be.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

import boto3

from chalicelib.dynamo.run_items import PartitionItem
from chalicelib.ids import derived_ulid
from infra.local.backends import durable
from tests.api.conftest import RpcAgent
from tests.bench.calls import save, total
from tests.bench.product import Meter, Used, product
from tests.bench.rows import Row, percentile
from tests.simulation.schedule import Laboratory

SHORT, LONG = 100, 100_000
TIMES, ROUNDS = 60, 3
SLOWER_AT_MOST = 1.10
WRITERS, BATCH = 8, 25
BEGIN = datetime(2026, 1, 1, tzinfo=timezone.utc)


def measure() -> list[Row]:
    """Some minutes, most of them for writing the history."""
    with product(durable) as (lab, meter):
        one = lab.agent(1001)
        one.result("agent.heartbeat")
        path = save(lab, "history", f'[[step]]\nCMD = "true"\nServerID = "{one.id}"\n')
        for _ in range(20):  # a warm process
            _one_job(lab, one, path)
        found = {}
        for depth, more in ((SHORT, SHORT), (LONG, LONG - SHORT)):
            _grow(_one_job(lab, one, path), found=len(found), count=more)
            found[depth] = _rounds(lab, meter, one, path)
    (short_used, short_ms, short_own), (long_used, long_ms, long_own) = found[SHORT], found[LONG]
    ratio, own = long_ms / short_ms, long_own / short_own
    same = short_used.calls == long_used.calls
    what = f"a job from trigger to end, shown and listed: history of {SHORT} or {LONG:,} runs"
    return [
        Row(
            f"{what}: calls of AWS",
            f"{short_used.calls.total() / TIMES:g} and {long_used.calls.total() / TIMES:g}",
            "the same",
            same,
        ),
        Row(
            f"{what}: time",
            f"{short_ms:.1f} and {long_ms:.1f} ms, ratio {ratio:.2f} (medians, best of {ROUNDS})",
            "ratio ≤ 1.10",
            ratio <= SLOWER_AT_MOST,
        ),
        Row(
            f"{what}: of it outside of AWS calls",
            f"{short_own:.1f} and {long_own:.1f} ms, ratio {own:.2f}",
            "ratio ≤ 1.10",
            own <= SLOWER_AT_MOST,
        ),
    ]


def _one_job(lab: Laboratory, one: RpcAgent, path: str) -> str:
    run_id: str = lab.people.data("POST", path)["id"]
    (job,) = one.poll()["jobs"]
    one.result("job.start", **{key: job[key] for key in ("run_id", "job_id", "lease")})
    one.finish(job)
    lab.people.data("GET", f"/runs/{run_id}")
    lab.people.data("GET", "/runs?limit=20")
    lab.people.data("GET", path.replace("/execute", "/executions"))
    return run_id


def _rounds(lab: Laboratory, meter: Meter, one: RpcAgent, path: str) -> tuple[Used, float, float]:
    """What some jobs use, and of the best round the median times: all, and outside of AWS."""
    medians, owns, used = [], [], Used()
    for _ in range(ROUNDS):
        took, own, parts = [], [], []
        for _ in range(TIMES):
            meter.take()
            began = time.perf_counter()
            _one_job(lab, one, path)
            took.append((time.perf_counter() - began) * 1_000)
            parts.append(meter.take())
            own.append(took[-1] - parts[-1].seconds * 1_000)
        medians.append(percentile(took, 50))
        owns.append(percentile(own, 50))
        used = total(parts)
    return used, min(medians), min(owns)


def _grow(run_id: str, found: int, count: int) -> None:
    """Writes the run's items so many times more, a minute apart, in the past."""
    table = PartitionItem.Meta.table_name
    client: Any = boto3.client("dynamodb")
    key = {":run": {"S": run_id}}
    items = client.query(
        TableName=table, KeyConditionExpression="run_id = :run", ExpressionAttributeValues=key
    )["Items"]

    def write(batch: list[dict[str, Any]]) -> None:
        requests = [{"PutRequest": {"Item": item}} for item in batch]
        answer = client.batch_write_item(RequestItems={table: requests})
        assert not answer["UnprocessedItems"]

    with ThreadPoolExecutor(WRITERS) as writers:
        for _ in writers.map(write, _batches(items, found, count)):
            pass


def _batches(items: list[dict[str, Any]], found: int, count: int) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for number in range(count):
        at = BEGIN + timedelta(minutes=number)
        run_id = derived_ulid(at, f"{found}-{number}".encode() * 8)
        for item in items:
            batch.append({**item, "run_id": {"S": run_id}})
            if len(batch) == BATCH:
                yield batch
                batch = []
    if batch:
        yield batch
