"""The planner: what is due next, for every shape that a run can be in."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import run as runs
from chalicelib.job import Job, JobKey, JobState
from chalicelib.run import (
    EndQueued,
    EndRun,
    Enqueue,
    Progress,
    RequestCancel,
    Run,
    RunState,
    RunStep,
    outcome,
    plan,
    step_state,
)

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
RUN = Run(
    id="01R",
    task_id="T",
    task_name="deploy",
    revision=1,
    step_count=2,
    state=RunState.RUNNING,
    triggered_by="ci",
    created_at=NOW,
    expires_at=NOW + timedelta(days=90),
)


def step(number: int, *agents: str) -> RunStep:
    return RunStep(number, f"step {number}", {a: a.upper() for a in agents}, "/", "true", {}, None)


def job(number: int, agent: str, state: JobState, **values: object) -> Job:
    return Job(JobKey("01R", number, agent), state, step_size=1, **values)  # type: ignore[arg-type]


def stopping(state: JobState = JobState.CANCELLED) -> Run:
    return replace(RUN, state=RunState.CANCELLING, stop=state, stop_reason="Cancelled by ann.")


def test_a_new_run_gets_the_jobs_of_its_first_step_only() -> None:
    steps = (step(1, "a", "b"), step(2, "a"))
    assert plan(Progress(RUN, steps)) == [Enqueue(steps[0], ("a", "b"), JobState.QUEUED)]


def test_only_the_jobs_that_are_missing_are_put() -> None:
    steps = (step(1, "a", "b"),)
    jobs = (job(1, "a", JobState.SUCCEEDED),)
    assert plan(Progress(RUN, steps, jobs)) == [Enqueue(steps[0], ("b",), JobState.QUEUED)]


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.CLAIMED, JobState.RUNNING])
def test_while_a_step_has_open_jobs_nothing_is_due(state: JobState) -> None:
    jobs = (job(1, "a", JobState.SUCCEEDED), job(1, "b", state))
    assert plan(Progress(RUN, (step(1, "a", "b"), step(2, "a")), jobs)) == []


def test_a_step_that_ended_well_brings_the_next_one() -> None:
    steps = (step(1, "a"), step(2, "b"))
    jobs = (job(1, "a", JobState.SUCCEEDED),)
    assert plan(Progress(RUN, steps, jobs)) == [Enqueue(steps[1], ("b",), JobState.QUEUED)]


def test_the_last_step_that_ended_well_ends_the_run() -> None:
    jobs = (job(1, "a", JobState.SUCCEEDED),)
    assert plan(Progress(RUN, (step(1, "a"),), jobs)) == [EndRun(RunState.SUCCEEDED, None)]


def test_a_failed_step_ends_the_run_and_says_why() -> None:
    jobs = (job(1, "a", JobState.FAILED, exit_code=3),)
    (action,) = plan(Progress(RUN, (step(1, "a"), step(2, "a")), jobs))
    assert action == EndRun(RunState.FAILED, "Step 1 'step 1' on A failed with exit code 3.")


@pytest.mark.parametrize(
    ("state", "ends"),
    [
        (JobState.FAILED, RunState.FAILED),
        (JobState.LOST, RunState.FAILED),
        (JobState.UNDELIVERED, RunState.FAILED),
        (JobState.TIMED_OUT, RunState.TIMED_OUT),
        (JobState.CANCELLED, RunState.CANCELLED),
    ],
)
def test_every_bad_end_of_a_job_has_its_end_of_the_run(state: JobState, ends: RunState) -> None:
    (action,) = plan(Progress(RUN, (step(1, "a"), step(2, "a")), (job(1, "a", state),)))
    assert isinstance(action, EndRun)
    assert action.state is ends
    assert action.reason


def test_an_ended_run_is_left_alone() -> None:
    for state in RunState:
        if state.is_terminal:
            assert plan(Progress(replace(RUN, state=state), (step(1, "a"),))) == []


def test_a_stop_ends_queued_jobs_and_asks_agents_to_end_the_others_once() -> None:
    queued, running = job(1, "a", JobState.QUEUED), job(1, "b", JobState.RUNNING)
    asked = job(1, "c", JobState.CLAIMED, stop=JobState.CANCELLED)
    actions = plan(Progress(stopping(), (step(1, "a", "b", "c"),), (queued, running, asked)))
    assert actions == [
        EndQueued(queued, JobState.CANCELLED, "Cancelled by ann."),
        RequestCancel(running, JobState.CANCELLED),
    ]


def test_a_stop_between_two_steps_puts_the_next_steps_jobs_as_cancelled() -> None:
    steps = (step(1, "a"), step(2, "b"))
    actions = plan(Progress(stopping(), steps, (job(1, "a", JobState.SUCCEEDED),)))
    assert actions == [Enqueue(steps[1], ("b",), JobState.CANCELLED, "Cancelled by ann.")]


def test_a_stop_after_the_last_step_changes_nothing() -> None:
    jobs = (job(1, "a", JobState.SUCCEEDED),)
    assert plan(Progress(stopping(), (step(1, "a"),), jobs)) == [EndRun(RunState.SUCCEEDED, None)]


def test_a_run_out_of_time_is_timed_out() -> None:
    run = stopping(JobState.TIMED_OUT)
    (action,) = plan(Progress(run, (step(1, "a"),), (job(1, "a", JobState.TIMED_OUT),)))
    assert isinstance(action, EndRun)
    assert action.state is RunState.TIMED_OUT


@given(st.lists(st.sampled_from([s for s in JobState if s.is_terminal]), max_size=6))
def test_the_outcome_does_not_depend_on_the_order_of_the_jobs(states: list[JobState]) -> None:
    assert outcome(states) is outcome(reversed(states))
    assert outcome(states).is_terminal
    good = {JobState.SUCCEEDED, JobState.SKIPPED}
    assert (outcome(states) is RunState.SUCCEEDED) == (set(states) <= good)


def test_steps_that_never_began_are_skipped_once_the_run_has_ended() -> None:
    assert step_state(RUN, []) is JobState.WAITING
    assert step_state(replace(RUN, state=RunState.FAILED), []) is JobState.SKIPPED


def test_a_steps_state_follows_from_its_jobs() -> None:
    queued, running = job(1, "a", JobState.QUEUED), job(1, "b", JobState.RUNNING)
    done, bad = job(1, "c", JobState.SUCCEEDED), job(1, "d", JobState.FAILED)
    assert step_state(RUN, [queued]) is JobState.QUEUED
    assert step_state(RUN, [queued, running]) is JobState.RUNNING
    assert step_state(RUN, [queued, done]) is JobState.RUNNING
    assert step_state(RUN, [done]) is JobState.SUCCEEDED
    assert step_state(RUN, [done, bad]) is JobState.FAILED


def test_the_transitions_of_runs_are_those_of_the_design() -> None:
    entered_from = {state: set(runs.leaves(state)) for state in RunState}
    assert entered_from[RunState.QUEUED] == set()
    assert entered_from[RunState.RUNNING] == {RunState.QUEUED}
    assert entered_from[RunState.CANCELLING] == {RunState.QUEUED, RunState.RUNNING}
    for state in RunState:
        if state.is_terminal:
            assert entered_from[state] == {
                RunState.QUEUED,
                RunState.RUNNING,
                RunState.CANCELLING,
            }


_DUE = st.sampled_from([s for s in JobState if s not in (JobState.WAITING, JobState.SKIPPED)])


@given(
    st.lists(st.lists(_DUE, min_size=1, max_size=3), max_size=3),
    st.sampled_from([None, JobState.CANCELLED, JobState.TIMED_OUT]),
)
def test_no_job_of_a_step_is_put_before_the_step_before_ended_well(
    states: list[list[JobState]], stop: JobState | None
) -> None:
    agents = "abc"
    steps = tuple(step(n, *agents) for n in range(1, 5))
    jobs = tuple(
        job(n, agent, state)
        for n, of_step in enumerate(states, 1)
        for agent, state in zip(agents, of_step, strict=False)
    )
    run = RUN if stop is None else stopping(stop)
    for action in plan(Progress(run, steps, jobs)):
        if isinstance(action, Enqueue):
            earlier = product(range(1, action.step.number), agents)
            done = {(j.key.step, j.key.agent_id): j.state for j in jobs}
            assert all(done.get(pair) is JobState.SUCCEEDED for pair in earlier)
            assert (action.state is JobState.QUEUED) == (stop is None)
