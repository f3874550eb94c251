"""The verbs of jobs, on every backend."""

from datetime import datetime, timedelta, timezone

import pytest
from msgspec.structs import replace

from chalicelib.dynamo import due, jobs
from chalicelib.runs.job import (
    Attempt,
    Deadlines,
    Ending,
    Job,
    JobKey,
    JobState,
    LateReport,
    Outcome,
)

pytestmark = pytest.mark.usefixtures("backend")

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
LATER = NOW + timedelta(minutes=1)
EXPIRY = NOW + timedelta(days=90)
KEY = JobKey("01R", 1, "agent-a")
SUCCESS = Ending(JobState.SUCCEEDED, exit_code=0, reported=True)


SOON = Deadlines(LATER, None)
LONG = Ending(JobState.SUCCEEDED, log={"chunks": 100, "streams": {}}, reported=True)
KINDS = (due.QUEUED, due.CLAIMED, due.LOG)


def queue(key: JobKey = KEY, deadline: datetime = LATER) -> Job:
    job = Job(key, JobState.QUEUED)
    assert jobs.put(job, NOW, deadline, EXPIRY)
    return job


def stored() -> Job:
    job = jobs.get(KEY)
    assert job is not None
    return job


def standing(
    kind: due.Kind, until: datetime = NOW + timedelta(days=1)
) -> list[tuple[JobKey, datetime, int]]:
    return [(jobs.key_of(each), each.at, each.tries) for each in jobs.due(kind, until, 10)]


def end_with_a_long_log() -> due.Entry:
    queue()
    jobs.finish(claim(), LONG, None, NOW)
    (entry,) = jobs.due(due.LOG, NOW + timedelta(days=1), 10)
    return entry


def claim(lease: str = "lease", seq: int = 1) -> Job:
    claimed = jobs.claim(KEY, lease, seq, NOW, SOON)
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
    jobs.finish(stored(), SUCCESS, None, LATER)
    assert list(jobs.inbox("agent-a", 10)) == []


def test_a_job_that_is_withheld_is_in_no_inbox_and_cannot_be_put() -> None:
    withheld = Job(KEY, JobState.SKIPPED, reason="Too late.")
    assert jobs.put_ended(withheld, NOW, EXPIRY)
    assert not jobs.put_ended(withheld, NOW, EXPIRY)
    assert not jobs.put(Job(KEY, JobState.QUEUED), NOW, LATER, EXPIRY)
    assert list(jobs.inbox("agent-a", 10)) == []
    assert [standing(kind) for kind in KINDS] == [[], [], []]
    assert (stored().state, stored().reason, stored().ended_at) == (
        JobState.SKIPPED, "Too late.", NOW,
    )  # fmt: skip


def test_the_inbox_gives_older_runs_first() -> None:
    for run_id in ("01C", "01A", "01B"):
        queue(JobKey(run_id, 1, "agent-a"))
    assert [job.key.run_id for job in jobs.inbox("agent-a", 2)] == ["01A", "01B"]


def test_a_second_claim_of_the_same_job_gets_nothing() -> None:
    queue()
    assert claim("first").lease == "first"
    assert jobs.claim(KEY, "second", 2, NOW, SOON) is None
    assert stored().lease == "first"


def test_a_job_that_was_ended_in_its_inbox_cannot_be_claimed() -> None:
    queued = queue()
    assert jobs.end(queued, Ending(JobState.CANCELLED), None, NOW) is not None
    assert jobs.claim(KEY, "lease", 1, NOW, SOON) is None


def test_a_claimed_job_cannot_be_ended_as_if_it_were_in_its_inbox() -> None:
    queued = queue()
    claim()
    assert jobs.end(queued, Ending(JobState.UNDELIVERED), None, NOW) is None


def test_a_job_is_handed_out_again_by_a_newer_poll_only() -> None:
    queue()
    claimed = claim(seq=5)
    assert jobs.hand_out_again(claimed, 5, SOON) is None
    assert jobs.hand_out_again(claimed, 4, SOON) is None
    again = jobs.hand_out_again(claimed, 6, SOON)
    assert again is not None
    assert (again.lease, again.poll_seq) == ("lease", 6)


def test_a_started_job_is_not_handed_out_again() -> None:
    queue()
    claimed = claim(seq=1)
    jobs.start(KEY, "lease", NOW)
    assert jobs.hand_out_again(claimed, 2, SOON) is None


@pytest.mark.parametrize("lease", ["", "other"])
def test_a_report_with_a_wrong_lease_changes_nothing(lease: str) -> None:
    queue()
    before = claim()
    assert jobs.start(KEY, lease, NOW) is None
    assert jobs.extend(KEY, lease, LATER) is None
    assert jobs.finish(replace(before, lease=lease), SUCCESS, None, LATER) is None
    assert jobs.get(KEY) == before


def test_an_end_is_taken_without_a_start() -> None:
    queue()
    claim()
    ended = jobs.finish(stored(), SUCCESS, None, LATER)
    assert ended is not None
    assert (ended.state, ended.exit_code, ended.ended_at) == (JobState.SUCCEEDED, 0, LATER)


def test_an_ended_job_does_not_end_again() -> None:
    queue()
    claim()
    jobs.finish(stored(), SUCCESS, None, LATER)
    assert jobs.finish(stored(), Ending(JobState.FAILED, exit_code=1), None, LATER) is None
    assert jobs.start(KEY, "lease", NOW) is None
    assert stored().state is JobState.SUCCEEDED


def test_a_job_that_moved_on_is_not_ended_without_its_agent() -> None:
    queue()
    seen = claim(seq=1)
    jobs.start(KEY, "lease", NOW)
    assert jobs.end(seen, Ending(JobState.LOST), None, NOW) is None
    running = jobs.get(KEY)
    assert running is not None
    assert jobs.end(running, Ending(JobState.LOST), None, NOW) is not None


def test_deadlines_come_up_when_they_have_passed() -> None:
    queue(deadline=LATER)
    assert standing(due.QUEUED, LATER - timedelta(milliseconds=1)) == []
    assert standing(due.QUEUED) == [(KEY, LATER, 0)]
    assert stored().give_up_at == LATER


def test_queued_and_claimed_jobs_and_logs_are_told_apart() -> None:
    queue(deadline=NOW)
    assert [standing(kind) for kind in KINDS] == [[(KEY, NOW, 0)], [], []]
    first = claim()
    assert [standing(kind) for kind in KINDS] == [[], [(KEY, LATER, 0)], []]
    jobs.retry(first, Ending(JobState.FAILED), NOW, NOW, NOW)
    assert [standing(kind) for kind in KINDS] == [[(KEY, NOW, 0)], [], []]
    claim("second")
    jobs.finish(stored(), LONG, None, NOW)
    assert [standing(kind)[:1] for kind in KINDS] == [[], [], [(KEY, stored().due_at, 0)]]


def test_a_job_that_ends_without_a_long_log_is_due_no_more() -> None:
    queue()
    short = replace(LONG, log={"chunks": 1, "streams": {}})
    jobs.finish(claim(), short, None, NOW)
    assert [standing(kind) for kind in KINDS] == [[], [], []]
    assert (stored().due_at, stored().due_tries) == (None, 0)


def test_an_active_job_is_looked_at_again() -> None:
    queue()
    claim()
    (entry,) = jobs.due(due.CLAIMED, LATER, 10)
    looked = jobs.claim_due(entry, LATER)
    assert looked is not None
    assert looked.due_tries == 1
    assert jobs.look_again(looked, LATER + timedelta(minutes=1))
    assert standing(due.CLAIMED) == [(KEY, LATER + timedelta(minutes=1), 0)]
    assert not jobs.look_again(looked, LATER), "somebody else has moved it"


def test_a_job_that_has_ended_meanwhile_is_not_looked_at_again() -> None:
    """Its log may be due at the very same time."""
    queue()
    seen = claim()
    jobs.finish(seen, LONG, None, NOW)
    of_log = replace(seen, due_at=stored().due_at)
    assert not jobs.look_again(of_log, LATER)


# --- compaction


def test_a_log_is_claimed_and_put_off_by_one() -> None:
    entry = end_with_a_long_log()
    begun = jobs.claim_due(entry, entry.at)
    assert begun is not None
    assert (begun.due_tries, begun.due_at) == (1, entry.at + due.LOG.patience.wait(1))
    assert jobs.claim_due(entry, entry.at) is None
    assert not jobs.compact_later(replace(begun, due_at=entry.at), LATER), "was claimed since"
    assert jobs.compact_later(begun, LATER)
    assert standing(due.LOG) == [(KEY, LATER, 0)]


def test_a_log_that_is_compacted_is_due_no_more() -> None:
    end_with_a_long_log()
    assert jobs.mark_compacted(stored())
    assert (stored().log_compacted, stored().log_problem) == (True, None)
    assert standing(due.LOG) == []
    assert not jobs.mark_compacted(stored())
    assert not jobs.give_up_compaction(stored(), "too late", NOW)
    assert not jobs.compact_later(replace(stored(), due_at=None), LATER)
    assert stored().log_problem is None


def test_a_log_that_is_given_up_says_why_and_is_due_no_more() -> None:
    end_with_a_long_log()
    assert jobs.give_up_compaction(stored(), "It is bent.", LATER)
    assert (stored().log_compacted, stored().log_problem) == (False, "It is bent.")
    assert standing(due.LOG) == []
    assert not jobs.mark_compacted(stored())
    (found,) = jobs.logs_given_up(LATER, 10)
    assert (jobs.key_of(found), found.at) == (KEY, LATER)
    assert jobs.logs_given_up(LATER + timedelta(seconds=1), 10) == []


def test_no_log_of_a_job_that_goes_on_is_compacted() -> None:
    queue()
    claim()
    assert not jobs.mark_compacted(stored())
    assert not jobs.give_up_compaction(stored(), "too early", NOW)
    assert not jobs.compact_later(stored(), LATER)
    assert standing(due.CLAIMED) == [(KEY, LATER, 0)]


def test_an_extension_moves_the_time_of_giving_up_out_and_never_in() -> None:
    queue()
    jobs.claim(KEY, "lease", 1, NOW, Deadlines(LATER, LATER))
    moved = jobs.extend(KEY, "lease", LATER + timedelta(minutes=1))
    assert moved is not None
    assert moved.give_up_at == LATER + timedelta(minutes=1)
    kept = jobs.extend(KEY, "lease", NOW)
    assert kept is not None
    assert kept.give_up_at == LATER + timedelta(minutes=1)


def test_a_retry_is_a_new_attempt_that_waits_and_the_old_one_is_remembered() -> None:
    queue()
    failed = Ending(JobState.FAILED, exit_code=3, reported=True, duration_ms=7)
    again = jobs.retry(claim(), failed, LATER, LATER + timedelta(minutes=1), NOW)
    assert again is not None
    assert (again.state, again.attempt, again.lease) == (JobState.QUEUED, 2, None)
    assert again.earlier == (
        Attempt(1, "lease", JobState.FAILED, exit_code=3, ended_at=NOW, duration_ms=7),
    )
    early = jobs.claim(KEY, "new", 2, LATER - timedelta(milliseconds=1), SOON)
    assert early is None
    assert jobs.claim(KEY, "new", 2, LATER, SOON) is not None


def test_an_attempt_is_retried_once() -> None:
    queue()
    first = claim()
    failed = Ending(JobState.FAILED, exit_code=3)
    assert jobs.retry(first, failed, NOW, LATER, NOW) is not None
    assert jobs.retry(first, failed, NOW, LATER, NOW) is None
    assert jobs.finish(first, failed, None, NOW) is None


def test_a_job_that_should_end_is_not_retried() -> None:
    queue()
    first = claim()
    jobs.request_cancel(first, JobState.CANCELLED, LATER)
    assert jobs.retry(first, Ending(JobState.FAILED), NOW, LATER, NOW) is None


def test_a_slot_is_passed_on_once() -> None:
    queue()
    ended = jobs.finish(claim(), SUCCESS, None, NOW)
    assert ended is not None
    assert jobs.pass_slot(ended, 5)
    assert not jobs.pass_slot(ended, 6)
    assert stored().successor == 5


def test_the_first_late_report_is_kept() -> None:
    queue()
    jobs.end(claim(), Ending(JobState.LOST), None, NOW)
    first = LateReport(1, Outcome.EXITED, 0, None, NOW)
    assert jobs.keep_late(KEY, first)
    assert not jobs.keep_late(KEY, LateReport(1, Outcome.EXITED, 1, None, LATER))
    assert (stored().late, stored().state) == (first, JobState.LOST)


def test_a_cancel_is_flagged_on_active_jobs_only() -> None:
    queue()
    queued = jobs.get(KEY)
    assert queued is not None
    assert jobs.request_cancel(queued, JobState.CANCELLED, LATER) is None
    flagged = jobs.request_cancel(claim(), JobState.TIMED_OUT, LATER)
    assert flagged is not None
    assert (flagged.stop_requested, flagged.becomes) == (True, JobState.TIMED_OUT)


def test_a_cancelled_job_is_looked_at_by_when_it_should_have_ended() -> None:
    """The first time counts, and an earlier look is not put off."""
    queue()
    claimed = claim()
    assert claimed.due_at is not None
    sooner, later = claimed.due_at - timedelta(seconds=1), claimed.due_at + timedelta(seconds=1)
    flagged = jobs.request_cancel(claimed, JobState.CANCELLED, sooner)
    assert flagged is not None
    assert (flagged.stop_by, flagged.due_at) == (sooner, sooner)
    again = jobs.request_cancel(flagged, JobState.CANCELLED, later)
    assert again is not None
    assert (again.stop_by, again.due_at) == (sooner, sooner)


def test_the_summary_of_a_log_is_kept_as_it_came() -> None:
    queue()
    claim()
    log = {"chunks": 2, "streams": {"stdout": {"bytes": 5, "sha256": "0" * 64}}, "truncated": False}
    jobs.finish(stored(), Ending(JobState.SUCCEEDED, log=log), None, LATER)
    assert stored().log == log
