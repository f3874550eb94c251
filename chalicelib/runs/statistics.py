"""Statistics of a task's runs. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

import msgspec

from chalicelib.runs.run import Run, RunState

LAST_FAILURES = 5


class Statistics(msgspec.Struct, frozen=True):
    """Of the runs that have ended, cancelled ones left out. Durations are seconds of those that
    succeeded; everything is None where there is nothing to say."""

    ended: int
    succeeded: int
    success_rate: float | None
    duration_p50: float | None
    duration_p95: float | None
    last_failures: tuple[Run, ...]


def statistics(newest_first: Sequence[Run]) -> Statistics:
    """Of these runs."""
    counted = [
        run for run in newest_first if run.state.is_terminal and run.state is not RunState.CANCELLED
    ]
    good = [run for run in counted if run.state is RunState.SUCCEEDED]
    durations = _durations(good)
    bad = [run for run in counted if run.state is not RunState.SUCCEEDED]
    return Statistics(
        ended=len(counted),
        succeeded=len(good),
        success_rate=len(good) / len(counted) if counted else None,
        duration_p50=percentile(durations, 50),
        duration_p95=percentile(durations, 95),
        last_failures=tuple(bad[:LAST_FAILURES]),
    )


class Day(msgspec.Struct, frozen=True):
    """The runs that were created on one day, by UTC: how many are in each state now, and how long
    those took that succeeded."""

    day: date
    counts: Mapping[RunState, int]
    duration_p50: float | None
    duration_p95: float | None

    @property
    def success_rate(self) -> float | None:
        """Of those that have ended, cancelled ones left out; None where there are none."""
        judged = [self.counts.get(state, 0) for state in _JUDGED]
        return judged[0] / sum(judged) if sum(judged) else None


_JUDGED = (RunState.SUCCEEDED, RunState.FAILED, RunState.TIMED_OUT)


def by_day(runs: Sequence[Run], last: date, days: int) -> list[Day]:
    """The last so many days, the oldest first, also those without any runs."""
    on: dict[date, list[Run]] = {last - timedelta(days=back): [] for back in range(days)}
    for run in runs:
        on.get(run.created_at.date(), []).append(run)
    return [_day(day, on[day]) for day in sorted(on)]


def _day(day: date, runs: Sequence[Run]) -> Day:
    counts = Counter(run.state for run in runs)
    took = _durations(run for run in runs if run.state is RunState.SUCCEEDED)
    return Day(day, dict(counts), percentile(took, 50), percentile(took, 95))


def _durations(runs: Iterable[Run]) -> list[float]:
    return sorted(run.seconds for run in runs if run.seconds is not None)


def percentile(ordered: Sequence[float], percent: int) -> float | None:
    """The smallest value that is not exceeded by so many percent (nearest rank)."""
    if not ordered:
        return None
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
