"""The figures that change first, in two minutes, for who is changing the code. Not part of the
whole: the same measurements, with fewer turns and a shorter warm-up."""

from tests.bench import call, start, throughput, wake
from tests.bench.rows import Row
from tests.bench.stack import both

WARM_UP_SECONDS = 20.0
WAKE_TURNS, WAKE_TIMES, THROUGHPUT_TURNS = 2, 6, 2


def measure() -> list[Row]:
    """Two minutes."""
    rows = [start.importing(), *call.measure()]
    with both(throughput.AGENTS, WARM_UP_SECONDS, wake.CADENCE) as stacks:
        rows += wake.rung(stacks, WAKE_TURNS, WAKE_TIMES)
        rows += throughput.rows(stacks, THROUGHPUT_TURNS)
    return rows
