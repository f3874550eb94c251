"""Whether a stack becomes slower while it works: fan-outs in a row on the default one."""

from statistics import median

from tests.bench import yardstick
from tests.bench.rows import DEFAULT, Figure, Row, Scaling, Wish
from tests.bench.stack import Stack, stack
from tests.bench.throughput import AGENTS, seconds

FAN_OUTS, COMPARED, STEPS = 200, 20, 2
WARM_UP_SECONDS = 20.0
LOOK_SECONDS = 0.1
DIFFERENT_AT_MOST = 0.10


def measure() -> list[Row]:
    """Two minutes. The machine's own drift in that time is taken out by the yardstick."""
    with stack(DEFAULT, AGENTS) as running:
        running.warm_up(WARM_UP_SECONDS)
        task = running.save_fan_out("drift", STEPS)
        before = yardstick.look()
        took = [_fan_out_ms(running, task) for _ in range(FAN_OUTS)]
        machine = yardstick.look().work_ms / before.work_ms
    first, last = median(took[:COMPARED]), median(took[-COMPARED:])
    ratio = last / first / machine
    what = f"{FAN_OUTS} fan-outs in a row, {AGENTS} agents, {STEPS} steps: first, last {COMPARED}"
    note = f" (medians), ratio {ratio:.2f}; the machine's own in that time {machine:.2f}"
    figure = Figure("{:.0f}, {:.0f} ms", (first, last), note, Scaling.TIME)
    wish = Wish(f"ratio within 1 ± {DIFFERENT_AT_MOST:g}", abs(ratio - 1) <= DIFFERENT_AT_MOST)
    return [Row(what, {DEFAULT: figure}, wish)]


def _fan_out_ms(running: Stack, task: str) -> float:
    return seconds([running.finished(running.trigger(task), LOOK_SECONDS)]) * 1_000
