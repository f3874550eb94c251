"""Statistics of a task's runs. Pure."""

from collections.abc import Sequence

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
    durations = sorted(
        (run.ended_at - run.started_at).total_seconds()
        for run in good
        if run.ended_at is not None and run.started_at is not None
    )
    bad = [run for run in counted if run.state is not RunState.SUCCEEDED]
    return Statistics(
        ended=len(counted),
        succeeded=len(good),
        success_rate=len(good) / len(counted) if counted else None,
        duration_p50=percentile(durations, 50),
        duration_p95=percentile(durations, 95),
        last_failures=tuple(bad[:LAST_FAILURES]),
    )


def percentile(ordered: Sequence[float], percent: int) -> float | None:
    """The smallest value that is not exceeded by so many percent (nearest rank)."""
    if not ordered:
        return None
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
