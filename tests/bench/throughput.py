"""Short jobs a second: one step that fans out to ten agents, and runs that know nothing of each
other. On the durable stack."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from tests.bench.rows import Row
from tests.bench.stack import Stack, stack

AGENTS, ROUNDS, TIMES = 10, 10, 3
RUNS, CALLERS = 100, 4
LOOK_SECONDS = 0.5  # a run of a hundred jobs is a load of its own to show
FAN_OUT_GOAL, INDEPENDENT_GOAL = 80, 25


def measure() -> list[Row]:
    """Each of them three times, after a warm-up."""
    with stack() as running:
        started = [running.agent(f"agent-{number}") for number in range(AGENTS)]
        running.warm_up(*started)
        agents = [agent.id for agent in started]
        step = f'[[step]]\nServerID = {json.dumps(agents)}\nCMD = "true"\n'
        fan_out = running.save('Name = "fan-out"\n' + step * ROUNDS)
        singles = [
            running.save(f'Name = "single {n}"\n[[step]]\nServerID = "{agent}"\nCMD = "true"\n')
            for n, agent in enumerate(agents)
        ]
        wide = _rates(lambda: _fan_out(running, fan_out), AGENTS * ROUNDS)
        single = _rates(lambda: _independent(running, singles), RUNS)
    return [
        _row("short jobs of a fan-out to 10 agents, 10 steps", wide, FAN_OUT_GOAL),
        _row(f"independent one-step runs, {CALLERS} callers, 10 agents", single, INDEPENDENT_GOAL),
    ]


def _rates(work: Callable[[], list[Any]], count: int) -> list[float]:
    """How many a second, in each turn, slowest first: from the first run's creation to the last
    one's end, as the control plane tells them: when the request came that ended it."""
    turns = [work() for _ in range(TIMES + 1)][1:]
    return sorted(count / _seconds(runs) for runs in turns)


def _seconds(runs: list[Any]) -> float:
    began = min(_instant(run["created_at"]) for run in runs)
    ended = max(_instant(run["ended_at"]) for run in runs)
    return (ended - began).total_seconds()


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))  # Python 3.10 knows no Z


def _row(what: str, found: list[float], goal: int) -> Row:
    middle = found[len(found) // 2]
    text = f"{middle:.0f} /s ({found[0]:.0f} to {found[-1]:.0f}, {len(found)} times)"
    return Row(what, text, f"≥ {goal} /s", middle >= goal)


def _fan_out(running: Stack, task: str) -> list[Any]:
    return [_wait(running, running.trigger(task))]


def _independent(running: Stack, tasks: list[str]) -> list[Any]:
    with ThreadPoolExecutor(CALLERS) as callers:
        started = list(callers.map(running.trigger, (tasks[n % len(tasks)] for n in range(RUNS))))
    return [_wait(running, run_id) for run_id in started]


def _wait(running: Stack, run_id: str) -> Any:
    while (run := running.run(run_id))["ended_at"] is None:
        time.sleep(LOOK_SECONDS)
    assert run["state"] == "succeeded", run
    return run
