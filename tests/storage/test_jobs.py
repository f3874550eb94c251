"""The verbs of jobs, on every backend."""

from datetime import datetime, timedelta, timezone

import pytest

from chalicelib.dynamo import jobs
from chalicelib.dynamo.jobs import Ending
from chalicelib.job import Job, JobKey, JobState

pytestmark = pytest.mark.usefixtures("backend")

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
LATER = NOW + timedelta(minutes=1)
EXPIRY = NOW + timedelta(days=90)
KEY = JobKey("01R", 1, "agent-a")
SUCCESS = Ending(JobState.SUCCEEDED, exit_code=0, reported=True)


def queue(key: JobKey = KEY, deadline: datetime | None = LATER) -> Job:
    job = Job(key, JobState.QUEUED, step_size=2)
    assert jobs.put(job, NOW, deadline, EXPIRY)
    return job


def claim(lease: str = "lease", seq: int = 1) -> Job:
    claimed = jobs.claim(KEY, lease, seq, NOW, None)
    assert claimed is not None
    return claimed


def test_a_job_is_put_once() -> None:
    job = queue()
    assert not jobs.put(job, NOW, LATER, EXPIRY)


def test_a_queued_job_stands_in_its_agents_inbox_until_it_has_ended() -> None:
    queue()
    assert [job.key for job in jobs.inbox("agent-a", 10)] == [KEY]
    assert list(jobs.inbox("agent-b", 10)) == []
    claim()
    assert [job.state for job in jobs.inbox("agent-a", 10)] == [JobState.CLAIMED]
    jobs.finish(KEY, "lease", SUCCESS, LATER)
    assert list(jobs.inbox("agent-a", 10)) == []


def test_the_inbox_gives_older_runs_first() -> None:
    for run_id in ("01C", "01A", "01B"):
        queue(JobKey(run_id, 1, "agent-a"))
    assert [job.key.run_id for job in jobs.inbox("agent-a", 2)] == ["01A", "01B"]


def test_a_job_that_is_ended_at_once_is_in_no_inbox_and_has_no_deadline() -> None:
    job = Job(KEY, JobState.CANCELLED, step_size=1, reason="Cancelled by ann.")
    jobs.put(job, NOW, None, EXPIRY)
    assert list(jobs.inbox("agent-a", 10)) == []
    assert jobs.due(LATER, 10) == []
    stored = jobs.get(KEY)
    assert stored is not None
    assert (stored.state, stored.ended_at, stored.queued_at) == (JobState.CANCELLED, NOW, None)


def test_a_second_claim_of_the_same_job_gets_nothing() -> None:
    queue()
    assert claim("first").lease == "first"
    assert jobs.claim(KEY, "second", 2, NOW, None) is None
    stored = jobs.get(KEY)
    assert stored is not None
    assert stored.lease == "first"


def test_a_job_that_was_ended_in_its_inbox_cannot_be_claimed() -> None:
    queue()
    assert jobs.end_queued(KEY, Ending(JobState.CANCELLED), NOW) is not None
    assert jobs.claim(KEY, "lease", 1, NOW, None) is None


def test_a_claimed_job_cannot_be_ended_as_if_it_were_in_its_inbox() -> None:
    queue()
    claim()
    assert jobs.end_queued(KEY, Ending(JobState.UNDELIVERED), NOW) is None


def test_a_job_is_handed_out_again_by_a_newer_poll_only() -> None:
    queue()
    claimed = claim(seq=5)
    assert jobs.hand_out_again(claimed, 5) is None
    assert jobs.hand_out_again(claimed, 4) is None
    again = jobs.hand_out_again(claimed, 6)
    assert again is not None
    assert (again.lease, again.poll_seq) == ("lease", 6)


def test_a_started_job_is_not_handed_out_again() -> None:
    queue()
    claimed = claim(seq=1)
    jobs.start(KEY, "lease", NOW, None)
    assert jobs.hand_out_again(claimed, 2) is None


@pytest.mark.parametrize("lease", ["", "other"])
def test_a_report_with_a_wrong_lease_changes_nothing(lease: str) -> None:
    queue()
    before = claim()
    assert jobs.start(KEY, lease, NOW, None) is None
    assert jobs.extend(KEY, lease, LATER) is None
    assert jobs.finish(KEY, lease, SUCCESS, LATER) is None
    assert jobs.get(KEY) == before


def test_an_end_is_taken_without_a_start() -> None:
    queue()
    claim()
    ended = jobs.finish(KEY, "lease", SUCCESS, LATER)
    assert ended is not None
    assert (ended.state, ended.exit_code, ended.ended_at) == (JobState.SUCCEEDED, 0, LATER)


def test_an_ended_job_does_not_end_again() -> None:
    queue()
    claim()
    jobs.finish(KEY, "lease", SUCCESS, LATER)
    assert jobs.finish(KEY, "lease", Ending(JobState.FAILED, exit_code=1), LATER) is None
    assert jobs.start(KEY, "lease", NOW, None) is None
    stored = jobs.get(KEY)
    assert stored is not None
    assert stored.state is JobState.SUCCEEDED


def test_a_job_that_moved_on_is_not_ended_without_its_agent() -> None:
    queue()
    seen = claim(seq=1)
    jobs.start(KEY, "lease", NOW, None)
    assert jobs.end_active(seen, Ending(JobState.LOST), NOW) is None
    running = jobs.get(KEY)
    assert running is not None
    assert jobs.end_active(running, Ending(JobState.LOST), NOW) is not None


def test_deadlines_come_up_when_they_have_passed() -> None:
    queue(deadline=LATER)
    assert jobs.due(LATER - timedelta(milliseconds=1), 10) == []
    assert [due.job for due in jobs.due(LATER, 10)] == [KEY]


def test_a_claim_without_a_limit_takes_the_deadline_away() -> None:
    queue(deadline=LATER)
    claim()
    assert jobs.due(LATER, 10) == []


def test_an_extension_moves_a_deadline_out_and_never_in() -> None:
    queue()
    jobs.claim(KEY, "lease", 1, NOW, LATER)
    moved = jobs.extend(KEY, "lease", LATER + timedelta(minutes=1))
    assert moved is not None
    assert moved.deadline_at == LATER + timedelta(minutes=1)
    kept = jobs.extend(KEY, "lease", NOW)
    assert kept is not None
    assert kept.deadline_at == LATER + timedelta(minutes=1)


def test_a_cancel_is_flagged_on_active_jobs_only() -> None:
    queue()
    queued = jobs.get(KEY)
    assert queued is not None
    assert jobs.request_cancel(queued, JobState.CANCELLED) is None
    flagged = jobs.request_cancel(claim(), JobState.TIMED_OUT)
    assert flagged is not None
    assert (flagged.cancel_requested, flagged.stop) == (True, JobState.TIMED_OUT)


def test_ended_jobs_are_counted_per_step() -> None:
    assert jobs.count_ended(JobKey("01R", 1, "a")) == 1
    assert jobs.count_ended(JobKey("01R", 1, "b")) == 2
    assert jobs.count_ended(JobKey("01R", 2, "a")) == 1


def test_the_summary_of_a_log_is_kept_as_it_came() -> None:
    queue()
    claim()
    log = {"chunks": 2, "streams": {"stdout": {"bytes": 5, "sha256": "0" * 64}}, "truncated": False}
    jobs.finish(KEY, "lease", Ending(JobState.SUCCEEDED, log=log), LATER)
    stored = jobs.get(KEY)
    assert stored is not None
    assert stored.log == log
