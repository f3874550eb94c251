"""From a trigger to the command's start, and to the run's end, for an agent that waits: with its
doorbell and with polling alone. On the durable stack, with the product's own cadence."""

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from tests.bench.rows import Row, percentile, spread
from tests.bench.stack import Stack, stack
from tests.stack.live import AgentProcess

WARM_UPS, TIMES, POLLED_TIMES = 5, 40, 15
LOOK_SECONDS = 0.02  # more often would take the processor from what is waited for
REST_SECONDS = 0.4  # between runs, so that the agent waits again
# The product's, where the local stack is faster.
CADENCE = {"heartbeat_seconds": "30", "ttl_seconds": "90", "poll_idle_seconds": "5"}
START_GOAL, RESULT_GOAL = (0.050, 0.100), 0.120


def measure() -> list[Row]:
    """Two stacks' worth of triggers."""
    with stack(**CADENCE) as running:
        agent = running.agent("rung")
        running.warm_up(agent)
        starts = _starts(running, agent, TIMES)
        results = _results(running, agent)
    with stack(**CADENCE, account="") as running:
        agent = running.agent("polls")
        running.warm_up(agent)
        polled = _starts(running, agent, POLLED_TIMES)
    p50, p95 = percentile(starts, 50), percentile(starts, 95)
    is_met = p50 <= START_GOAL[0] and p95 <= START_GOAL[1]
    return [
        Row("trigger → command starts, doorbell", spread(starts), "p50 50, p95 100 ms", is_met),
        Row(
            "trigger → end known to a waiting client, `true`",
            spread(results),
            "p50 120 ms",
            percentile(results, 50) <= RESULT_GOAL,
        ),
        Row("trigger → command starts, polling, agent just idle", spread(polled)),
    ]


def _starts(running: Stack, agent: AgentProcess, times: int) -> Sequence[float]:
    """Seconds from the call of the API to the first thing that the command does."""
    place = running.place / f"{agent.id}.starts"
    task = running.save(
        _task(agent, "starts", f"date +%s.%N > {place}.new; mv {place}.new {place}")
    )
    found = []
    for turn in range(WARM_UPS + times):
        time.sleep(REST_SECONDS)
        place.unlink(missing_ok=True)
        began = datetime.now().timestamp()  # noqa: DTZ005, TID251
        running.trigger(task)
        running.plane.wait_until(place.exists, 30, "the start of the command")
        if turn >= WARM_UPS:
            found.append(_instant(place) - began)
    return found


def _instant(place: Path) -> float:
    return float(place.read_text())


def _results(running: Stack, agent: AgentProcess) -> Sequence[float]:
    task = running.save(_task(agent, "results", "true"))
    found = []
    for turn in range(WARM_UPS + TIMES):
        time.sleep(REST_SECONDS)
        began = time.monotonic()
        run_id = running.trigger(task)
        while running.run(run_id)["ended_at"] is None:
            time.sleep(LOOK_SECONDS)
        if turn >= WARM_UPS:
            found.append(time.monotonic() - began)
    return found


def _task(agent: AgentProcess, name: str, command: str) -> str:
    return f'Name = "{name}"\n[[step]]\nServerID = "{agent.id}"\nCMD = "{command}"\n'
