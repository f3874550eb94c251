"""Jobs: transitions, names, ends."""

from datetime import datetime, timedelta, timezone

import pytest
from msgspec.structs import replace

from chalicelib.runs.job import (
    END_GRACE,
    TRANSITIONS,
    Deadlines,
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
    key = JobKey("01R", 12, "6f0c0000-0000-4000-8000-000000000001")
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


@pytest.mark.parametrize(
    ("state", "values", "text"),
    [
        (JobState.FAILED, {"exit_code": 2}, "Step 1 'build' on web failed with exit code 2."),
        (JobState.FAILED, {"reason": "no path /x"}, "Step 1 'build' on web failed: no path /x"),
        (JobState.TIMED_OUT, {}, "Step 1 'build' on web ran out of time."),
        (JobState.LOST, {"reason": "gone"}, "Step 1 'build' on web was lost: gone"),
    ],
)
def test_the_end_of_a_job_is_told_to_a_person(
    state: JobState, values: dict[str, object], text: str
) -> None:
    job = Job(JobKey("01R", 1, "a"), state, 1, **values)  # type: ignore[arg-type]
    assert job.describe_end("build", "web") == text
