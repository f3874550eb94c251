"""From a trigger to the command's start, and to the run's end, for an agent that waits: with its
doorbell and with polling alone. With the product's own cadence, not the faster one of `make up`."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import chain

from tests.bench.rows import Figure, Row, Scaling, at_most, percentile, spread
from tests.bench.stack import Stack, both, in_turn

TURNS, TIMES, POLLED_TURNS, POLLED_TIMES = 4, 10, 2, 8
WARM_UPS_OF_A_TURN = 2
LOOK_SECONDS = 0.02  # more often would take the processor from what is waited for
REST_SECONDS = 0.4  # between runs, so that the agent waits again
# The product's, where the local stack is faster.
CADENCE = {"heartbeat_seconds": "30", "ttl_seconds": "90", "poll_idle_seconds": "5"}
START_GOAL_MS, END_GOAL_MS = (35, 60), 55


def measure() -> list[Row]:
    """Five minutes. Turns of ten runs on each stack."""
    with both(1, settings=CADENCE) as stacks:
        wakers = {column: _Waker(each) for column, each in stacks.items()}
        rows = _rung(wakers, TURNS, TIMES)
        for each in wakers.values():
            each.take_doorbell()
        polled = _in_turn(wakers, POLLED_TURNS, lambda each: each.starts(POLLED_TIMES))
    what = "trigger → command starts, polling, agent just idle"
    return [*rows, Row(what, {column: spread(took) for column, took in polled.items()})]


def rung(stacks: Mapping[str, Stack], turns: int, times: int) -> list[Row]:
    """With the doorbells of the stacks' first agents."""
    return _rung({column: _Waker(each) for column, each in stacks.items()}, turns, times)


class _Waker:
    """Wakes the first agent of a stack, again and again."""

    def __init__(self, running: Stack) -> None:
        self._running = running
        self._agent = running.agents[0].id
        self._place = place = running.place / "started"
        self._starting = self._save("starts", f"date +%s.%N > {place}.new; mv {place}.new {place}")
        self._ending = self._save("ends", "true")

    def _save(self, name: str, command: str) -> str:
        step = f'[[step]]\nServerID = "{self._agent}"\nCMD = "{command}"\n'
        return self._running.save(f'Name = "{name}"\n{step}')

    def take_doorbell(self) -> None:
        """From now on the agent only polls."""
        self._running.plane.call("PATCH", f"/agents/{self._agent}", {"doorbell": False})

    def starts(self, times: int) -> Sequence[float]:
        """Seconds from the call of the API to the first thing that the command does."""
        return [self._start() for _ in range(WARM_UPS_OF_A_TURN + times)][WARM_UPS_OF_A_TURN:]

    def _start(self) -> float:
        time.sleep(REST_SECONDS)
        self._place.unlink(missing_ok=True)
        began = datetime.now().timestamp()  # noqa: DTZ005, TID251
        self._running.trigger(self._starting)
        self._running.plane.wait_until(self._place.exists, 30, "the start of the command")
        return float(self._place.read_text()) - began

    def ends(self, times: int) -> Sequence[float]:
        """Seconds from the call of the API to a look that shows the run's end."""
        return [self._end() for _ in range(WARM_UPS_OF_A_TURN + times)][WARM_UPS_OF_A_TURN:]

    def _end(self) -> float:
        time.sleep(REST_SECONDS)
        began = time.monotonic()
        self._running.finished(self._running.trigger(self._ending), LOOK_SECONDS)
        return time.monotonic() - began


def _rung(wakers: Mapping[str, _Waker], turns: int, times: int) -> list[Row]:
    starts = _in_turn(wakers, turns, lambda each: each.starts(times))
    ends = _in_turn(wakers, turns, lambda each: each.ends(times))
    return [
        Row(
            "trigger → command starts, doorbell",
            {column: spread(took) for column, took in starts.items()},
            at_most(*START_GOAL_MS),
        ),
        Row(
            "trigger → end known to a waiting client, `true`",
            {column: _middle(took) for column, took in ends.items()},
            at_most(END_GOAL_MS),
        ),
    ]


def _in_turn(
    wakers: Mapping[str, _Waker], turns: int, work: Callable[[_Waker], Sequence[float]]
) -> Mapping[str, Sequence[float]]:
    return {c: list(chain(*parts)) for c, parts in in_turn(wakers, turns, work).items()}


def _middle(seconds: Sequence[float]) -> Figure:
    p50, p95 = (percentile(seconds, each) * 1_000 for each in (50, 95))
    note = f" (p95 {p95:.0f}, {len(seconds)} times)"
    return Figure("p50 {:.0f} ms", (p50,), note, Scaling.TIME)
