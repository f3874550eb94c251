"""What a trigger for 5,000 agents takes, when its first command starts, beside a trigger for a
hundred, and when its last job is put. On the default stack, as processes. One agent is real and
stands first; the others never come."""

import time
from dataclasses import dataclass
from datetime import datetime, timezone

import pytest
import requests
from msgspec.structs import replace

from chalicelib.agents.agent import Agent
from tests.api.conftest import agent_id
from tests.bench.fleet import FACTS
from tests.bench.rows import Figure, Goal, Row, Scaling, at_most, row
from tests.bench.stack import Stack, stack
from tests.stack.fleets import build

WIDE, NARROW = 5_000, 100
TURNS = 3
PATIENCE_SECONDS = 300.0
SLICE = 250
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
ONE = Agent("", "", NOW, "0" * 64, FACTS, {}, None, version=1)


@dataclass(frozen=True)
class Took:
    """Seconds from the call: to its answer, to the start of the first command, to the last job, and
    of the cancel that followed."""

    answer: float
    first: float
    last: float
    cancel: float


def measure() -> list[Row]:
    """The best of some turns each: what disturbs the machine only ever adds."""
    with stack(agents=1) as made:
        _build(made)
        narrow, wide = _best(made, "narrow", NARROW), _best(made, "wide", WIDE)
    beside = f"; for {NARROW} agents {narrow.first:.2f} s"
    return [
        _row(f"trigger for {WIDE:,} agents, to its answer", wide.answer, at_most(2.0)),
        _row("the same, to the start of the first command", wide.first, at_most(2.0), beside),
        _row("the same, to its last job in an inbox", wide.last),
        _row("cancel of that run, to its answer", wide.cancel, at_most(2.0)),
    ]


def _row(what: str, seconds: float, goal: Goal | None = None, note: str = "") -> Row:
    return row(what, Figure("{:.2f} s", (seconds,), note, Scaling.TIME), goal)


def _build(made: Stack) -> None:
    """Labels the real agent, and writes the others straight to the store."""
    from tests.stack.backends import forget_connections

    labels = {"wide": "yes", "narrow": "yes"}
    made.plane.call("PATCH", f"/agents/{made.agents[0].id}", {"labels": labels, "name": "a-first"})
    with pytest.MonkeyPatch.context() as patch:
        for name, value in made.plane.environment.items():
            patch.setenv(name, value)
        forget_connections()
        build(
            replace(
                ONE,
                id=agent_id(2 * 10**6 + n),
                name=f"wide-{n:05}",
                labels=labels if n < NARROW else {"wide": "yes"},
            )
            for n in range(1, WIDE)
        )
    forget_connections()


def _best(made: Stack, label: str, size: int) -> Took:
    targets = f'Targets = {{ Labels = {{ {label} = "yes" }} }}'
    source = f'Name = "{label}"\n[[step]]\nCMD = "true"\nDeliverWithin = "1h"\n{targets}\n'
    task_id = made.save(source)
    took = [_once(made, task_id, size) for _ in range(TURNS)]
    return Took(*(min(getattr(each, name) for each in took) for name in Took.__annotations__))


def _once(made: Stack, task_id: str, size: int) -> Took:
    called_at, began = datetime.now(timezone.utc), time.perf_counter()  # noqa: TID251
    run_id = made.trigger(task_id)
    answer = time.perf_counter() - began
    # The real agent is the first of the roster, the others follow in the order of their numbers.
    for place in sorted({*range(SLICE, size - 1, SLICE), size - 1}):
        made.plane.wait_until(
            lambda at=place: _is_put(made, run_id, agent_id(2 * 10**6 + at)),  # type: ignore[misc]
            PATIENCE_SECONDS,
            f"job {place}",
        )
    last = time.perf_counter() - began
    path = f"/runs/{run_id}/jobs/1-{made.agents[0].id}"
    made.plane.wait_until(
        lambda: made.plane.call("GET", path)["started_at"] is not None,
        PATIENCE_SECONDS,
        "the first command",
    )
    at = made.plane.call("GET", path)["started_at"]
    started_at = datetime.fromisoformat(at.replace("Z", "+00:00"))
    began = time.perf_counter()
    made.plane.call("POST", f"/runs/{run_id}/cancel")
    cancel = time.perf_counter() - began
    made.plane.wait_until(
        lambda: made.run(run_id)["ended_at"] is not None, PATIENCE_SECONDS, "the run's end"
    )
    return Took(answer, (started_at - called_at).total_seconds(), last, cancel)


def _is_put(made: Stack, run_id: str, agent: str) -> bool:
    try:
        made.plane.call("GET", f"/runs/{run_id}/jobs/1-{agent}")
    except requests.HTTPError:  # 404 until then
        return False
    return True
