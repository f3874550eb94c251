"""The cost of a job beside a short and a long history, in one run, on the durable stack.

Two stores hold one history each, and are measured in turn, so that the machine's speed is the same
for both. A history is a run's items, written again and again under other ids, as old runs would be;
the short one is overwritten until its store has compiled what the long one's has.
"""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from statistics import median
from typing import Any

import boto3
from chalice.test import Client

from chalicelib.dynamo import schema
from chalicelib.dynamo.run_items import PartitionItem
from chalicelib.ids import derived_ulid
from chalicelib.operations import authentication
from infra.local import dynamodb_local
from infra.local.backends import Endpoints, durable
from infra.local.processes import Processes
from tests.bench.calls import save, total
from tests.bench.product import Meter, Used, product
from tests.bench.rows import Row, percentile
from tests.simulation.schedule import Laboratory
from tests.stack.backends import forget_connections

SHORT, LONG = 100, 100_000
WARM_UPS, TIMES, ROUNDS = 500, 40, 7
WARM_UPS_AFTERWARDS = 30
WARM_UPS_OF_A_ROUND = 5  # the clients connect anew
OVERWRITTEN = 10_000  # runs that are written at least
SLOWER_AT_MOST = 1.10
WRITERS, BATCH = 8, 25
BEGIN = datetime(2026, 1, 1, tzinfo=timezone.utc)
STORE = "AWS_ENDPOINT_URL_DYNAMODB"


class Store:
    """A DynamoDB with an installation's tables, one agent and one task."""

    def __init__(self, url: str, client: Client, depth: int) -> None:
        self._url = url
        self.use()
        schema.create_all()
        laboratory = Laboratory(client)
        self._people = laboratory.people
        self._agent = laboratory.agent(1001)
        self._agent.result("agent.heartbeat")
        step = f'[[step]]\nCMD = "true"\nServerID = "{self._agent.id}"\n'
        self._path = save(laboratory, "history", step)
        for _ in range(WARM_UPS):
            self.one_job()
        _forget_runs()
        _grow(self.one_job(), depth)
        for _ in range(WARM_UPS_AFTERWARDS):
            self.one_job()

    def use(self) -> None:
        """From here on the product's tables are these."""
        os.environ[STORE] = self._url
        forget_connections()
        authentication.forget_everybody()

    def one_job(self) -> str:
        """From its trigger to its end, shown and listed; answers its run's id."""
        people, agent, path = self._people, self._agent, self._path
        run_id: str = people.data("POST", path)["id"]
        (job,) = agent.poll()["jobs"]
        agent.result("job.start", **{key: job[key] for key in ("run_id", "job_id", "lease")})
        agent.finish(job)
        people.data("GET", f"/runs/{run_id}")
        people.data("GET", "/runs?limit=20")
        people.data("GET", path.replace("/execute", "/executions"))
        return run_id


class Round:
    """Some jobs on one store: what they used, and median milliseconds in all and outside of AWS."""

    def __init__(self, store: Store, meter: Meter) -> None:
        store.use()
        for _ in range(WARM_UPS_OF_A_ROUND):
            store.one_job()
        took, own, parts = [], [], []
        for _ in range(TIMES):
            meter.take()
            began = time.perf_counter()
            store.one_job()
            took.append((time.perf_counter() - began) * 1_000)
            parts.append(meter.take())
            own.append(took[-1] - parts[-1].seconds * 1_000)
        self.used: Used = total(parts)
        self.took, self.own = percentile(took, 50), percentile(own, 50)


def measure() -> list[Row]:
    """A quarter of an hour, most of it for writing the history."""
    urls: list[str] = []

    def two_stores(processes: Processes, state: Path) -> Endpoints:
        found = durable(processes, state / "short")
        _, url = dynamodb_local.start(processes, state / "long")
        urls.extend([found[STORE], url])
        return found

    with product(two_stores) as (laboratory, meter):
        short, long = (
            Store(url, laboratory.client, depth)
            for url, depth in zip(urls, (SHORT, LONG), strict=True)
        )
        rounds = [_round(short, long, meter, turned=bool(turn % 2)) for turn in range(ROUNDS)]
    return _rows(rounds)


def _round(short: Store, long: Store, meter: Meter, *, turned: bool) -> tuple[Round, Round]:
    """Both stores, now one first and now the other."""
    if turned:
        of_long = Round(long, meter)
        return Round(short, meter), of_long
    return Round(short, meter), Round(long, meter)


def _rows(rounds: list[tuple[Round, Round]]) -> list[Row]:
    what = f"a job from trigger to end, shown and listed: history of {SHORT} or {LONG:,} runs"
    calls = [each.used.calls for each in rounds[-1]]
    counts = " and ".join(f"{found.total() / TIMES:g}" for found in calls)
    return [
        Row(f"{what}: calls of AWS", counts, "the same", calls[0] == calls[1]),
        _ratio(f"{what}: time", [(short.took, long.took) for short, long in rounds]),
        _ratio(f"{what}: of it outside of AWS", [(short.own, long.own) for short, long in rounds]),
    ]


def _ratio(what: str, pairs: list[tuple[float, float]]) -> Row:
    """The middle one of the rounds' ratios, so that what disturbs a round counts for nothing."""
    ratios = sorted(long / short for short, long in pairs)
    short, long = (median(times) for times in zip(*pairs, strict=True))
    text = f"{short:.1f} and {long:.1f} ms, ratio {median(ratios):.2f}"
    spread = f"({ratios[0]:.2f} to {ratios[-1]:.2f}, {len(ratios)} rounds)"
    goal = f"ratio ≤ {SLOWER_AT_MOST:.2f}"
    return Row(what, f"{text} {spread}", goal, median(ratios) <= SLOWER_AT_MOST)


def _forget_runs() -> None:
    with PartitionItem.batch_write() as batch:
        for item in PartitionItem.scan(attributes_to_get=["run_id", "item", "kind"]):
            batch.delete(item)


def _grow(run_id: str, depth: int) -> None:
    """Makes so many more runs of the run's items, a minute apart, in the past."""
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
        for _ in writers.map(write, _batches(items, depth)):
            pass


def _batches(items: list[dict[str, Any]], depth: int) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for written in range(max(depth, OVERWRITTEN)):
        number = written % depth
        at = BEGIN + timedelta(minutes=number)
        run_id = derived_ulid(at, f"{number:010d}".encode())
        for item in items:
            batch.append({**item, "run_id": {"S": run_id}})
            if len(batch) == BATCH:
                yield batch
                batch = []
    if batch:
        yield batch
