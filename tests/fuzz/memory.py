"""Resident memory of the stack's parts: it may rise while they warm up, and must stay then.

The time after the warm-up is cut in two. A part grows when the median of the later half is above
that of the earlier one by more than both bounds, which are of the size of the noise.
"""

import threading
from collections.abc import Sequence
from contextlib import suppress
from statistics import median

import psutil

from infra.local.processes import Child
from tests.bench.processes import part

EVERY_SECONDS = 1.0
WARM_UP_PART = 0.25  # of the time
SAMPLES_AT_LEAST = 40  # else nothing is said of growth, only of the most
GROWTH_BYTES, GROWTH_PART = 48 << 20, 0.20
MOST_BYTES = 700 << 20  # of any part, at any time
NO_PART = ("agents", "others")  # a job of its own comes and goes


class Memory:
    """Of the processes of a stack, each second from `start` on."""

    def __init__(self, children: Sequence[Child]) -> None:
        self._processes = [psutil.Process(child.process.pid) for child in children]
        self._parts = [part(each) for each in self._processes]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_looking, daemon=True)
        self.samples: dict[str, list[int]] = {
            each: [] for each in self._parts if each not in NO_PART
        }

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _keep_looking(self) -> None:
        while not self._ended.wait(EVERY_SECONDS):
            self.look()

    def look(self) -> None:
        """One sample of each part."""
        found = dict.fromkeys(self.samples, 0)
        for name, process in zip(self._parts, self._processes, strict=True):
            with suppress(psutil.NoSuchProcess):
                if name in found:
                    found[name] += process.memory_info().rss
        for name, size in found.items():
            self.samples[name].append(size)

    def problems(self) -> list[str]:
        """What grew, or was too much."""
        return [
            f"{name} {problem}"
            for name, sizes in self.samples.items()
            if (problem := grown(sizes)) is not None
        ]

    def said(self) -> str:
        """A line for each part."""
        return "\n".join(
            f"  memory of {name}: {sizes[0] >> 20} MB at the beginning, {max(sizes) >> 20} at most,"
            f" {sizes[-1] >> 20} at the end"
            for name, sizes in sorted(self.samples.items())
            if sizes
        )


def grown(sizes: Sequence[int]) -> str | None:
    """What is wrong with a part's sizes."""
    if max(sizes, default=0) > MOST_BYTES:
        return f"took {max(sizes) >> 20} MB"
    if len(sizes) < SAMPLES_AT_LEAST:
        return None
    warm = sizes[int(len(sizes) * WARM_UP_PART) :]
    half = len(warm) // 2
    before, after = median(warm[:half]), median(warm[half:])
    if after - before > max(GROWTH_BYTES, before * GROWTH_PART):
        return f"grew from {before / (1 << 20):.0f} to {after / (1 << 20):.0f} MB"
    return None
