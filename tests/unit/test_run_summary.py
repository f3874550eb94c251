"""What is said of a run in a word."""

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from chalicelib.runs.job import JobState
from chalicelib.runs.run import RunState, StepResult
from chalicelib.runs.run_summary import RetryWhat, is_done, retries, tolerated, tolerated_failures
from tests.unit.test_plan import RUN

OK, BAD, SKIPPED = JobState.SUCCEEDED, JobState.FAILED, JobState.SKIPPED
ALL = (RetryWhat.ALL,)
ANY = tuple(RetryWhat)


@pytest.mark.parametrize(
    ("state", "counts", "expected"),
    [
        (OK, {OK: 3}, 0),
        (OK, {OK: 3, BAD: 1, JobState.LOST: 1, JobState.CANCELLED: 1}, 3),
        (OK, {OK: 3, SKIPPED: 2}, 0),
        (BAD, {OK: 3, BAD: 1}, 0),
        (JobState.RUNNING, {OK: 3, BAD: 1}, 0),
        (SKIPPED, {}, 0),
    ],
)
def test_a_failure_is_tolerated_where_its_step_ended_well(
    state: JobState, counts: Mapping[JobState, int], expected: int
) -> None:
    assert tolerated(StepResult(state, counts)) == expected


def test_those_of_all_steps_that_ended_well_are_added_up() -> None:
    results = (StepResult(OK, {OK: 1, BAD: 2}), StepResult(OK, {BAD: 1}), StepResult(BAD, {BAD: 9}))
    assert tolerated_failures(replace(RUN, results=results)) == 3


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (StepResult(OK, {OK: 3}), True),
        (StepResult(OK, {}), True),  # it found no agents, and needs none
        (StepResult(OK, {OK: 3, BAD: 1}), False),
        (StepResult(BAD, {}), False),  # it found none, and needs some
        (StepResult(SKIPPED, {}), False),
        (StepResult(SKIPPED, {SKIPPED: 4}), False),
    ],
)
def test_a_step_is_done_when_all_of_it_succeeded(found: StepResult, expected: bool) -> None:
    assert is_done(found) is expected


@pytest.mark.parametrize(
    ("state", "results", "expected"),
    [
        (RunState.RUNNING, [], ()),
        (RunState.CANCELLING, [StepResult(BAD, {BAD: 1})], ()),
        (RunState.SUCCEEDED, [StepResult(OK, {OK: 4})], ALL),
        (RunState.SUCCEEDED, [StepResult(OK, {OK: 4, BAD: 1})], ANY),
        # A handler of failures was not needed: there is nothing to be repeated from there.
        (RunState.SUCCEEDED, [StepResult(OK, {OK: 4}), StepResult(SKIPPED, {})], ALL),
        (RunState.FAILED, [StepResult(BAD, {BAD: 1}), StepResult(SKIPPED, {})], ANY),
        (RunState.FAILED, [StepResult(BAD, {})], ANY),
        (RunState.CANCELLED, [StepResult(SKIPPED, {})], ANY),
        # It was stopped when all was over.
        (RunState.CANCELLED, [StepResult(OK, {OK: 1})], ALL),
    ],
)
def test_what_may_be_repeated_is_what_there_is(
    state: RunState, results: list[StepResult], expected: tuple[RetryWhat, ...]
) -> None:
    assert retries(replace(RUN, state=state, results=tuple(results))) == expected
