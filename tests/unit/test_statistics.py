"""Statistics of a task's runs."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.runs.run import Run, RunState
from chalicelib.runs.statistics import percentile, statistics
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
