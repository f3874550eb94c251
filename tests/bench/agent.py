"""What an agent takes of its machine: idle, and with ten jobs. With the product's own cadence, not
the faster one of `make up`; an agent that has been idle for ten minutes does even less."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from tests.bench.processes import AGENTS, family, part, processor_seconds, pss
from tests.bench.rows import Figure, Row, Scaling, at_most
from tests.bench.stack import COLUMNS, Stack, stack
from tests.stack.live import AgentProcess

SETTLE_SECONDS, IDLE_SECONDS, BUSY_SECONDS = 8, 45, 10
JOBS = 10
MEMORY_GOAL_MB, CPU_GOAL_PERCENT = 25, 0.1
CADENCE = {"heartbeat_seconds": "30", "ttl_seconds": "90", "poll_idle_seconds": "5"}


@dataclass(frozen=True)
class Taken:
    """Megabytes of PSS and percent of a processor."""

    idle_mb: float
    idle_percent: float
    busy_mb: float
    busy_percent: float
    supervisor_mb: float


def measure() -> list[Row]:
    """Three minutes. One stack after the other: what agents of both shared would count half."""
    found = {column: _taken(column) for column in COLUMNS}
    return [
        Row(
            "agent idle, with its spawner: memory (PSS)",
            {column: Figure("{:.1f} MB", (each.idle_mb,)) for column, each in found.items()},
            at_most(MEMORY_GOAL_MB),
        ),
        Row(
            f"agent idle, over {IDLE_SECONDS} s: processor",
            {c: _percent("{:.2f} %", each.idle_percent) for c, each in found.items()},
            at_most(CPU_GOAL_PERCENT),
        ),
        Row(
            f"agent with {JOBS} jobs that print a line a second: processor",
            {c: _percent("{:.1f} %", each.busy_percent) for c, each in found.items()},
        ),
        Row(
            f"agent with {JOBS} jobs that print a line a second: memory (PSS)",
            {
                column: Figure(
                    "{:.1f} MB", (each.busy_mb,), f" (a supervisor {each.supervisor_mb:.1f} MB)"
                )
                for column, each in found.items()
            },
        ),
    ]


def _percent(form: str, percent: float) -> Figure:
    return Figure(form, (percent,), "", Scaling.TIME)


def _taken(column: str) -> Taken:
    """The agent and its spawner; of a job's own processes nothing is counted but its supervisor."""
    with stack(column, 1, **CADENCE) as running:
        (agent,) = running.agents
        time.sleep(SETTLE_SECONDS)
        idle = _family(agent)
        idle_mb, idle_percent = _megabytes(idle), _percent_over(idle, IDLE_SECONDS)
        _start_jobs(running, agent)
        busy = _family(agent)
        busy_mb, busy_percent = _megabytes(busy), _percent_over(busy, BUSY_SECONDS)
        supervisors = [each for each in busy if "spawner" in " ".join(each.cmdline())][1:]
        supervisor_mb = _megabytes(supervisors) / len(supervisors)
    return Taken(idle_mb, idle_percent, busy_mb, busy_percent, supervisor_mb)


def _family(agent: AgentProcess) -> list[psutil.Process]:
    """The agent, its spawner, and supervisors; not the commands."""
    assert agent.child is not None
    return [each for each in family([agent.child.process.pid]) if part(each) == AGENTS]


def _megabytes(processes: Sequence[psutil.Process]) -> float:
    return sum(pss(each) for each in processes) / 1e6


def _percent_over(processes: Sequence[psutil.Process], seconds: float) -> float:
    def used() -> float:
        return sum(processor_seconds(each) for each in processes)

    before = used()
    time.sleep(seconds)
    return (used() - before) / seconds * 100


def _start_jobs(running: Stack, agent: AgentProcess) -> None:
    for number in range(JOBS):
        source = (
            f'Name = "job {number}"\n[[step]]\nServerID = "{agent.id}"\n'
            'CMD = "while true; do date; sleep 1; done"\nTimeout = "2m"\n'
        )
        running.trigger(running.save(source))
    running.plane.wait_until(
        lambda: len(_family(agent)) >= 2 + JOBS, 30, "all jobs being supervised"
    )
    time.sleep(SETTLE_SECONDS)
