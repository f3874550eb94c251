"""AWS calls per operation and per job of a rolling step, counted at the botocore layer."""

import json
import logging
import os
import sys
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


def main() -> None:
    """Prints a table."""
    os.environ.update(base(os.environ))
    logging.disable(logging.CRITICAL)
    with laboratory() as lab, counted() as counts:
        agents = [lab.agent(number) for number in range(1001, 1001 + max(WIDTHS))]
        for each in agents:
            each.result("agent.heartbeat")
        found: dict[str, tuple[float, float]] = dict(narrow(lab, counts, agents[0]))
        lines = []
        for width in WIDTHS:
            writes, reads, most = wide(lab, counts, agents[:width])
            found["per job of a rolling step"] = (writes, reads)
            lines.append(_row(f"per job of a rolling step, {width} agents", (writes, reads)))
            lines.append(f"| most jobs active at once, {width} agents | {most} | | {width // 10} |")
        rows = [
            _row(name, found[name]) for name in BUDGETS if name in found and "per job" not in name
        ]
        head = ["| operation | writes | reads | budget |", "| --- | --- | --- | --- |"]
        sys.stdout.write("\n".join([*head, *rows, *lines]) + "\n")


def _row(name: str, found: tuple[float, float]) -> str:
    writes, reads = BUDGETS[name.split(",")[0] if name.startswith("per job") else name]
    return f"| {name} | {found[0]:.3g} | {found[1]:.3g} | {writes} writes, {reads} reads |"


if __name__ == "__main__":
    main()
