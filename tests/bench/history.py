"""The cost of a job beside a short and a long history, in one run, on the store of either stack.

Two stores of a kind hold one history each, and are measured in turn, so that the machine's speed is
the same for both. The product is in this process; S3 and SQS are the same for all. A history is a
run's items, written again and again under other ids, as old runs would be; the short one is
overwritten until its store has compiled what the long one's has.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any

import boto3
from chalice.test import Client

from chalicelib.dynamo import schema
from chalicelib.dynamo.run_items import PartitionItem
from chalicelib.ids import derived_ulid
from chalicelib.operations.access import authentication
from infra.local import dynalite, dynamodb_local
from infra.local.backends import Endpoints, local
from infra.local.processes import Processes
from tests.bench.calls import save, total
from tests.bench.product import Meter, Used, product
from tests.bench.rows import DEFAULT, DURABLE, Figure, Row, Wish, at_most, percentile
from tests.simulation.schedule import Laboratory
from tests.stack.backends import forget_connections

SHORT = 100
# Of the durable one the twentieth: DynamoDB Local takes a quarter of an hour to write the whole.
LONG = {DEFAULT: 100_000, DURABLE: 5_000}
STORES: Mapping[str, ModuleType] = {DEFAULT: dynalite, DURABLE: dynamodb_local}
WARM_UPS = {DEFAULT: 50, DURABLE: 300}  # jobs
TIMES, ROUNDS = 30, 5
WARM_UPS_AFTERWARDS = 30
WARM_UPS_OF_A_ROUND = 5  # the clients connect anew
OVERWRITTEN = 3_000  # runs that are written at least
SLOWER_AT_MOST = 1.05
WRITERS, BATCH = 8, 25
BEGIN = datetime(2026, 1, 1, tzinfo=timezone.utc)
STORE = "AWS_ENDPOINT_URL_DYNAMODB"


class Store:
    """A DynamoDB with an installation's tables, one agent and one task."""

    def __init__(self, url: str, client: Client, depth: int, warm_ups: int) -> None:
        self._url = url
        self.use()
        schema.create_all()
        laboratory = Laboratory(client)
        self._people = laboratory.people
        self._agent = laboratory.agent(1001)
        self._agent.result("agent.heartbeat")
        step = f'[[step]]\nCMD = "true"\nServerID = "{self._agent.id}"\n'
        self._path = save(laboratory, "history", step)
        for _ in range(warm_ups):
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
    """Four minutes, most of it for writing the histories."""
    urls: dict[str, list[str]] = {}

    def four_stores(processes: Processes, state: Path) -> Endpoints:
        for column, kind in STORES.items():
            places = [state / f"{column}-{name}" for name in ("short", "long")]
            urls[column] = [kind.start(processes, place)[1] for place in places]
        return local(processes, state)

    with product(four_stores) as (laboratory, meter):
        pairs = {column: _pair(column, urls[column], laboratory.client) for column in STORES}
        rounds: dict[str, list[tuple[Round, Round]]] = {column: [] for column in STORES}
        for turn in range(ROUNDS):
            for column, (short, long) in pairs.items():
                rounds[column].append(_round(short, long, meter, turned=bool(turn % 2)))
    return _rows(rounds)


def _pair(column: str, urls: Sequence[str], client: Client) -> tuple[Store, Store]:
    short, long = urls
    warm_ups = WARM_UPS[column]
    return Store(short, client, SHORT, warm_ups), Store(long, client, LONG[column], warm_ups)


def _round(short: Store, long: Store, meter: Meter, *, turned: bool) -> tuple[Round, Round]:
    """Both stores, now one first and now the other."""
    if turned:
        of_long = Round(long, meter)
        return Round(short, meter), of_long
    return Round(short, meter), Round(long, meter)


def _rows(rounds: Mapping[str, Sequence[tuple[Round, Round]]]) -> list[Row]:
    depths = f"history of {SHORT} or {LONG[DEFAULT]:,} runs (durable: {LONG[DURABLE]:,})"
    what = f"a job from trigger to end, shown and listed: {depths}"
    calls = {column: [each.used.calls for each in found[-1]] for column, found in rounds.items()}
    took = {c: [(short.took, long.took) for short, long in found] for c, found in rounds.items()}
    own = {c: [(short.own, long.own) for short, long in found] for c, found in rounds.items()}
    same = Wish("the same", all(short == long for short, long in calls.values()))
    return [
        Row(f"{what}: calls of AWS", {c: _counts(each) for c, each in calls.items()}, same),
        _ratios(f"{what}: time", took),
        _ratios(f"{what}: of it outside of AWS", own),
    ]


def _counts(calls: Sequence[Counter[str]]) -> Figure:
    return Figure("{:g} and {:g}", tuple(sum(each.values()) / TIMES for each in calls))


def _ratios(what: str, pairs: Mapping[str, Sequence[tuple[float, float]]]) -> Row:
    figures = {column: _ratio(each) for column, each in pairs.items()}
    return Row(what, figures, at_most(SLOWER_AT_MOST))


def _ratio(pairs: Sequence[tuple[float, float]]) -> Figure:
    """The middle one of the rounds' ratios, so that what disturbs a round counts for nothing."""
    ratios = sorted(long / short for short, long in pairs)
    short, long = (median(times) for times in zip(*pairs, strict=True))
    note = f" ({short:.1f} and {long:.1f} ms; {ratios[0]:.2f} to {ratios[-1]:.2f}, {ROUNDS} rounds)"
    return Figure("ratio {:.2f}", (median(ratios),), note)


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
