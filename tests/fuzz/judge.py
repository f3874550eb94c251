"""The one judge: counts what was asked, measures how long it took, and keeps what went wrong.

What is wrong is of a class: the fuzzer, what is wrong, and the route. Of each class a few inputs
are kept, as files that can be replayed; all are counted.
"""

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec

from tests.bench.rows import percentile
from tests.bench.yardstick import REFERENCE_MS, timed_work
from tests.fuzz.shape import Wrong, judge
from tests.fuzz.wire import Answer, Sent

LIMIT_SECONDS = 2.0  # on a quiet machine as fast as the goals'
ASKED_AGAIN = 2  # what took too long: it is slow if it takes too long each time
KEPT_OF_A_CLASS = 3
SAID = 60  # classes
ANSWER_BYTES = 2_000  # of an answer, in a kept file


class Trial(msgspec.Struct, frozen=True):
    """What was tried when something went wrong: enough to try it again."""

    fuzzer: str
    seed: int
    case: Any


class Kept(msgspec.Struct, frozen=True):
    """A file in .build/fuzz. `sent` has no token, and `case` is what is replayed."""

    problem: str
    fuzzer: str
    seed: int
    case: Any
    sent: Sent | None
    status: int | None
    answer: str
    seconds: float


def slowness() -> float:
    """How many times slower than a quiet machine of the goals' this one is now, at least 1: its
    work by the clock, so that waiting for a processor counts. The best of three."""
    return max(1.0, min(timed_work()[1] for _ in range(3)) * 1_000 / REFERENCE_MS)


class Judge:
    """Of one run. For several threads at once."""

    def __init__(self, directory: Path, slowness: Callable[[], float] = slowness) -> None:
        self.directory = directory
        self.slowness = slowness
        self._lock = threading.Lock()
        self.began = monotonic()
        self.asked: Counter[str] = Counter()  # by fuzzer
        self.statuses: Counter[str] = Counter()
        self.tried: Counter[str] = Counter()  # cases, by fuzzer
        self.took: dict[str, list[float]] = {}
        self.failures: Counter[str] = Counter()  # by class
        self.slow_once = 0
        self.slowest: list[tuple[float, str]] = []

    def note(self, trial: Trial, sent: Sent, answer: Answer, again: Callable[[], Answer]) -> None:
        """Judges an answer. `again` asks once more, where it has taken too long."""
        self.count(trial, sent, answer)
        try:
            judge(sent, answer)
        except Wrong as wrong:
            self.fail(trial, str(wrong), sent, answer)
        if answer.seconds > LIMIT_SECONDS:
            self._judge_time(trial, sent, answer, again)

    def count(self, trial: Trial, sent: Sent, answer: Answer) -> None:
        """An answer that was judged elsewhere, or will be."""
        route = f"{sent.method} {sent.path.partition('?')[0][:80]}"
        with self._lock:
            self.asked[trial.fuzzer] += 1
            self.statuses[f"{trial.fuzzer} {answer.status}"] += 1
            self.took.setdefault(trial.fuzzer, []).append(answer.seconds)
            self.slowest = sorted([*self.slowest, (answer.seconds, route)], reverse=True)[:5]

    def _judge_time(
        self, trial: Trial, sent: Sent, answer: Answer, again: Callable[[], Answer]
    ) -> None:
        limit = LIMIT_SECONDS * self.slowness()
        best = answer.seconds
        for _ in range(ASKED_AGAIN):
            if best <= limit:
                break
            best = min(best, again().seconds)
        if best > limit:
            self.fail(trial, "slower than 2 s of a quiet machine", sent, answer)
        else:
            with self._lock:
                self.slow_once += 1

    def fail(
        self,
        trial: Trial,
        problem: str,
        sent: Sent | None = None,
        answer: Answer | None = None,
        told: str = "",
    ) -> None:
        """Counts it, and keeps it where it is one of the first of its class."""
        route = "" if sent is None else f" {sent.method} {_template(sent.path)}"
        name = f"{trial.fuzzer}: {problem}{route}"
        with self._lock:
            self.failures[name] += 1
            if self.failures[name] > KEPT_OF_A_CLASS:
                return
            number = sum(min(each, KEPT_OF_A_CLASS) for each in self.failures.values())
        kept = Kept(
            problem, trial.fuzzer, trial.seed, trial.case, sent,
            None if answer is None else answer.status,
            told if answer is None else answer.body[:ANSWER_BYTES].decode("utf-8", "replace"),
            0.0 if answer is None else answer.seconds,
        )  # fmt: skip
        self.directory.mkdir(parents=True, exist_ok=True)
        file = self.directory / f"{trial.fuzzer}-{trial.seed}-{number}.json"
        file.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")

    def said(self) -> str:
        """The summary, for people."""
        lines = [f"{(monotonic() - self.began) / 60:.1f} min, {sum(self.asked.values())} requests"]
        for name, asked in sorted(self.asked.items()):
            took = self.took[name]
            p50, p99 = (percentile(took, each) * 1e3 for each in (50, 99))
            statuses = ", ".join(
                f"{count} x {key.split()[1]}"
                for key, count in sorted(self.statuses.items())
                if key.startswith(f"{name} ")
            )
            lines.append(
                f"  {name}: {self.tried[name]} cases, {asked} requests ({statuses}),"
                f" p50 {p50:.0f} ms, p99 {p99:.0f} ms, slowest {max(took) * 1e3:.0f} ms"
            )
        lines += [f"  slowest: {seconds:.2f} s {route}" for seconds, route in self.slowest]
        lines.append(f"  took over 2 s, and not when asked again: {self.slow_once}")
        lines += [f"  FAILED {count} x {name}" for name, count in self.failures.most_common(SAID)]
        lines.append(f"  {sum(self.failures.values())} failures; inputs in {self.directory}")
        return "\n".join(lines)


def _template(path: str) -> str:
    """The route, as far as its words say: what has a digit is an id."""
    parts = path.partition("?")[0].split("/")[:8]
    return "/".join(
        "*" if any(c.isdigit() for c in each) and each != "v1" else each for each in parts
    )[:80]
