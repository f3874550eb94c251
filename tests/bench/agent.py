"""What an agent takes of its machine: idle, and with ten jobs. On the durable stack."""

import time
from collections.abc import Sequence

import psutil

from tests.bench.rows import Row
from tests.bench.stack import Stack, stack
from tests.stack.live import AgentProcess

SETTLE_SECONDS, IDLE_SECONDS, BUSY_SECONDS = 10, 60, 20
JOBS = 10
RSS_GOAL_MB, CPU_GOAL_PERCENT = 35, 0.5
# The product's own cadence; an agent that has been idle for ten minutes does even less.
CADENCE = {"heartbeat_seconds": "30", "ttl_seconds": "90", "poll_idle_seconds": "5"}


def measure() -> list[Row]:
    """The agent and its spawner; of a job's own processes nothing is counted but its supervisor."""
    with stack(**CADENCE) as running:
        agent = running.agent("agent-1")
        time.sleep(SETTLE_SECONDS)
        family = _family(agent)
        idle_mb = _megabytes(family)
        idle_cpu = _cpu_percent(family, IDLE_SECONDS)
        _start_jobs(running, agent)
        family = _family(agent)
        busy_mb, busy_cpu = _megabytes(family), _cpu_percent(family, BUSY_SECONDS)
        supervisors = [each for each in family if "spawner" in " ".join(each.cmdline())][1:]
        each_mb = _megabytes(supervisors) / max(1, len(supervisors))
    return [
        Row(
            "agent idle, with its spawner: memory",
            f"{idle_mb:.1f} MB",
            f"≤ {RSS_GOAL_MB} MB",
            idle_mb <= RSS_GOAL_MB,
        ),
        Row(
            f"agent idle, over {IDLE_SECONDS} s: CPU",
            f"{idle_cpu:.2f} %",
            f"≤ {CPU_GOAL_PERCENT} %",
            idle_cpu <= CPU_GOAL_PERCENT,
        ),
        Row(
            f"agent with {JOBS} jobs that print a line a second: memory, CPU",
            f"{busy_mb:.1f} MB (a supervisor {each_mb:.1f} MB), {busy_cpu:.1f} %",
        ),
    ]


def _family(agent: AgentProcess) -> list[psutil.Process]:
    """The agent, its spawner, and supervisors; not the commands."""
    assert agent.child is not None
    process = psutil.Process(agent.child.process.pid)
    found = [process]
    for child in process.children(recursive=True):
        if "plumber_agent" in " ".join(child.cmdline()):
            found.append(child)
    return found


def _megabytes(family: Sequence[psutil.Process]) -> float:
    """What they hold alone, and their part of what they share: forks share most."""
    return sum(each.memory_full_info().pss for each in family) / 1e6


def _cpu_percent(family: Sequence[psutil.Process], seconds: float) -> float:
    def used() -> float:
        return sum(sum(each.cpu_times()[:2]) for each in family)

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
