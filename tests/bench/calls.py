"""AWS calls per operation and per job of a rolling step, counted at the botocore layer."""

import json
import logging
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.client import BaseClient

from chalicelib.dynamo import runs
from chalicelib.job import JobState
from infra.local.environment import base
from tests.api.conftest import RpcAgent
from tests.bench.rows import Row
from tests.simulation.schedule import Laboratory, laboratory

WIDTHS = (30, 300)
READS = ("GetItem", "BatchGetItem", "Query", "Scan")
BUDGETS = {  # design §3: writes, reads
    "trigger, one step on one agent": (4, 2),
    "heartbeat": (1, 0),
    "poll, nothing to do": (0, 1),
    "claim": (2, 2),
    "report the end of a job in the middle of a run": (4, 2),
    "view a run": (0, 1),
    "per job of a rolling step": (5, 4),
}


class Counts:
    """Calls since the last look."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def take(self) -> tuple[int, int]:
        """Writes and reads."""
        reads = sum(number for name, number in self.calls.items() if name in READS)
        writes = self.calls.total() - reads
        self.calls.clear()
        return writes, reads


@contextmanager
def counted() -> Iterator[Counts]:
    """Counts every DynamoDB call of this process."""
    counts, real = Counts(), BaseClient._make_api_call  # type: ignore[attr-defined]

    def through(client: BaseClient, operation: str, arguments: Any) -> Any:
        counts.calls[operation] += 1
        return real(client, operation, arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", through)
        yield counts


def _save(lab: Laboratory, name: str, steps: str) -> str:
    source = f'Name = "{name}"\n{steps}'
    task_id: str = lab.people.data("POST", "/tasks", {"definition": source})["task"]["id"]
    return task_id


def narrow(lab: Laboratory, counts: Counts, one: RpcAgent) -> dict[str, tuple[int, int]]:
    """Each operation by itself, with everybody's token in the warm process's memory."""
    step = f'[[step]]\nCMD = "true"\nServerID = "{one.id}"\n'
    path = f"/tasks/{_save(lab, 'narrow', step * 3)}/execute"
    one.result("agent.heartbeat")
    found: dict[str, tuple[int, int]] = {}
    counts.take()
    run_id = lab.people.data("POST", path)["id"]
    found["trigger, one step on one agent"] = counts.take()
    (first,) = one.poll()["jobs"]
    one.finish(first)
    counts.take()
    (second,) = one.poll()["jobs"]
    found["claim"] = counts.take()
    one.finish(second)
    found["report the end of a job in the middle of a run"] = counts.take()
    lab.people.data("GET", f"/runs/{run_id}")
    found["view a run"] = counts.take()
    (third,) = one.poll()["jobs"]
    one.finish(third)
    counts.take()
    one.result("agent.heartbeat")
    found["heartbeat"] = counts.take()
    one.poll()
    found["poll, nothing to do"] = counts.take()
    return found


def wide(lab: Laboratory, counts: Counts, agents: list[RpcAgent]) -> tuple[float, float, int]:
    """Writes and reads per job of a step with MaxParallel 10 %, and the most active at once."""
    ids = json.dumps([each.id for each in agents])
    step = f'[[step]]\nCMD = "true"\nServerID = {ids}\nMaxParallel = "10%"\n'
    path = f"/tasks/{_save(lab, f'wide {len(agents)}', step)}/execute"
    counts.take()
    run_id = lab.people.data("POST", path)["id"]
    writes, reads = counts.take()
    most, left = 0, {each.id: each for each in agents}
    while left:
        progress = runs.progress(run_id)
        assert progress is not None
        queued = [job for job in progress.jobs if not job.state.is_terminal]
        most = max(most, len(queued))
        counts.take()
        for job in queued:
            agent = left.pop(job.key.agent_id)
            (offer,) = agent.poll()["jobs"]
            reference = {key: offer[key] for key in ("run_id", "job_id", "lease")}
            agent.result("job.start", **reference)
            agent.finish(offer)
            more = counts.take()
            writes, reads = writes + more[0], reads + more[1]
    progress = runs.progress(run_id)
    assert progress is not None
    assert {job.state for job in progress.jobs} == {JobState.SUCCEEDED}
    return writes / len(agents), reads / len(agents), most


def measure() -> list[Row]:
    """In one process, over AWS in memory, with every caller's token in its memory."""
    os.environ.update(base(os.environ))
    logging.disable(logging.CRITICAL)
    with laboratory() as lab, counted() as counts:
        agents = [lab.agent(number) for number in range(1001, 1001 + max(WIDTHS))]
        for each in agents:
            each.result("agent.heartbeat")
        found = narrow(lab, counts, agents[0])
        rows = [_row(name, found[name], BUDGETS[name]) for name in BUDGETS if name in found]
        for width in WIDTHS:
            writes, reads, most = wide(lab, counts, agents[:width])
            name = "per job of a rolling step"
            rows.append(_row(f"{name}, {width} agents", (writes, reads), BUDGETS[name]))
            what = f"most jobs active at once, {width} agents, MaxParallel 10%"
            rows.append(Row(what, str(most), f"≤ {width // 10}", most <= width // 10))
    logging.disable(logging.NOTSET)
    return rows


def _row(what: str, found: tuple[float, float], budget: tuple[int, int]) -> Row:
    is_met = round(found[0], 1) <= budget[0] and round(found[1], 1) <= budget[1]
    words = "{:.3g} writes, {:.3g} reads"
    return Row(f"DynamoDB: {what}", words.format(*found), "≤ " + words.format(*budget), is_met)
