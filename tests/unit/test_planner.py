"""The planner where runs are odd: steps that failed before a stop, slots that two planners passed,
reasons of many."""

import pytest
from msgspec.structs import replace

from chalicelib.runs.job import Job, JobState
from chalicelib.runs.planner import (
    SKIP_REASON,
    EndQueued,
    EndRun,
    Enqueue,
    PassSlot,
    RequestCancel,
    plan,
)
from chalicelib.runs.run import Progress, Run, RunState, RunStep
from chalicelib.tasks.target import Targets
from chalicelib.tasks.task import Amount, Step, When
from tests.unit.test_plan import (
    BAD,
    BUSY,
    OK,
    QUEUED,
    RUN,
    job,
    jobs_in,
    put,
    rolling,
    step,
    stopping,
    withheld,
)

FAILED = "Step 1 'step 1' on A failed with exit code 1."
CANCELLED = EndRun(RunState.CANCELLED, "Cancelled by ann.")
ONE, TWO = step(1, "a"), step(2, "a")
HANDLER, ALWAYS = step(3, "a", when=When.FAILURE), step(4, "a", when=When.ALWAYS)
ALL = (ONE, TWO, HANDLER, ALWAYS)
BROKEN = job(ONE, "a", BAD, exit_code=1)


def ends(*jobs: Job, run: Run = RUN, steps: tuple[RunStep, ...] = ALL) -> object:
    return plan(Progress(run, steps, jobs))


def stopped_at(number: int) -> Run:
    """A run that was stopped when this step had begun."""
    return replace(stopping(), step=number)


# --- which failure a run ends with


def test_the_first_step_that_failed_says_why_though_others_failed_after_it() -> None:
    jobs = (BROKEN, job(HANDLER, "a", BAD, exit_code=7), job(ALWAYS, "a", BAD, exit_code=8))
    assert ends(*jobs) == EndRun(RunState.FAILED, FAILED)
    assert ends(*jobs, run=stopped_at(4)) == EndRun(RunState.FAILED, FAILED)


def test_a_step_of_which_jobs_stand_is_carried_on_whether_or_not_it_is_wanted() -> None:
    """Its jobs were put out when it was: a failure that is not acceptable any more cannot come."""
    jobs = (BROKEN, job(TWO, "a", BUSY))
    assert ends(*jobs) == []
    assert ends(BROKEN, job(TWO, "a", OK)) == put(HANDLER, 0)


@pytest.mark.parametrize(
    ("count", "more"),
    [
        (1, ""),
        (2, " 1 more agent did not succeed either."),
        (3, " 2 more agents did not succeed either."),
    ],
)
def test_the_reason_counts_those_that_it_does_not_name(count: int, more: str) -> None:
    one = step(1, *"abc"[:count])
    jobs = [job(one, agent, BAD, exit_code=1) for agent in one.roster]
    assert ends(*jobs, steps=(one,)) == EndRun(RunState.FAILED, FAILED + more)


def test_the_reason_is_that_of_a_job_that_ended_as_the_run_does() -> None:
    one = step(1, "a", "b")
    jobs = (job(one, "a", BAD, exit_code=1), job(one, "b", JobState.TIMED_OUT))
    assert ends(*jobs, steps=(one,)) == EndRun(
        RunState.TIMED_OUT,
        "Step 1 'step 1' on B ran out of time. 1 more agent did not succeed either.",
    )


def test_a_step_whose_agents_could_not_be_chosen_says_why() -> None:
    targets = Targets(labels={"role": "web"}, allow_empty=True)
    one = RunStep(Step(1, "one", targets, command="true"), 0, problem="too many agents fit.")
    assert ends(steps=(one,)) == EndRun(RunState.FAILED, "Step 1 'one': too many agents fit.")


# --- stops


def test_a_stop_that_came_when_all_was_over_leaves_the_failure() -> None:
    jobs = (BROKEN, job(HANDLER, "a", OK), job(ALWAYS, "a", OK))
    assert ends(*jobs, run=stopped_at(4)) == EndRun(RunState.FAILED, FAILED)


def test_a_stop_withholds_only_what_was_wanted_after_the_failure() -> None:
    assert ends(BROKEN, run=stopped_at(3)) == withheld(HANDLER, 0)
    assert ends(BROKEN, job(HANDLER, "a", OK), run=stopped_at(4)) == withheld(ALWAYS, 0)


def test_a_stop_without_a_failure_withholds_no_handler() -> None:
    jobs = (job(ONE, "a", OK), job(TWO, "a", OK))
    assert ends(*jobs, run=stopped_at(4)) == withheld(ALWAYS, 0)


def test_a_stop_before_agents_were_chosen_ends_the_run() -> None:
    later = RunStep(TWO.step)
    assert ends(job(ONE, "a", OK), run=stopping(), steps=(ONE, later)) == CANCELLED
    assert ends(job(ONE, "a", OK), run=stopping(), steps=(ONE, later, ALWAYS)) == CANCELLED


def test_a_stop_asks_once_and_waits_for_those_that_were_asked() -> None:
    asked = job(ONE, "a", BUSY, becomes=JobState.CANCELLED)
    assert ends(asked, run=stopping()) == []
    assert ends(job(ONE, "a", BUSY), run=stopping()) == [
        RequestCancel(job(ONE, "a", BUSY), JobState.CANCELLED)
    ]


def test_a_stop_in_a_wave_withholds_nothing_of_the_next_one() -> None:
    one = rolling(canary=Amount(2))
    stopped = jobs_in(one, {0: OK, 1: JobState.CANCELLED})
    for cut in (
        replace(stopped[1], becomes=JobState.CANCELLED),
        replace(stopped[1], reason="Cancelled by ann."),
    ):
        assert ends(stopped[0], cut, run=stopping(), steps=(one,)) == CANCELLED
    done = jobs_in(one, {0: OK, 1: OK})
    assert ends(*done, run=stopping(), steps=(one,)) == withheld(one, 2, 3)


def test_a_job_that_was_cancelled_before_the_run_was_stopped_is_no_part_of_the_stop() -> None:
    one = step(1, "a", max_failures=Amount(1))
    before = job(one, "a", JobState.TIMED_OUT, becomes=JobState.TIMED_OUT, reason="Too slow.")
    assert ends(before, run=stopped_at(2), steps=(one, TWO)) == withheld(TWO, 0)


# --- slots


def test_only_a_slot_whose_job_has_ended_is_passed_on() -> None:
    one = rolling(size=4)
    assert ends(*jobs_in(one, {0: BUSY, 1: BUSY}), steps=(one,)) == []
    jobs = jobs_in(one, {0: OK, 1: BUSY})
    assert ends(*jobs, steps=(one,)) == [PassSlot(jobs[0], 2)]


def test_no_more_slots_are_passed_on_than_there_are_agents_left() -> None:
    one = rolling(size=3)
    jobs = jobs_in(one, {0: OK, 1: OK})
    assert ends(*jobs, steps=(one,)) == [PassSlot(jobs[0], 2)]
    done = jobs_in(one, {0: OK, 1: OK, 2: BUSY}, _0=2)
    assert ends(*done, steps=(one,)) == []


def test_a_slot_whose_successor_is_still_to_be_put_out_is_not_passed_on_again() -> None:
    one = rolling(size=6)
    jobs = jobs_in(one, {0: OK, 1: OK}, _0=2)
    assert ends(*jobs, steps=(one,)) == [Enqueue(one, 2, 0), PassSlot(jobs[1], 3)]


def test_a_successor_that_two_slots_name_is_put_out_once() -> None:
    one = rolling(size=6)
    jobs = [replace(each, successor=2) for each in jobs_in(one, {0: OK, 1: OK})]
    assert ends(*jobs, steps=(one,)) == [Enqueue(one, 2, 0)]


def test_a_step_waits_for_the_last_job_of_its_last_wave() -> None:
    one = rolling(size=4, canary=Amount(1))
    jobs = jobs_in(one, {0: OK, 1: OK, 2: OK, 3: BUSY}, _1=3)
    assert ends(*jobs, steps=(one, TWO)) == []
    ended = [*jobs[:3], replace(jobs[3], state=OK)]
    assert ends(*ended, steps=(one, TWO)) == put(TWO, 0)


def test_a_closed_wave_leaves_alone_what_has_been_claimed() -> None:
    one = rolling(size=4, slots=3, max_failures=Amount(0))
    jobs = jobs_in(one, {0: BAD, 1: BUSY, 2: QUEUED})
    assert ends(*jobs, steps=(one,)) == [EndQueued(jobs[2], JobState.SKIPPED, SKIP_REASON)]
