"""The sweeper: finds what went silent, what is overdue and what a killed handler left undone.

Runs every minute on AWS and every few seconds on the local stack. Its work is bounded, each of its
writes is conditional, and any number of sweepers may run at once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.dynamo import jobs, presences, runs, sweeps
from chalicelib.job import ACTIVE, LOST_AFTER, Job, JobKey, JobState
from chalicelib.operations.advance import advance, settle
from chalicelib.run import Run
from chalicelib.settings import settings

DUE_AT_MOST = 100  # looked at in one sweep, a shard of the index
WATCH_GAP = timedelta(minutes=3)  # without a sweep for so long nobody was watching


@dataclass(frozen=True)
class Swept:
    """What a sweep has done, for the log."""

    went_offline: int = 0
    ended: int = 0
    checked: int = 0


def sweep(now: datetime) -> Swept:
    """One round. Raises nothing of its own; a fault leaves the rest to the next round."""
    watching_since = sweeps.watch(now, WATCH_GAP)
    offline, lost = _sweep_agents(now, watching_since)
    ended, checked = 0, 0
    for due in jobs.due(now, DUE_AT_MOST):
        if due.job is not None:
            ended += _end_overdue(due.job, now)
        else:
            checked += _check_run(due.run_id, now)
    return Swept(offline, ended + lost, checked)


def _sweep_agents(now: datetime, watching_since: datetime) -> tuple[int, int]:
    """Silence while nobody was watching proves nothing: the control plane may have been away."""
    offline = lost = 0
    for presence in presences.silent_since(now - timedelta(seconds=settings.ttl_seconds)):
        offline += presences.mark_offline(presence)
        if now - max(presence.last_seen_at, watching_since) > LOST_AFTER:
            lost += _lose_jobs(presence.agent_id, now)
    return offline, lost


def _lose_jobs(agent_id: str, now: datetime) -> int:
    minutes = int(LOST_AFTER.total_seconds() // 60)
    ending = jobs.Ending(
        JobState.LOST, reason=f"Nothing was heard of the agent for {minutes} minutes."
    )
    inbox = jobs.inbox(agent_id, DUE_AT_MOST)
    active = [job for job in inbox if job.state in ACTIVE]
    return sum(_end(job, ending, now) for job in active)


def _end(job: Job, ending: jobs.Ending, now: datetime) -> bool:
    ended = (
        jobs.end_queued(job.key, ending, now)
        if job.state is JobState.QUEUED
        else jobs.end_active(job, ending, now)
    )
    if ended is not None:
        settle(ended, now)
    return ended is not None


def _end_overdue(key: JobKey, now: datetime) -> bool:
    job = jobs.get(key)
    if job is None or job.deadline_at is None or job.deadline_at > now:
        return False
    if job.state is JobState.QUEUED:
        reason = "The agent is offline, or did not fetch the job in time."
        return _end(job, jobs.Ending(JobState.UNDELIVERED, reason=reason), now)
    reason = "The time-out passed, and the agent did not report the end."
    return _end(job, jobs.Ending(JobState.TIMED_OUT, reason=reason), now)


def _check_run(run_id: str, now: datetime) -> bool:
    run = runs.get(run_id)
    if run is None or run.state.is_terminal:
        return False
    if _is_out_of_time(run, now):
        runs.stop(run_id, JobState.TIMED_OUT, "The run's time-out passed.")
    after = advance(run_id, now)
    if after is not None and not after.state.is_terminal:
        runs.check_later(after, now)
    return True


def _is_out_of_time(run: Run, now: datetime) -> bool:
    return run.stop is None and run.timeout_at is not None and run.timeout_at <= now
