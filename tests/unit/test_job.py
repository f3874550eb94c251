"""Jobs: transitions, names, ends."""

from datetime import datetime, timedelta, timezone

import pytest
from msgspec.structs import replace

from chalicelib.runs.job import (
    END_GRACE,
    TRANSITIONS,
    Attempt,
    Deadlines,
    Ending,
    Job,
    JobKey,
    JobState,
    Outcome,
    deadlines,
    leaves,
)

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def test_terminal_states_are_those_that_nothing_follows() -> None:
    terminal = {state.value for state in JobState if state.is_terminal}
    assert terminal == {
        "succeeded",
        "failed",
        "timed_out",
        "cancelled",
        "lost",
        "undelivered",
        "skipped",
    }


def test_every_state_can_be_reached_from_waiting() -> None:
    reached, front = set(), {JobState.WAITING}
    while front:
        reached |= front
        front = {target for state in front for target in TRANSITIONS[state]} - reached
    assert reached == set(JobState)


def test_a_job_is_claimed_from_its_inbox_only() -> None:
    assert leaves(JobState.CLAIMED) == [JobState.QUEUED]
    assert leaves(JobState.RUNNING) == [JobState.CLAIMED]
    assert leaves(JobState.UNDELIVERED) == [JobState.QUEUED]


@pytest.mark.parametrize(
    ("outcome", "exit_code", "state"),
    [
        (Outcome.EXITED, 0, JobState.SUCCEEDED),
        (Outcome.EXITED, 1, JobState.FAILED),
        (Outcome.EXITED, 137, JobState.FAILED),
        (Outcome.TIMED_OUT, None, JobState.TIMED_OUT),
        (Outcome.CANCELLED, None, JobState.CANCELLED),
        (Outcome.NOT_STARTED, None, JobState.FAILED),
        (Outcome.LOST, None, JobState.LOST),
    ],
)
def test_each_outcome_has_its_state(
    outcome: Outcome, exit_code: int | None, state: JobState
) -> None:
    assert outcome.state(exit_code) is state
    assert state in TRANSITIONS[JobState.RUNNING]
    assert state in TRANSITIONS[JobState.CLAIMED]


def test_a_job_id_reads_back() -> None:
    for number in (12, 1_234):
        key = JobKey("01R", number, "6f0c0000-0000-4000-8000-000000000001")
        assert JobKey.parse("01R", key.job_id) == key


@pytest.mark.parametrize("text", ["", "1", "1-", "-a", "x-a", "12345-a", "\u0661-a"])
def test_what_is_no_job_id_is_none(text: str) -> None:
    assert JobKey.parse("01R", text) is None


def test_the_sweeper_waits_for_the_kill_and_the_report() -> None:
    job = Job(JobKey("01R", 1, "a"), JobState.CLAIMED, lost_after_seconds=300)
    assert deadlines(job, NOW, NOW) == Deadlines(NOW + timedelta(seconds=300), None)
    limited = deadlines(replace(job, timeout_seconds=5), NOW, NOW)
    assert limited.give_up_at == NOW + timedelta(seconds=15) + END_GRACE
    assert limited.look_at == limited.give_up_at
    long = deadlines(replace(job, timeout_seconds=600), NOW - timedelta(seconds=9), NOW)
    assert long.look_at == NOW + timedelta(seconds=300), "its agent may be lost before that"
    assert long.give_up_at == NOW + timedelta(seconds=601) + END_GRACE


@pytest.mark.parametrize(
    ("state", "values", "text"),
    [
        (JobState.FAILED, {"exit_code": 2}, "Step 1 'build' on web failed with exit code 2."),
        (JobState.FAILED, {"reason": "no path /x"}, "Step 1 'build' on web failed: no path /x"),
        (JobState.TIMED_OUT, {}, "Step 1 'build' on web ran out of time."),
        (JobState.FAILED, {}, "Step 1 'build' on web failed."),
        (JobState.LOST, {"reason": "gone"}, "Step 1 'build' on web was lost: gone"),
        (JobState.CANCELLED, {}, "Step 1 'build' on web was cancelled."),
        (JobState.UNDELIVERED, {}, "Step 1 'build' on web was not fetched by its agent in time."),
        (JobState.RUNNING, {}, "Step 1 'build' on web is running."),
    ],
)
def test_the_end_of_a_job_is_told_to_a_person(
    state: JobState, values: dict[str, object], text: str
) -> None:
    job = Job(JobKey("01R", 1, "a"), state, 1, **values)  # type: ignore[arg-type]
    assert job.describe_end("build", "web") == text


def test_a_job_is_new_until_something_is_known_of_it() -> None:
    new = Job(JobKey("01R", 1, "a"), JobState.WAITING)
    assert (new.index, new.attempt, new.poll_seq, new.due_tries) == (0, 1, 0, 0)
    assert not (new.reported or new.log_compacted or new.stop_requested)
    assert not Ending(JobState.LOST).reported


@pytest.mark.parametrize("state", JobState)
def test_a_job_has_failed_that_ended_neither_well_nor_skipped(state: JobState) -> None:
    open_or_well = {"waiting", "queued", "claimed", "running", "succeeded", "skipped"}
    assert Job(JobKey("01R", 1, "a"), state).has_failed is (state.value not in open_or_well)
    if state.is_terminal:
        assert Ending(state).has_failed is (state.value not in open_or_well)


def test_a_job_that_is_asked_to_end_is_to_be_cancelled() -> None:
    job = Job(JobKey("01R", 1, "a"), JobState.RUNNING)
    assert replace(job, becomes=JobState.TIMED_OUT).stop_requested


def test_an_attempt_is_remembered_as_it_ended() -> None:
    begun = Job(JobKey("01R", 1, "a"), JobState.RUNNING, attempt=2, lease="lease", started_at=NOW)
    ending = Ending(JobState.FAILED, 3, "bad", duration_ms=5, log={"chunks": 1})
    end = NOW + timedelta(seconds=9)
    remembered = Attempt(2, "lease", JobState.FAILED, 3, "bad", NOW, end, 5, {"chunks": 1})
    assert begun.as_attempt(ending, end) == remembered
    said = NOW + timedelta(seconds=1)
    assert begun.as_attempt(replace(ending, started_at=said), end).started_at == said


def test_a_job_is_also_what_each_attempt_was() -> None:
    lost = Attempt(1, None, JobState.LOST, ended_at=NOW)
    failed = Attempt(2, None, JobState.FAILED, ended_at=NOW, log={"chunks": 1})
    job = Job(JobKey("01R", 1, "a"), JobState.RUNNING, attempt=3, earlier=(lost, failed))
    one, two, three = job.attempts()
    assert [each.attempt for each in (one, two, three)] == [1, 2, 3]
    assert [each.state for each in (one, two)] == [JobState.LOST, JobState.FAILED]
    assert [each.reported for each in (one, two)] == [False, True]
    assert (one.ended_at, one.log, two.log, three) == (NOW, None, {"chunks": 1}, job)


def test_an_attempt_has_run_since_its_start_was_reported() -> None:
    it = Job(JobKey("01R", 1, "a"), JobState.RUNNING)
    assert it.ran_ms(NOW) is None
    started = replace(it, started_at=NOW)
    assert started.ran_ms(NOW + timedelta(seconds=20.5)) == 20_500
    assert started.ran_ms(NOW - timedelta(seconds=1)) == 0
