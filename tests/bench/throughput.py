"""Short jobs a second: one step that fans out to ten agents, and runs that know nothing of each
other; and what a job of a fan-out takes of the processor, by process."""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from tests.bench.processes import JOBS
from tests.bench.rows import Figure, Row, Scaling, at_least, at_most
from tests.bench.stack import Stack, both, in_turn

AGENTS, STEPS, TURNS = 10, 10, 5
RUNS, CALLERS = 100, 4
LOOK_SECONDS = 0.5  # a run of a hundred jobs is a load of its own to show
FAN_OUT_GOAL, INDEPENDENT_GOAL, PROCESSOR_GOAL_MS = 100, 60, 18


@dataclass(frozen=True)
class Turn:
    """Some jobs: how many a second, and the milliseconds of a processor that each of them took."""

    rate: float
    processor_ms: Mapping[str, float]


def measure() -> list[Row]:
    """Three minutes."""
    with both(AGENTS) as stacks:
        return rows(stacks, TURNS)


def rows(stacks: Mapping[str, Stack], turns: int) -> list[Row]:
    """On stacks with ten agents."""
    wide = in_turn({c: _FanOut(each) for c, each in stacks.items()}, turns, _FanOut.turn)
    single = in_turn({c: _Singles(each) for c, each in stacks.items()}, turns, _Singles.turn)
    return [
        _rates(f"short jobs of a fan-out to {AGENTS} agents, {STEPS} steps", wide, FAN_OUT_GOAL),
        _rates(
            f"independent one-step runs, {CALLERS} callers, {AGENTS} agents",
            single,
            INDEPENDENT_GOAL,
        ),
        Row(
            "processor time of a job of the fan-out",
            {column: _processor(found) for column, found in wide.items()},
            at_most(PROCESSOR_GOAL_MS),
        ),
        Row(
            "processor time of an independent run",
            {column: _processor(found) for column, found in single.items()},
        ),
    ]


class _FanOut:
    """Steps on all agents of a stack, one after the other."""

    def __init__(self, running: Stack) -> None:
        self._running = running
        self._task = running.save_fan_out("fan-out", STEPS)

    def turn(self) -> Turn:
        running, processor = self._running, self._running.processor()
        run = running.finished(running.trigger(self._task), LOOK_SECONDS)
        return _turn([run], AGENTS * STEPS, processor.used())


class _Singles:
    """Runs of one job, on one agent after the other."""

    def __init__(self, running: Stack) -> None:
        self._running = running
        self._tasks = [
            running.save(f'Name = "single {n}"\n[[step]]\nServerID = "{agent.id}"\nCMD = "true"\n')
            for n, agent in enumerate(running.agents)
        ]

    def turn(self) -> Turn:
        running, processor = self._running, self._running.processor()
        tasks = [self._tasks[n % len(self._tasks)] for n in range(RUNS)]
        with ThreadPoolExecutor(CALLERS) as callers:
            started = list(callers.map(running.trigger, tasks))
        runs = [running.finished(run_id, LOOK_SECONDS) for run_id in started]
        return _turn(runs, RUNS, processor.used())


def _turn(runs: Sequence[Any], jobs: int, used: Mapping[str, float]) -> Turn:
    """From the first run's creation to the last one's end, as the control plane tells them: when
    the request came that ended it."""
    return Turn(jobs / seconds(runs), {name: took / jobs * 1_000 for name, took in used.items()})


def seconds(runs: Sequence[Any]) -> float:
    """From the first run's creation to the last one's end."""
    began = min(_instant(run["created_at"]) for run in runs)
    ended = max(_instant(run["ended_at"]) for run in runs)
    return (ended - began).total_seconds()


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))  # Python 3.10 knows no Z


def _rates(what: str, found: Mapping[str, Sequence[Turn]], goal: int) -> Row:
    return Row(what, {column: _rate(turns) for column, turns in found.items()}, at_least(goal))


def _rate(turns: Sequence[Turn]) -> Figure:
    rates = sorted(turn.rate for turn in turns)
    note = f" ({rates[0]:.0f} to {rates[-1]:.0f}, {len(rates)} times)"
    return Figure("{:.0f} /s", (median(rates),), note, Scaling.RATE)


def _processor(turns: Sequence[Turn]) -> Figure:
    """The mean of all turns."""
    parts: Counter[str] = Counter()
    for turn in turns:
        parts.update(turn.processor_ms)
    means = {name: took / len(turns) for name, took in parts.most_common()}
    note = ", ".join(f"{name} {took:.1f}" for name, took in means.items())
    if JOBS not in means:
        note += "; without the jobs' own: no cgroup can be made here"
    return Figure("{:.1f} ms", (sum(means.values()),), f" ({note})", Scaling.TIME)
