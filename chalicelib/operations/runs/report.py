"""What an agent reports of its attempts. Every report carries the lease and may be repeated."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from chalicelib.dynamo import contexts, jobs, presences
from chalicelib.errors import Conflict, NotFound
from chalicelib.logs.log import reported_chunks
from chalicelib.operations.runs.advance import advance
from chalicelib.operations.runs.ending import end_job
from chalicelib.runs.context import Context
from chalicelib.runs.job import (
    ACTIVE,
    END_GRACE,
    Ending,
    Job,
    JobKey,
    JobState,
    LateReport,
    Outcome,
)
from chalicelib.s3 import chunks
from chalicelib.s3.chunks import PutUrl

ANY_CHUNK = range(1, 10**8)
SHIPPED_FOR = timedelta(days=7)  # after its end; a machine may have been away for a while


class NoSuchJob(NotFound):
    """There is no such job: its run has expired."""

    rpc_code = -32004


class OldLease(Conflict):
    """The lease is not the job's current one, or the job has ended without this report."""

    rpc_code = -32003


class LogClosed(OldLease):
    """The log takes no more chunks: they have all come, or its attempt ended too long ago."""


def _existing(key: JobKey) -> Job:
    job = jobs.get(key)
    if job is None:
        raise NoSuchJob
    return job


def report_start(key: JobKey, lease: str, elapsed_ms: int, now: datetime) -> JobState:
    """Notes that the process runs. Raises NoSuchJob and OldLease."""
    started = jobs.start(key, lease, now - timedelta(milliseconds=elapsed_ms))
    if started is not None:
        return started.state
    job = _existing(key)
    if job.lease != lease or (job.state.is_terminal and not job.reported):
        raise OldLease
    return job.state


def extend(key: JobKey, lease: str, now: datetime) -> Job:
    """Confirms the lease, and keeps the sweeper off while the end takes its time; not for ever,
    whatever the agent says."""
    ends_by = _existing(key).ends_by
    until = now + END_GRACE
    job = jobs.extend(key, lease, until if ends_by is None else min(until, ends_by))
    if job is None:
        _existing(key)
        raise OldLease
    return job


class Report(msgspec.Struct, frozen=True):
    """What the agent says of the end of an attempt. `log` is the summary of its output."""

    outcome: Outcome
    exit_code: int | None
    reason: str | None
    duration_ms: int
    log: dict[str, Any] | None

    def ending(self, job: Job, now: datetime) -> Ending:
        """What it makes of the job."""
        state = self.outcome.state(self.exit_code)
        if self.outcome is Outcome.CANCELLED:
            state = job.becomes or state
        duration_ms = self.duration_ms
        if self.outcome is Outcome.LOST:  # what knew it is gone: counted from the start's report
            duration_ms = max(duration_ms, job.ran_ms(now) or 0)
        return Ending(
            state=state,
            exit_code=self.exit_code,
            reason=self.reason,
            reported=True,
            duration_ms=duration_ms,
            started_at=now - timedelta(milliseconds=duration_ms),
            log=self.log,
        )


def report_end(key: JobKey, lease: str, report: Report, now: datetime) -> JobState:
    """Ends the attempt and brings its run forward. Raises NoSuchJob and OldLease.

    The repetition of an accepted report answers the same, and mends a run whose next job was not
    written because the handler of the first report died. What comes after the attempt was given
    up is kept beside the job, and changes nothing.
    """
    job, context = _with_context(key)
    while job.lease == lease and job.state in ACTIVE:
        ended = end_job(context, job, report.ending(job, now), jobs.finish, now)
        if ended is not None:
            if job.stop_requested:
                presences.drop_cancels(key.agent_id, [lease])
            return ended.state
        # Something came between the look and the write. The report is as valid as before: if a
        # cancel came, the attempt ends for good instead of being followed by another. That is
        # asked for once and never taken back, so there are two rounds at most.
        job, context = _with_context(key)
    return _repeated_or_late(job, lease, report, now)


def _with_context(key: JobKey) -> tuple[Job, Context]:
    found = contexts.job_with_context(key)
    if found is None:
        raise NoSuchJob
    return found


def _repeated_or_late(job: Job, lease: str, report: Report, now: datetime) -> JobState:
    if job.lease == lease and job.reported:
        advance(job.key.run_id, now)
        return job.state
    attempt = _given_up(job, lease)
    if attempt is None:
        raise OldLease
    late = LateReport(attempt, report.outcome, report.exit_code, report.reason, now)
    jobs.keep_late(job.key, late)
    return job.state


def _given_up(job: Job, lease: str) -> int | None:
    """The number of the attempt that the lease stood for; None when the job never had it."""
    if job.lease == lease and job.state.is_terminal:
        return job.attempt
    return next((each.number for each in job.earlier if each.lease == lease), None)


def log_urls(key: JobKey, lease: str, wanted: range, now: datetime) -> list[PutUrl]:
    """Presigned PUTs for chunks of the attempt that the lease stands for: of one that has ended,
    those that it reported and that have not been compacted. Raises OldLease, and LogClosed where
    that leaves none."""
    job = _existing(key)
    number = job.attempt if job.lease == lease else _given_up(job, lease)
    attempt = next((each for each in job.attempts() if each.attempt == number), None)
    if attempt is None:
        raise OldLease
    open_chunks = _open_chunks(attempt, now)
    numbers = [seq for seq in wanted if seq in open_chunks]
    if not numbers:
        raise LogClosed
    return [chunks.put_url(key, attempt.attempt, seq) for seq in numbers]


def _open_chunks(attempt: Job, now: datetime) -> range:
    """What may still be written of its log."""
    if not attempt.state.is_terminal:
        return ANY_CHUNK
    if attempt.ended_at is not None and now - attempt.ended_at > SHIPPED_FOR:
        return range(0)
    promised = reported_chunks(attempt.log)
    made = chunks.index(attempt.key, attempt.attempt) if attempt.log_compacted else None
    compacted = 0 if made is None else made.chunks
    return range(compacted + 1, ANY_CHUNK.stop if promised is None else promised + 1)
