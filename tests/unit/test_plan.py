"""The planner: what is due next, for every shape that a run can be in."""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.access.by import INSTALLATION
from chalicelib.runs import run as runs
from chalicelib.runs.job import Job, JobKey, JobState
from chalicelib.runs.planner import (
    SKIP_REASON,
    EndQueued,
    EndRun,
    Enqueue,
    PassSlot,
    RequestCancel,
    Resolve,
    TakeTurn,
    Withhold,
    plan,
)
from chalicelib.runs.run import Progress, Run, RunState, RunStep, outcome, result, step_state
from chalicelib.tasks.target import Targets
from chalicelib.tasks.task import Amount, Step, When

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
RUN = Run(
    id="01R",
    task_id="T",
    task_name="deploy",
    revision=1,
    step_count=2,
    state=RunState.RUNNING,
    triggered_by=INSTALLATION,
    created_at=NOW,
    expires_at=NOW + timedelta(days=90),
)


def step(number: int, *agents: str, **policy: Any) -> RunStep:
    frozen = Step(number, f"step {number}", Targets(agent_ids=agents), command="true", **policy)
    return RunStep(frozen, len(agents), None, {a: a.upper() for a in agents})


def job(of: RunStep, agent: str, state: JobState, **values: Any) -> Job:
    key = JobKey("01R", of.number, agent)
    return Job(key, state, index=of.roster.index(agent), **values)


def stopping(state: JobState = JobState.CANCELLED) -> Run:
    return replace(
        RUN, state=RunState.CANCELLING, jobs_become=state, stop_reason="Cancelled by ann."
    )


def put(of: RunStep, *indexes: int) -> list[Enqueue]:
    return [Enqueue(of, index, None) for index in indexes]


def withheld(of: RunStep, *indexes: int, state: JobState = JobState.CANCELLED) -> list[Withhold]:
    return [Withhold(of, index, state, "Cancelled by ann.") for index in indexes]


def test_a_new_run_gets_the_jobs_of_its_first_step_only() -> None:
    steps = (step(1, "a", "b"), step(2, "a"))
    assert plan(Progress(RUN, steps)) == put(steps[0], 0, 1)


def test_only_the_jobs_that_are_missing_are_put() -> None:
    one = step(1, "a", "b")
    assert plan(Progress(RUN, (one,), (job(one, "a", JobState.SUCCEEDED),))) == put(one, 1)


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.CLAIMED, JobState.RUNNING])
def test_while_a_step_has_open_jobs_nothing_is_due(state: JobState) -> None:
    one, two = step(1, "a", "b"), step(2, "a")
    jobs = (job(one, "a", JobState.SUCCEEDED), job(one, "b", state))
    assert plan(Progress(RUN, (one, two), jobs)) == []


def test_a_step_that_ended_well_brings_the_next_one() -> None:
    one, two = step(1, "a"), step(2, "b")
    assert plan(Progress(RUN, (one, two), (job(one, "a", JobState.SUCCEEDED),))) == put(two, 0)


def test_the_agents_of_a_step_are_chosen_when_it_starts() -> None:
    one = step(1, "a")
    two = RunStep(Step(2, "two", Targets(everybody=True), command="true"))
    assert plan(Progress(RUN, (one, two), (job(one, "a", JobState.RUNNING),))) == []
    jobs = (job(one, "a", JobState.SUCCEEDED),)
    assert plan(Progress(RUN, (one, two), jobs)) == [Resolve(two)]


def test_the_last_step_that_ended_well_ends_the_run() -> None:
    one = step(1, "a")
    jobs = (job(one, "a", JobState.SUCCEEDED),)
    assert plan(Progress(RUN, (one,), jobs)) == EndRun(RunState.SUCCEEDED, None)


def test_a_step_that_failed_ends_the_run_and_says_where() -> None:
    one, two = step(1, "a", "b", "c"), step(2, "a")
    jobs = (
        job(one, "a", JobState.SUCCEEDED),
        job(one, "b", JobState.FAILED, exit_code=3),
        job(one, "c", JobState.FAILED, exit_code=4),
    )
    end = plan(Progress(RUN, (one, two), jobs))
    assert isinstance(end, EndRun)
    assert (end.state, end.reason) == (
        RunState.FAILED,
        "Step 1 'step 1' on B failed with exit code 3. 1 more agent did not succeed either.",
    )


@pytest.mark.parametrize("allowed", [True, False])
def test_a_step_without_agents_fails_unless_that_is_allowed(allowed: bool) -> None:
    targets = Targets(labels={"role": "web"}, allow_empty=allowed)
    end = plan(Progress(RUN, (RunStep(Step(1, "one", targets, command="true"), 0),)))
    reason = "Step 1 'one': no agent fits role=web."
    assert end == (EndRun(RunState.SUCCEEDED, None) if allowed else EndRun(RunState.FAILED, reason))


def test_an_ended_run_is_left_alone() -> None:
    assert plan(Progress(replace(RUN, state=RunState.FAILED), (step(1, "a"),))) == []


def test_a_held_run_waits_for_its_turn() -> None:
    assert plan(Progress(replace(RUN, is_held=True), (step(1, "a"),))) == [TakeTurn()]


# --- waves


def rolling(size: int = 6, slots: int = 2, **policy: Any) -> RunStep:
    return step(1, *(f"a{n}" for n in range(size)), max_parallel=Amount(slots), **policy)


def jobs_in(of: RunStep, states: Mapping[int, JobState], **successors: int) -> tuple[Job, ...]:
    return tuple(
        Job(
            JobKey("01R", of.number, of.roster[index]),
            state,
            index=index,
            origin=next((int(n[1:]) for n, to in successors.items() if to == index), None),
            successor=successors.get(f"_{index}"),
        )
        for index, state in states.items()
    )


OK, BAD, BUSY, QUEUED = JobState.SUCCEEDED, JobState.FAILED, JobState.RUNNING, JobState.QUEUED


def test_a_rolling_step_begins_with_as_many_jobs_as_it_has_slots() -> None:
    one = rolling()
    assert plan(Progress(RUN, (one,))) == put(one, 0, 1)


def test_a_successor_that_was_not_written_is_written_on_the_same_slot() -> None:
    one = rolling()
    jobs = jobs_in(one, {0: OK, 1: BUSY}, _0=2)
    assert plan(Progress(RUN, (one,), jobs)) == [Enqueue(one, 2, 0)]


def test_a_slot_that_was_parked_too_early_goes_to_what_is_left() -> None:
    one = rolling()
    jobs = jobs_in(one, {0: OK, 1: OK, 2: BUSY}, _0=2, _1=17)
    assert plan(Progress(RUN, (one,), jobs)) == [PassSlot(jobs[1], 3)]


def test_a_slot_whose_successor_came_from_another_one_is_free() -> None:
    one = rolling()
    jobs = (*jobs_in(one, {0: OK, 2: BUSY}, _0=2), replace(jobs_in(one, {1: OK})[0], successor=2))
    assert plan(Progress(RUN, (one,), jobs)) == [PassSlot(jobs[2], 3)]


def test_after_too_many_failures_what_is_queued_is_skipped_and_nothing_follows() -> None:
    one = rolling(max_failures=Amount(1))
    jobs = jobs_in(one, {0: BAD, 1: BAD, 2: QUEUED, 3: BUSY}, _0=2, _1=3)
    planned = plan(Progress(RUN, (one,), jobs))
    assert isinstance(planned, list)
    (end,) = planned
    assert isinstance(end, EndQueued)
    assert (end.job, end.state) == (jobs[2], JobState.SKIPPED)
    jobs = jobs_in(one, {0: BAD, 1: BAD, 2: JobState.SKIPPED, 3: OK}, _0=2, _1=3)
    end_run = plan(Progress(RUN, (one,), jobs))
    assert isinstance(end_run, EndRun)
    assert end_run.state is RunState.FAILED
    by_index = {each.index: each for each in jobs}
    assert result(replace(RUN, state=RunState.FAILED), one, by_index).counts == {
        JobState.FAILED: 2, JobState.SKIPPED: 3, JobState.SUCCEEDED: 1,
    }  # fmt: skip


def test_so_many_failures_as_are_allowed_do_not_fail_a_step() -> None:
    one = step(1, "a", "b", "c", max_failures=Amount(34, is_percent=True))
    jobs = (job(one, "a", BAD), job(one, "b", OK), job(one, "c", OK))
    assert plan(Progress(RUN, (one,), jobs)) == EndRun(RunState.SUCCEEDED, None)


def test_without_waves_failures_call_nothing_back() -> None:
    one = step(1, "a", "b")
    assert plan(Progress(RUN, (one,), (job(one, "a", BAD), job(one, "b", QUEUED)))) == []


def test_the_rest_comes_after_all_canaries_have_succeeded() -> None:
    one = rolling(canary=Amount(2))
    assert plan(Progress(RUN, (one,))) == put(one, 0, 1)
    assert plan(Progress(RUN, (one,), jobs_in(one, {0: OK, 1: BUSY}))) == []
    assert plan(Progress(RUN, (one,), jobs_in(one, {0: OK, 1: OK}))) == put(one, 2, 3)


def test_a_canary_that_fails_ends_the_step_whatever_max_failures_says() -> None:
    one = rolling(canary=Amount(2), max_failures=Amount(5))
    end = plan(Progress(RUN, (one,), jobs_in(one, {0: OK, 1: BAD})))
    assert isinstance(end, EndRun)
    assert end.state is RunState.FAILED


# --- handlers


def test_after_a_failure_only_handlers_run() -> None:
    failed, skipped = step(1, "a"), step(2, "a")
    handler, always = step(3, "a", when=When.FAILURE), step(4, "a", when=When.ALWAYS)
    steps = (failed, skipped, handler, always)
    jobs = (job(failed, "a", BAD, exit_code=1),)
    assert plan(Progress(RUN, steps, jobs)) == put(handler, 0)
    jobs = (*jobs, job(handler, "a", OK))
    assert plan(Progress(RUN, steps, jobs)) == put(always, 0)
    end = plan(Progress(RUN, steps, (*jobs, job(always, "a", OK))))
    assert isinstance(end, EndRun)
    assert (end.state, end.reason) == (
        RunState.FAILED, "Step 1 'step 1' on A failed with exit code 1.",
    )  # fmt: skip


def test_without_a_failure_its_handlers_do_not_run() -> None:
    one, handler = step(1, "a"), step(2, "a", when=When.FAILURE)
    jobs = (job(one, "a", OK),)
    assert plan(Progress(RUN, (one, handler), jobs)) == EndRun(RunState.SUCCEEDED, None)


# --- stopping


def test_a_stop_ends_what_is_queued_and_asks_for_the_rest() -> None:
    one = step(1, "a", "b", "c")
    queued, running = job(one, "a", QUEUED), job(one, "b", BUSY)
    asked = job(one, "c", BUSY, becomes=JobState.CANCELLED)
    assert plan(Progress(stopping(), (one,), (queued, running, asked))) == [
        EndQueued(queued, JobState.CANCELLED, "Cancelled by ann."),
        RequestCancel(running, JobState.CANCELLED),
    ]


@pytest.mark.parametrize(
    ("state", "end"),
    [(JobState.CANCELLED, RunState.CANCELLED), (JobState.TIMED_OUT, RunState.TIMED_OUT)],
)
def test_a_stop_between_two_steps_ends_the_run(state: JobState, end: RunState) -> None:
    one, two = step(1, "a"), step(2, "a")
    jobs = (job(one, "a", OK),)
    run = stopping(state)
    assert plan(Progress(run, (one, two), jobs)) == EndRun(end, "Cancelled by ann.")
    run = replace(run, step=2)  # somebody is putting its jobs out
    assert plan(Progress(run, (one, two), jobs)) == withheld(two, 0, state=state)
    jobs += (job(two, "a", state, reason=run.stop_reason),)
    assert plan(Progress(run, (one, two), jobs)) == EndRun(end, "Cancelled by ann.")


def test_a_stop_that_came_after_the_last_job_ended_changes_nothing() -> None:
    one = step(1, "a")
    jobs = (job(one, "a", OK),)
    assert plan(Progress(stopping(), (one,), jobs)) == EndRun(RunState.SUCCEEDED, None)


def test_a_stop_within_allowed_failures_still_stops_the_run() -> None:
    one = step(1, "a", "b", max_failures=Amount(1))
    jobs = (job(one, "a", JobState.CANCELLED), job(one, "b", OK))
    assert plan(Progress(stopping(), (one,), jobs)) == EndRun(
        RunState.CANCELLED, "Cancelled by ann."
    )


def test_a_stop_runs_no_handlers() -> None:
    one, handler = step(1, "a"), step(2, "a", when=When.ALWAYS)
    jobs = (job(one, "a", BAD),)
    run = replace(stopping(), step=2)
    assert plan(Progress(run, (one, handler), jobs)) == withheld(handler, 0)
    jobs += (job(handler, "a", JobState.CANCELLED, reason=run.stop_reason),)
    assert plan(Progress(run, (one, handler), jobs)) == EndRun(
        RunState.CANCELLED, "Cancelled by ann."
    )


def test_a_stop_withholds_what_a_slower_handler_is_putting_out() -> None:
    one, two = step(1, "a", "b", "c"), step(2, "a")
    first = job(one, "a", QUEUED)
    assert plan(Progress(stopping(), (one, two), (first,))) == [
        EndQueued(first, JobState.CANCELLED, "Cancelled by ann."),
        *withheld(one, 1, 2),
    ]
    rolled = rolling()
    ended = jobs_in(rolled, {0: OK, 1: OK}, _0=2, _1=3)
    assert plan(Progress(stopping(), (rolled,), ended)) == withheld(rolled, 2, 3)


def test_a_stop_withholds_nothing_of_a_wave_behind_one_that_has_closed() -> None:
    one = step(1, "a", "b", "c", "d", canary=Amount(2))
    handler = step(2, "a", when=When.ALWAYS)
    closed = jobs_in(one, {0: BAD, 1: JobState.SKIPPED})
    run = replace(stopping(), step=2)
    assert plan(Progress(run, (one, handler), closed)) == withheld(handler, 0)
    running = job(handler, "a", JobState.RUNNING, becomes=JobState.CANCELLED)
    assert plan(Progress(run, (one, handler), (*closed, running))) == []


def test_a_stop_withholds_nothing_of_a_wave_behind_one_that_it_cut() -> None:
    one = step(1, "a", "b", "c", canary=Amount(1), max_failures=Amount(2))
    running = job(one, "a", JobState.RUNNING, becomes=JobState.CANCELLED)
    assert plan(Progress(stopping(), (one,), (running,))) == []


@pytest.mark.parametrize(
    "first",
    [
        (step(1, "a", "b", max_parallel=Amount(1)), {0: BAD}),  # closed: `b` is never written
        (step(1, "a"), {0: JobState.CANCELLED}),  # a person had cancelled the job before
        (step(1, "a", "b", "d", canary=Amount(1)), {0: BAD}),  # the others' wave never begins
    ],
)
def test_a_stop_withholds_the_step_that_was_under_way_whatever_came_before_it(first: Any) -> None:
    one, states = first
    handler = step(2, "a", "c", when=When.FAILURE)
    jobs = tuple(replace(each, becomes=JobState.CANCELLED) for each in jobs_in(one, states))
    run = replace(stopping(), step=2)
    assert plan(Progress(run, (one, handler), jobs)) == withheld(handler, 0, 1)


def test_a_stop_withholds_nothing_that_nobody_can_be_putting_out() -> None:
    one, handler = step(1, "a"), step(2, "a", when=When.ALWAYS)
    end = EndRun(RunState.CANCELLED, "Cancelled by ann.")
    assert plan(Progress(replace(stopping(), is_held=True), (one, handler))) == end
    asked = job(one, "a", JobState.CANCELLED, becomes=JobState.CANCELLED)
    assert plan(Progress(stopping(), (one, handler), (asked,))) == end
    unresolved = RunStep(one.step)
    assert plan(Progress(stopping(), (unresolved,))) == end


def test_a_wave_that_has_closed_withholds_what_a_slower_handler_is_putting_out() -> None:
    one = step(1, "a", "b", "c", max_failures=Amount(0))
    jobs = jobs_in(one, {0: BAD, 1: QUEUED})
    assert plan(Progress(RUN, (one,), jobs)) == [
        EndQueued(jobs[1], JobState.SKIPPED, SKIP_REASON),
        Withhold(one, 2, JobState.SKIPPED, SKIP_REASON),
    ]


# --- derived states


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({}, JobState.WAITING),
        ({0: QUEUED, 1: QUEUED}, JobState.QUEUED),
        ({0: OK, 1: QUEUED}, JobState.RUNNING),
        ({0: OK, 1: JobState.CLAIMED}, JobState.RUNNING),
        ({0: OK}, JobState.RUNNING),
        ({0: OK, 1: OK}, JobState.SUCCEEDED),
        ({0: OK, 1: JobState.LOST}, JobState.FAILED),
        ({0: OK, 1: JobState.TIMED_OUT}, JobState.TIMED_OUT),
    ],
)
def test_a_steps_state_follows_from_its_jobs(
    states: Mapping[int, JobState], expected: JobState
) -> None:
    one = step(1, "a", "b")
    jobs = {each.index: each for each in jobs_in(one, states)}
    assert step_state(RUN, one, jobs) is expected


def test_a_step_that_the_run_did_not_reach_is_skipped() -> None:
    assert step_state(replace(RUN, state=RunState.FAILED), step(1, "a"), {}) is JobState.SKIPPED


def test_a_step_that_a_stop_cut_short_is_as_the_stop_says() -> None:
    one = rolling()
    jobs = {each.index: each for each in jobs_in(one, {0: OK, 1: OK})}
    ended = replace(stopping(), state=RunState.CANCELLED)
    assert step_state(ended, one, jobs) is JobState.CANCELLED


FINAL = [state for state in JobState if state.is_terminal]


@given(st.lists(st.sampled_from(FINAL), min_size=1), st.randoms())
def test_the_outcome_depends_on_the_final_states_alone(states: list[JobState], chance: Any) -> None:
    shuffled = list(states)
    chance.shuffle(shuffled)
    assert outcome(shuffled) is outcome(states)


@given(
    size=st.integers(1, 12),
    slots=st.integers(1, 12),
    canary=st.integers(0, 3),
    allowed=st.integers(0, 3),
    fates=st.lists(st.booleans(), min_size=12, max_size=12),
    order=st.randoms(),
)
def test_whatever_happens_a_rolling_step_ends_and_keeps_its_limits(
    size: int, slots: int, canary: int, allowed: int, fates: list[bool], order: Any
) -> None:
    one = step(
        1,
        *(f"a{n}" for n in range(size)),
        max_parallel=Amount(slots),
        max_failures=Amount(allowed),
        canary=Amount(canary) if canary else None,
    )
    jobs: dict[int, Job] = {}
    for _ in range(100):
        actions = plan(Progress(RUN, (one,), tuple(jobs.values())))
        failures = sum(each.has_failed for each in jobs.values())
        if isinstance(actions, EndRun):
            assert not any(not each.state.is_terminal for each in jobs.values())
            bad = sum(not fate for fate in fates[:size])
            if bad == 0:
                assert (actions.state, len(jobs)) == (RunState.SUCCEEDED, size)
            if failures > allowed:
                assert actions.state is RunState.FAILED
            return
        for action in actions:
            match action:
                case Enqueue(_, index, origin):
                    assert failures <= allowed, "nothing starts after too many failures"
                    key = JobKey("01R", 1, one.roster[index])
                    jobs.setdefault(index, Job(key, BUSY, index=index, origin=origin))
                case PassSlot(each, successor):
                    jobs[each.index] = replace(each, successor=successor)
                case _:
                    raise AssertionError(action)
        busy = [index for index, each in jobs.items() if each.state is BUSY]
        assert len(busy) <= slots
        if not actions:
            index = order.choice(busy)
            jobs[index] = replace(jobs[index], state=OK if fates[index] else BAD)
    raise AssertionError("it did not end")


def test_every_state_is_in_the_table_and_every_end_is_final() -> None:
    assert set(runs.TRANSITIONS) == set(RunState)
    for state, following in runs.TRANSITIONS.items():
        assert state not in following
        assert all(
            not after.is_terminal or runs.TRANSITIONS[after] == frozenset() for after in following
        )
