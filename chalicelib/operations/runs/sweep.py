"""The sweeper: finds what went silent, what is overdue and what a killed handler left undone.

Runs every minute on AWS and every few seconds on the local stack. Its work is bounded, each of its
writes is conditional, and any number of sweepers may run at once.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import msgspec

from chalicelib.dynamo import jobs, presences, runs, sweeps
from chalicelib.operations.runs.advance import advance, replace_earlier
from chalicelib.operations.runs.ending import context_of, end_job
from chalicelib.runs.job import Ending, Job, JobKey, JobState
from chalicelib.runs.run import Run
from chalicelib.settings import settings
from chalicelib.sqs import doorbells

DUE_AT_MOST = 300  # looked at in one sweep, a shard of the index: 6,000 active jobs in 5 minutes
UNDELIVERED_REASON = "The agent is offline, or did not fetch the job in time."
OVERDUE_REASON = "The time-out passed, and the agent did not report the end."
RING_AHEAD = timedelta(seconds=75)  # of a job's deadline, so that a sweep falls into that time
WATCH_GAP = timedelta(minutes=3)  # without a sweep for so long nobody was watching

log = logging.getLogger("plumber.sweep")


class Swept(msgspec.Struct, frozen=True):
    """What a sweep has done, for the log."""

    went_offline: int = 0
    ended: int = 0
    checked: int = 0


def sweep(now: datetime) -> Swept:
    """One round. A fault of one agent, run or job is logged and leaves it to the next round.

    Agents that have not fetched a job are rung once more before it is too late: a ring may be lost.
    """
    watching_since = sweeps.watch(now, WATCH_GAP)
    offline, ended, checked = 0, 0, 0
    for presence in presences.silent(now):
        with _going_on(presence):
            offline += presences.mark_offline(presence)
    for due in jobs.due(now, DUE_AT_MOST):
        with _going_on(due):
            if due.job is not None:
                ended += _look_at_job(due.job, watching_since, now)
            else:
                checked += _check_run(due.run_id, now)
    doorbells.ring(*jobs.unfetched(now, now + RING_AHEAD, DUE_AT_MOST))
    return Swept(offline, ended, checked)


@contextmanager
def _going_on(what: object) -> Iterator[None]:
    try:
        yield
    except Exception:
        log.exception("The sweep left out %s", what)


def _look_at_job(key: JobKey, watching_since: datetime, now: datetime) -> bool:
    """Ends the job when it is overdue; whether it did."""
    job = jobs.get(key)
    if job is None or job.deadline_at is None or job.deadline_at > now:
        return False
    if job.state is JobState.QUEUED:
        with _going_on(key.agent_id):
            _doubt(key.agent_id, now)
        return _end(job, Ending(JobState.UNDELIVERED, reason=UNDELIVERED_REASON), now)
    if job.give_up_at is not None and job.give_up_at <= now:
        return _end(job, Ending(JobState.TIMED_OUT, reason=OVERDUE_REASON), now)
    return _look_at_agent(job, watching_since, now)


def _doubt(agent_id: str, now: datetime) -> None:
    """An idle agent beats seldom. One that did not come when it was rung is offline at once."""
    presence = presences.get_many([agent_id]).get(agent_id)
    ttl = timedelta(seconds=settings.ttl_seconds)
    if presence is not None and presence.online and now - presence.last_seen_at > ttl:
        presences.mark_offline(presence)


def _look_at_agent(job: Job, watching_since: datetime, now: datetime) -> bool:
    """Loses the job of an agent that was silent for too long, else looks again later.

    Silence while nobody was watching proves nothing: the control plane may have been away.
    """
    presence = presences.get_many([job.key.agent_id]).get(job.key.agent_id)
    heard_at = max(watching_since, presence.last_seen_at if presence else watching_since)
    lost_at = heard_at + timedelta(seconds=job.lost_after_seconds)
    if lost_at <= now:
        reason = f"Nothing was heard of the agent for {job.lost_after_seconds:g} s."
        return _end(job, Ending(JobState.LOST, reason=reason), now)
    jobs.look_again(job, lost_at if job.give_up_at is None else min(lost_at, job.give_up_at))
    return False


def _end(job: Job, ending: Ending, now: datetime) -> bool:
    context = context_of(job)
    return context is not None and end_job(context, job, ending, jobs.end, now) is not None


def _check_run(run_id: str, now: datetime) -> bool:
    run = runs.get(run_id)
    if run is None or run.state.is_terminal:
        return False
    if _is_out_of_time(run, now):
        runs.stop(run_id, JobState.TIMED_OUT, "The run's time-out passed.")
    after = advance(run_id, now)
    if after is not None and not after.state.is_terminal:
        replace_earlier(after, now)
        runs.check_later(after, now)
    return True


def _is_out_of_time(run: Run, now: datetime) -> bool:
    return run.stop is None and run.timeout_at is not None and run.timeout_at <= now
