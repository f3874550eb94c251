"""What the whole of `make up` takes while nothing happens: with one agent and with ten."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from tests.bench.processes import part, processor_seconds, pss_by_part
from tests.bench.rows import Figure, Row, Scaling, at_most
from tests.bench.stack import COLUMNS
from tests.bench.up import up

AGENTS = (1, 10)
SETTLE_SECONDS, SECONDS = 10, 20
MEMORY_GOAL_MB, CPU_GOAL_PERCENT = 500, 2


@dataclass(frozen=True)
class Taken:
    """By part of the stack: megabytes of PSS, and percent of a processor."""

    megabytes: Mapping[str, float]
    percent: Mapping[str, float]


def measure() -> list[Row]:
    """Three minutes. One stack after the other: what they shared would count half."""
    rows = []
    for agents in AGENTS:
        found = {column: _taken(backend, agents) for column, backend in COLUMNS.items()}
        what = f"`make up` with {'an agent' if agents == 1 else f'{agents} agents'}, idle"
        memory_goal = at_most(MEMORY_GOAL_MB) if agents == max(AGENTS) else None
        cpu_goal = at_most(CPU_GOAL_PERCENT) if agents == max(AGENTS) else None
        memory = {column: _memory(each) for column, each in found.items()}
        percent = {column: _cpu(each) for column, each in found.items()}
        rows.append(Row(f"{what}: memory (PSS)", memory, memory_goal))
        rows.append(Row(f"{what}: processor", percent, cpu_goal))
    return rows


def _taken(backend: str, agents: int) -> Taken:
    with up(backend, agents) as running:
        time.sleep(SETTLE_SECONDS)
        processes = [(part(each), each) for each in running.processes()]
        before = [processor_seconds(each) for _, each in processes]
        time.sleep(SECONDS)
        percent: Counter[str] = Counter()
        for (name, each), began in zip(processes, before, strict=True):
            percent[name] += (processor_seconds(each) - began) / SECONDS * 100  # type: ignore
        bytes_held = pss_by_part(each for _, each in processes)
    return Taken({name: held / 1e6 for name, held in bytes_held.items()}, percent)


def _memory(taken: Taken) -> Figure:
    return Figure("{:.0f} MB", (sum(taken.megabytes.values()),), _parts(taken.megabytes, ".0f"))


def _cpu(taken: Taken) -> Figure:
    note = _parts(taken.percent, ".2f")
    return Figure("{:.1f} %", (sum(taken.percent.values()),), note, Scaling.TIME)


def _parts(found: Mapping[str, float], form: str) -> str:
    """Largest first."""
    ordered = sorted(found.items(), key=lambda each: -each[1])
    return f" ({', '.join(f'{name} {amount:{form}}' for name, amount in ordered)})"
