"""What an agent reports of its attempts. Every report carries the lease and may be repeated."""

from datetime import datetime, timedelta
from typing import Any

from chalicelib.dynamo import jobs, presences
from chalicelib.errors import Conflict, NotFound
from chalicelib.job import END_GRACE, Job, JobKey, JobState, Outcome, report_deadline
from chalicelib.operations.advance import advance, settle
from chalicelib.s3 import chunks


class NoSuchJob(NotFound):
    """There is no such job: its run has expired."""


class OldLease(Conflict):
    """The lease is not the job's current one, or the job has ended without this report."""


def _existing(key: JobKey) -> Job:
    job = jobs.get(key)
    if job is None:
        raise NoSuchJob
    return job


def report_start(key: JobKey, lease: str, elapsed_ms: int, now: datetime) -> JobState:
    """Notes that the process runs. Raises NoSuchJob and OldLease."""
    job = _existing(key)
    started_at = now - timedelta(milliseconds=elapsed_ms)
    deadline = report_deadline(started_at, job.timeout_seconds)
    started = jobs.start(key, lease, started_at, deadline)
    if started is not None:
        return started.state
    job = _existing(key)
    if job.lease != lease or (job.state.is_terminal and not job.reported):
        raise OldLease
    return job.state


def extend(key: JobKey, lease: str, now: datetime) -> Job:
    """Confirms the lease, and keeps the sweeper off while the end takes its time."""
    job = jobs.extend(key, lease, now + END_GRACE)
    if job is None:
        _existing(key)
        raise OldLease
    return job


def report_end(
    key: JobKey,
    lease: str,
    *,
    outcome: Outcome,
    exit_code: int | None,
    reason: str | None,
    duration_ms: int,
    log: dict[str, Any] | None,
    now: datetime,
) -> JobState:
    """Ends the job and brings its run forward. Raises NoSuchJob and OldLease.

    The repetition of an accepted report answers the same, and mends a run whose next step was not
    written because the handler of the first report died.
    """
    state = outcome.state(exit_code)
    if outcome is Outcome.CANCELLED:
        state = _existing(key).stop or state
    ending = jobs.Ending(
        state=state,
        exit_code=exit_code,
        reason=reason,
        reported=True,
        duration_ms=duration_ms,
        started_at=now - timedelta(milliseconds=duration_ms),
        log=log,
    )
    ended = jobs.finish(key, lease, ending, now)
    if ended is not None:
        if ended.cancel_requested:
            presences.drop_cancel(key.agent_id, lease)
        settle(ended, now)
        return ended.state
    job = _existing(key)
    if job.lease != lease or not job.reported:
        raise OldLease
    advance(key.run_id, now)
    return job.state


def log_urls(key: JobKey, lease: str, first: int, count: int) -> list[tuple[int, str]]:
    """Presigned PUTs for chunks of the attempt that the lease stands for."""
    job = _existing(key)
    if job.lease != lease:
        raise OldLease
    return [(seq, chunks.put_url(key, job.attempt, seq)) for seq in range(first, first + count)]
