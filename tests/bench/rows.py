"""What benchmarks answer: rows of a table, with a column for each stack that was measured, each
beside its goal. A time is said as it was measured, and as it would be on the machine of the goals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

DEFAULT, DURABLE, ONLY = "default", "durable", "measured"  # columns


class Scaling(Enum):
    """What a faster machine does to a figure."""

    NONE = 0
    TIME = 1  # smaller there
    RATE = -1  # larger there


@dataclass(frozen=True)
class Figure:
    """Numbers that were measured together. `form` is a format of them, units included; `note` is
    said behind them."""

    form: str
    numbers: tuple[float, ...] = ()
    note: str = ""
    scaling: Scaling = Scaling.NONE

    def scaled(self, scale: float) -> tuple[float, ...]:
        """On the machine of the goals, whose times are `scale` times those of this one."""
        return tuple(number * scale**self.scaling.value for number in self.numbers)

    def said(self, scale: float) -> str:
        text = f"{self.form.format(*self.numbers)}{self.note}"
        if self.scaling is Scaling.NONE:
            return text
        return f"{text}; scaled {self.form.format(*self.scaled(scale))}"


@dataclass(frozen=True)
class Goal:
    """Limits of a figure's numbers, in their order: at most so much, or at least."""

    limits: tuple[float, ...]
    is_least: bool = False

    def said(self, form: str) -> str:
        return f"{'≥' if self.is_least else '≤'} {form.format(*self.limits)}"

    def is_met(self, numbers: Sequence[float]) -> bool:
        pairs = zip(numbers, self.limits, strict=True)
        return all(n >= limit if self.is_least else n <= limit for n, limit in pairs)


def at_most(*limits: float) -> Goal:
    return Goal(limits)


def at_least(*limits: float) -> Goal:
    return Goal(limits, is_least=True)


@dataclass(frozen=True)
class Wish:
    """A goal that is no limit: its words, and whether it is met."""

    text: str
    is_met: bool


@dataclass(frozen=True)
class Row:
    """A figure in each column. The first column, scaled, is held against the goal."""

    what: str
    figures: Mapping[str, Figure]
    goal: Goal | Wish | None = None

    def wanted(self) -> str:
        if isinstance(self.goal, Goal):
            return self.goal.said(self._judged.form)
        return self.goal.text if self.goal else ""

    def is_met(self, scale: float) -> bool | None:
        """None where there is no goal, or the figure explains another one."""
        if isinstance(self.goal, Goal):
            return self.goal.is_met(self._judged.scaled(scale))
        return self.goal.is_met if self.goal else None

    @property
    def _judged(self) -> Figure:
        return next(iter(self.figures.values()))


def row(what: str, figure: Figure | str, goal: Goal | Wish | None = None) -> Row:
    """Of what is measured once. A text is a figure without numbers."""
    found = figure if isinstance(figure, Figure) else Figure("", (), figure)
    return Row(what, {ONLY: found}, goal)


def tables(rows: Sequence[Row], scale: float) -> str:
    """In Markdown. Rows that share no column with those above them begin a further table."""
    parts: list[list[Row]] = []
    columns: set[str] = set()
    for each in rows:
        if columns.isdisjoint(each.figures):
            parts.append([])
            columns = set()
        parts[-1].append(each)
        columns.update(each.figures)
    return "\n".join(_table(part, scale) for part in parts)


def _table(rows: Sequence[Row], scale: float) -> str:
    columns = list(dict.fromkeys(name for each in rows for name in each.figures))
    lines = [_line("what", *columns, "goal", "met"), _line(*["---"] * (len(columns) + 3))]
    for each in rows:
        found = [each.figures[name].said(scale) if name in each.figures else "" for name in columns]
        mark = {True: "yes", False: "**no**", None: ""}[each.is_met(scale)]
        lines.append(_line(each.what, *found, each.wanted(), mark))
    return "\n".join(lines) + "\n"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def percentile(values: Sequence[float], percent: float) -> float:
    """By the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(len(ordered) * percent / 100 + 0.5) - 1))]


def spread(seconds: Sequence[float]) -> Figure:
    """Of repeated measurements: p50 and p95 in milliseconds."""
    p50, p95 = (percentile(seconds, each) * 1_000 for each in (50, 95))
    return Figure("p50 {:.0f}, p95 {:.0f} ms", (p50, p95), f" ({len(seconds)} times)", Scaling.TIME)
