"""Statistics of a task's runs."""

from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from chalicelib.runs.run import Run, RunState
from chalicelib.runs.statistics import by_day, percentile, statistics
from tests.unit.test_plan import NOW, RUN


def ended(state: RunState, seconds: float = 1) -> Run:
    return replace(RUN, state=state, started_at=NOW, ended_at=NOW + timedelta(seconds=seconds))


def test_cancelled_and_open_runs_do_not_count() -> None:
    found = statistics([RUN, ended(RunState.CANCELLED), ended(RunState.SUCCEEDED, 3)])
    assert (found.ended, found.succeeded, found.success_rate) == (1, 1, 1.0)
    assert (found.duration_p50, found.duration_p95) == (3, 3)


def test_without_runs_there_is_nothing_to_say() -> None:
    found = statistics([])
    assert (found.success_rate, found.duration_p50, found.last_failures) == (None, None, ())


def test_failures_are_counted_and_the_newest_are_named() -> None:
    bad = [replace(ended(RunState.FAILED), id=str(number)) for number in range(7)]
    found = statistics([*bad, ended(RunState.SUCCEEDED)])
    assert found.success_rate == 0.125
    assert [run.id for run in found.last_failures] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("count", "p50", "p95"), [(1, 1, 1), (2, 1, 2), (20, 10, 19), (100, 50, 95), (1_000, 500, 950)]
)
def test_percentiles_are_nearest_ranks(count: int, p50: int, p95: int) -> None:
    values = list(range(1, count + 1))
    assert (percentile(values, 50), percentile(values, 95)) == (p50, p95)


def test_the_lowest_percentile_is_the_smallest_value() -> None:
    assert percentile([7, 8], 0) == 7


def test_durations_are_those_of_runs_that_succeeded_and_are_dated() -> None:
    good = [ended(RunState.SUCCEEDED, number) for number in range(1, 101)]
    odd = [replace(good[0], started_at=None), replace(good[0], ended_at=None)]
    found = statistics([*good, *odd, ended(RunState.FAILED, 9_999)])
    assert (found.duration_p50, found.duration_p95) == (50, 95)
    assert (found.ended, found.succeeded) == (103, 102)


def test_runs_are_counted_by_the_days_on_which_they_were_made() -> None:
    on_the_first = [ended(RunState.SUCCEEDED, 3), ended(RunState.TIMED_OUT), ended(RunState.FAILED)]
    before = replace(ended(RunState.SUCCEEDED), created_at=NOW - timedelta(seconds=1))
    long_ago = replace(ended(RunState.SUCCEEDED), created_at=NOW - timedelta(days=9))
    others = [RUN, ended(RunState.CANCELLED)]
    found = by_day([*on_the_first, *others, before, long_ago], NOW.date(), 3)
    assert [each.day for each in found] == [
        date(2025, 12, 30), date(2025, 12, 31), date(2026, 1, 1),
    ]  # fmt: skip
    quiet, last, first = found
    assert (quiet.counts, quiet.success_rate, quiet.duration_p50) == ({}, None, None)
    assert (last.counts, last.success_rate) == ({RunState.SUCCEEDED: 1}, 1.0)
    assert first.counts[RunState.CANCELLED] == first.counts[RunState.RUNNING] == 1
    assert first.success_rate == pytest.approx(1 / 3)
    assert (first.duration_p50, first.duration_p95) == (3, 3)
