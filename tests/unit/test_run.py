"""Runs: their transitions, and what the jobs of a step make of it."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.runs.job import Job, JobKey, JobState
from chalicelib.runs.run import (
    Progress,
    Run,
    RunState,
    RunStep,
    StepResult,
    all_jobs,
    at_step,
    has_ended,
    has_run,
    is_acceptable,
    is_wanted,
    leaves,
    outcome,
    result,
    step_state,
)
from chalicelib.tasks.target import Targets
from chalicelib.tasks.task import Amount, Step, When
from tests.unit.test_plan import (
    BAD,
    BUSY,
    NOW,
    OK,
    QUEUED,
    RUN,
    job,
    jobs_in,
    rolling,
    step,
    stopping,
)

PAIR = step(1, "a", "b")
LATER = RunStep(replace(PAIR.step, number=2))  # it has not chosen its agents
STOPPED, OVER = stopping(), replace(RUN, state=RunState.FAILED)


def of(it: RunStep, states: Mapping[int, JobState]) -> dict[int, Job]:
    return {each.index: each for each in jobs_in(it, states)}


def test_a_run_is_at_its_first_step_and_not_held_unless_it_says_so() -> None:
    assert (RUN.step, RUN.step_size, RUN.size, RUN.is_held) == (1, 0, None, False)


def test_terminal_states_are_those_that_nothing_follows() -> None:
    terminal = {state.value for state in RunState if state.is_terminal}
    assert terminal == {"succeeded", "failed", "cancelled", "timed_out"}


def test_which_states_are_left_for_which() -> None:
    assert leaves(RunState.RUNNING) == [RunState.QUEUED]
    assert leaves(RunState.CANCELLING) == [RunState.QUEUED, RunState.RUNNING]
    assert leaves(RunState.FAILED) == [RunState.QUEUED, RunState.RUNNING, RunState.CANCELLING]
    assert leaves(RunState.QUEUED) == []


@pytest.mark.parametrize(
    ("when", "after_success", "after_failure"),
    [(When.SUCCESS, True, False), (When.FAILURE, False, True), (When.ALWAYS, True, True)],
)
def test_a_step_says_when_it_is_wanted(
    when: When, after_success: bool, after_failure: bool
) -> None:
    it = step(1, "a", when=when)
    assert (is_wanted(it, False), is_wanted(it, True)) == (after_success, after_failure)


def test_a_step_that_has_not_chosen_its_agents_has_no_waves() -> None:
    assert LATER.waves == ()


@pytest.mark.parametrize(
    ("allowed", "problem", "expected"),
    [
        (True, None, JobState.SUCCEEDED),
        (True, "too many", JobState.FAILED),
        (False, None, JobState.FAILED),
        (False, "too many", JobState.FAILED),
    ],
)
def test_a_step_without_agents_ends_well_if_that_is_allowed_and_no_problem(
    allowed: bool, problem: str | None, expected: JobState
) -> None:
    targets = Targets(everybody=True, allow_empty=allowed)
    it = RunStep(Step(1, "one", targets, command="true"), 0, problem=problem)
    assert step_state(RUN, it, {}) is expected
    assert is_acceptable(it, (), None) is (expected is JobState.SUCCEEDED)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({0: OK, 1: OK, 2: OK}, True),
        ({0: OK, 1: BAD, 2: OK}, True),  # one may fail, if it is no canary
        ({0: OK, 1: BAD, 2: BAD}, False),
        ({0: BAD, 1: OK, 2: OK}, False),
        ({0: OK, 1: JobState.SKIPPED, 2: JobState.SKIPPED}, True),
        ({0: OK, 1: JobState.CANCELLED, 2: OK}, False),  # by the stop
        ({0: OK, 1: JobState.TIMED_OUT, 2: OK}, True),
    ],
)
def test_a_step_ended_well_within_its_failures(
    states: Mapping[int, JobState], expected: bool
) -> None:
    it = rolling(size=3, canary=Amount(1), max_failures=Amount(1))
    assert is_acceptable(it, of(it, states).values(), JobState.CANCELLED) is expected


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([OK, BAD], RunState.FAILED),
        ([OK, JobState.LOST], RunState.FAILED),
        ([BAD, JobState.TIMED_OUT], RunState.TIMED_OUT),
        ([JobState.CANCELLED, JobState.TIMED_OUT], RunState.CANCELLED),
        ([JobState.SKIPPED], RunState.FAILED),
    ],
)
def test_a_cancelled_job_outweighs_one_that_timed_out_and_that_all_others(
    states: list[JobState], expected: RunState
) -> None:
    assert outcome(states) is expected


@pytest.mark.parametrize(
    ("run", "states", "ended"),
    [
        (RUN, {}, False),
        (RUN, {0: OK}, False),
        (RUN, {0: OK, 1: BUSY}, False),
        (RUN, {0: OK, 1: BAD}, True),
        (STOPPED, {0: OK}, True),
        (STOPPED, {0: BUSY}, False),
        (OVER, {}, True),
        (OVER, {0: QUEUED}, False),
    ],
)
def test_a_step_has_ended_when_nothing_is_open_and_nothing_will_be(
    run: Run, states: Mapping[int, JobState], ended: bool
) -> None:
    assert has_ended(run, PAIR, of(PAIR, states)) is ended


def test_a_step_that_has_not_chosen_its_agents_ends_with_its_run() -> None:
    assert [has_ended(run, LATER, {}) for run in (RUN, STOPPED, OVER)] == [False, False, True]


def test_a_step_whose_wave_has_closed_was_carried_out() -> None:
    it = rolling(size=4, max_failures=Amount(1))
    assert not has_run(it, of(it, {0: OK, 1: BAD}))
    assert has_run(it, of(it, {0: BAD, 1: BAD}))
    canary = rolling(size=4, canary=Amount(1), max_failures=Amount(3))
    assert has_run(canary, of(canary, {0: BAD}))
    assert not has_run(canary, of(canary, {0: OK, 1: BAD}))


@pytest.mark.parametrize(
    ("run", "states", "expected"),
    [
        (OVER, {}, JobState.SKIPPED),
        (OVER, {0: OK}, JobState.SKIPPED),
        (OVER, {0: OK, 1: OK}, JobState.SUCCEEDED),
        (STOPPED, {0: OK}, JobState.CANCELLED),
        (STOPPED, {0: OK, 1: QUEUED}, JobState.RUNNING),
        (STOPPED, {0: OK, 1: OK}, JobState.SUCCEEDED),
        (RUN, {0: QUEUED}, JobState.QUEUED),
    ],
)
def test_a_step_that_its_run_left_is_as_its_jobs_and_the_run_say(
    run: Run, states: Mapping[int, JobState], expected: JobState
) -> None:
    assert step_state(run, PAIR, of(PAIR, states)) is expected


def test_what_will_never_be_written_counts_as_skipped_once_the_step_has_ended() -> None:
    assert result(RUN, PAIR, {}) == StepResult(JobState.WAITING, {})
    assert result(RUN, PAIR, of(PAIR, {0: OK})) == StepResult(JobState.RUNNING, {OK: 1})
    assert result(RUN, PAIR, of(PAIR, {0: OK, 1: OK})) == StepResult(OK, {OK: 2})
    skipped = StepResult(JobState.SKIPPED, {OK: 1, JobState.SKIPPED: 1})
    assert result(OVER, PAIR, of(PAIR, {0: OK})) == skipped
    assert result(OVER, LATER, {}) == StepResult(JobState.SKIPPED, {})


def test_a_step_lasts_from_its_first_start_to_its_last_end() -> None:
    end = NOW + timedelta(seconds=5)
    jobs = {
        0: job(PAIR, "a", OK, started_at=NOW, ended_at=end),
        1: job(PAIR, "b", BAD, started_at=NOW - timedelta(seconds=1), ended_at=NOW),
    }
    assert result(RUN, PAIR, jobs) == StepResult(
        BAD, {OK: 1, BAD: 1}, NOW - timedelta(seconds=1), end
    )
    undated = {0: jobs[0], 1: job(PAIR, "b", BUSY)}
    assert result(RUN, PAIR, undated) == StepResult(JobState.RUNNING, {OK: 1}, NOW, None)


def test_the_results_of_the_steps_before_are_kept_with_the_run() -> None:
    empty = RunStep(Step(2, "two", Targets(everybody=True, allow_empty=True), command="x"), 0)
    unwanted = step(3, "a", "b", when=When.FAILURE)
    unchosen = RunStep(replace(unwanted.step, number=4))
    last = step(5, "a")
    steps = [PAIR, empty, unwanted, unchosen, last]
    run = at_step(Progress(RUN, steps, [job(PAIR, "a", OK), job(PAIR, "b", OK)]), 5)
    assert (run.step, run.step_size, run.size) == (5, 1, None)
    assert run.results == (
        StepResult(OK, {OK: 2}),
        StepResult(OK, {}),
        StepResult(JobState.SKIPPED, {JobState.SKIPPED: 2}),
        StepResult(JobState.SKIPPED, {}),
    )
    assert at_step(Progress(RUN, [PAIR, empty, unwanted]), 1).size == 4
    assert at_step(Progress(RUN, [PAIR, unchosen]), 4).step_size == 0


@pytest.mark.parametrize(("run", "rest"), [(RUN, JobState.WAITING), (OVER, JobState.SKIPPED)])
def test_all_jobs_of_a_step_are_those_written_and_those_of_its_other_agents(
    run: Run, rest: JobState
) -> None:
    written = job(PAIR, "b", OK)
    unwritten = Job(JobKey("01R", 1, "a"), rest, 0, agent_name="A")
    assert all_jobs(Progress(run, [PAIR], [written]), PAIR) == [unwritten, written]
