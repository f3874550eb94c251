"""The machine's own yardstick: what the same piece of work takes today.

Benchmarks of two days, or of two machines, compare by it. It is looked at right before and right
after each group of figures. A time is scaled by `Scale.factor`: what it would be on the machine
that the goals are for, where `import app` took 220 ms.
"""

import hashlib
import json
import subprocess
import time
from dataclasses import dataclass
from statistics import median

# `import app` of 21 November 2026 took so long on the machine of the goals. That import and `work`
# were timed in turn on one machine, 80 times: medians of processor time.
IMPORT_MS = 220.0
WORK_OF_IMPORT = 0.0665
REFERENCE_MS = IMPORT_MS * WORK_OF_IMPORT
WARM_UPS, TIMES = 5, 30
SHELL_SECONDS = 1.0


def work() -> None:
    """Pure work of the interpreter, tens of milliseconds: JSON, hashes, dictionaries, texts, calls.
    What it does must stay as it is, or REFERENCE_MS is measured anew."""
    state = "0"
    counts: dict[str, int] = {}
    for number in range(1_500):
        item = {"id": state, "number": number, "labels": ["a", "b"], "more": {"x": number / 7}}
        text = json.dumps(item, sort_keys=True)
        state = hashlib.sha256(text.encode()).hexdigest()
        for name, value in sorted(json.loads(text).items()):
            key = _key(name, str(value)[:2])
            counts[key] = counts.get(key, 0) + 1


def _key(name: str, value: str) -> str:
    return f"{name}={value.upper()}"


@dataclass(frozen=True)
class Look:
    """At one moment: milliseconds of `work`, of a processor and by the clock, and processes that do
    nothing, one after the other."""

    work_ms: float
    clock_ms: float
    shells_per_second: float


def look() -> Look:
    """Two seconds."""
    timed = [timed_work() for _ in range(WARM_UPS + TIMES)][WARM_UPS:]
    work_ms, clock_ms = (median(each) * 1_000 for each in zip(*timed, strict=True))
    return Look(work_ms, clock_ms, _shells_per_second())


def timed_work() -> tuple[float, float]:
    """Seconds of one `work`, of a processor and by the clock."""
    began = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - began[0], time.perf_counter() - began[1]


def _shells_per_second() -> float:
    count, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < SHELL_SECONDS:
        subprocess.run(["sh", "-c", ":"], check=True)
        count += 1
    return count / passed


@dataclass(frozen=True)
class Scale:
    """The machine around something that was measured."""

    before: Look
    after: Look

    @property
    def factor(self) -> float:
        """The reference machine's times in those of this one."""
        return REFERENCE_MS / ((self.before.work_ms + self.after.work_ms) / 2)

    def said(self) -> str:
        before, after = self.before, self.after
        return (
            f"Yardstick: {before.work_ms:.1f} ms before, {after.work_ms:.1f} ms after"
            f" (by the clock {before.clock_ms:.1f} and {after.clock_ms:.1f}; reference"
            f" {REFERENCE_MS:.1f}, so scaled by {self.factor:.2f}); `sh -c :`"
            f" {before.shells_per_second:.0f} and {after.shells_per_second:.0f} a second."
        )
