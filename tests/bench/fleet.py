"""What a fleet of 20,000 agents costs whoever wants 40 of them."""

import time
from datetime import datetime, timezone
from typing import Any

from msgspec.structs import replace

from chalicelib.agents.agent import Agent, Facts
from chalicelib.agents.target_index import version
from tests.api.conftest import agent_id
from tests.bench.product import Meter, Used, product
from tests.bench.rows import Row, Wish, row
from tests.simulation.schedule import Laboratory
from tests.stack.fleets import build

FLEET, FEW = 20_000, 40
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
FACTS = Facts("web-00001.example.org", "10.0.0.1", "Ubuntu 24.04", "x86_64", "0.1.0")
ONE = Agent(
    "", "", NOW, "0" * 64, FACTS, {"role": "web", "env": "prod"}, "prod", version=version(NOW)
)
# Each with the most reads, and read units for each of the 40, of which an agent takes one.
CHOICES = {
    "a label that 40 have": ('{ Labels = { canary = "yes" } }', 3, 1.2),
    "one that 40 have, one and a group that all have": (
        '{ Labels = { role = "web", canary = "yes" }, Group = "prod" }', 5, 1.5,
    ),
    "a label that 40 have, by a selector": ('{ Selector = "role!=db,canary" }', 3, 1.2),
}  # fmt: skip


def fleet() -> list[Agent]:
    """All with the same labels, and the last 40 with one more."""
    numbers = range(1, FLEET + 1)
    all_of_it = [replace(ONE, id=agent_id(10**6 + n), name=f"web-{n:05}") for n in numbers]
    few = [replace(each, labels={**each.labels, "canary": "yes"}) for each in all_of_it[-FEW:]]
    return all_of_it[:-FEW] + few


def measure() -> list[Row]:
    """In one process, on the default store."""
    with product() as (lab, meter):
        build(fleet())
        rows = [_choice(lab, meter, what) for what in CHOICES]
        rows.append(_refusal(lab, meter))
        rows += [
            _list(lab, meter, "a page of 100 of all", "", 6),
            _list(lab, meter, "the 40 with a label", "&label=canary=yes", 3),
            _list(lab, meter, "by a name", "&name=web-20000", 6),
        ]
    return rows


def _planned(lab: Laboratory, meter: Meter, targets: str) -> tuple[Any, Used, float]:
    source = f'Name = "t"\n[[step]]\nCMD = "true"\nTargets = {targets}\n'
    task_id = lab.people.data("POST", "/tasks", {"definition": source})["task"]["id"]
    meter.take()
    began = time.perf_counter()
    (planned,) = lab.people.data("POST", f"/tasks/{task_id}/plan", {})["steps"]
    seconds = time.perf_counter() - began
    used = meter.take()
    lab.people.data("DELETE", f"/tasks/{task_id}")
    return planned, used, seconds


def _choice(lab: Laboratory, meter: Meter, what: str) -> Row:
    targets, reads, units = CHOICES[what]
    planned, used, seconds = _planned(lab, meter, targets)
    chosen = sum(len(wave["agents"]) for wave in planned["waves"])
    is_met = chosen == FEW and used.reads <= reads and used.read_units <= units * FEW
    return row(
        f"plan of a step on {what}, of {FLEET:,} agents",
        f"{chosen} agents, {_words(used, seconds)}",
        Wish(f"≤ {reads} reads, {units * FEW:g} RRU", is_met),
    )


def _refusal(lab: Laboratory, meter: Meter) -> Row:
    planned, used, seconds = _planned(lab, meter, '{ Selector = "env" }')
    return row(
        f"plan of a step that {FLEET:,} agents fit",
        f"refused after {_words(used, seconds)}",
        Wish("refused", "at most 5,000" in planned["problem"]),
    )


def _list(lab: Laboratory, meter: Meter, what: str, query: str, reads: int) -> Row:
    meter.take()
    began = time.perf_counter()
    page = lab.people.data("GET", f"/agents?limit=100{query}")
    seconds = time.perf_counter() - began
    used = meter.take()
    return row(
        f"list of agents, {what}, of {FLEET:,}",
        f"{len(page['items'])} agents, {_words(used, seconds)}",
        Wish(f"≤ {reads} reads", used.reads <= reads),
    )


def _words(used: Used, seconds: float) -> str:
    return f"{used.reads} reads ({used.read_units:.3g} RRU), {seconds * 1_000:.0f} ms"
