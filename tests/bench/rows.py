"""What benchmarks answer: rows of one table, each beside its goal."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A figure. `is_met` is None where there is no goal, or the figure explains another one."""

    what: str
    found: str
    goal: str = ""
    is_met: bool | None = None


def table(rows: Sequence[Row]) -> str:
    """In Markdown."""
    marks = {True: "yes", False: "**no**", None: ""}
    lines = ["| what | measured | goal | met |", "| --- | --- | --- | --- |"]
    lines += [f"| {row.what} | {row.found} | {row.goal} | {marks[row.is_met]} |" for row in rows]
    return "\n".join(lines) + "\n"


def percentile(values: Sequence[float], percent: float) -> float:
    """By the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(len(ordered) * percent / 100 + 0.5) - 1))]


def spread(seconds: Sequence[float]) -> str:
    """Of repeated measurements, in milliseconds."""
    p50, p95 = (percentile(seconds, each) * 1_000 for each in (50, 95))
    return f"p50 {p50:.0f} ms, p95 {p95:.0f} ms ({len(seconds)} times)"
