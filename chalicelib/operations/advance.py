"""Bringing a run forward: ask the planner what is due and write it, until nothing is.

Whoever ends a job calls this, and the sweeper for whatever a killed handler left behind. Every
write is conditional, so any number of callers may do so at once.
"""

from datetime import datetime

from chalicelib.dynamo import jobs, presences, runs
from chalicelib.job import DELIVER_WITHIN, Job, JobKey, JobState
from chalicelib.run import (
    Action,
    EndQueued,
    EndRun,
    Enqueue,
    Progress,
    RequestCancel,
    Run,
    plan,
)

MAX_ROUNDS = 300  # more than twice the steps that a task may have


def advance(run_id: str, now: datetime) -> Run | None:
    """Writes all that is due for the run; answers it as it then is, None when there is none."""
    progress = runs.progress(run_id)
    for _ in range(MAX_ROUNDS):
        if progress is None or not perform(progress, now):
            break
        progress = runs.progress(run_id)
    return None if progress is None else progress.run


def perform(progress: Progress, now: datetime) -> bool:
    """Writes what is due now; whether more may be due at once because something has ended."""
    ended = [_write(action, progress.run, now) for action in plan(progress)]
    return any(ended)


def _write(action: Action, run: Run, now: datetime) -> bool:
    match action:
        case Enqueue():
            _enqueue(action, run, now)
            return action.state.is_terminal
        case EndQueued(job, state, reason):
            return jobs.end_queued(job.key, jobs.Ending(state, reason=reason), now) is not None
        case RequestCancel(job, state):
            flagged = jobs.request_cancel(job, state)
            if flagged is not None and flagged.lease is not None:
                presences.add_cancel(job.key.agent_id, flagged.lease)
            return False
        case EndRun(state, reason):
            runs.end(run.id, state, reason, now)
            return True


def _enqueue(action: Enqueue, run: Run, now: datetime) -> None:
    timeout = _timeout_seconds(action, run, now)
    for agent_id in action.agent_ids:
        job = Job(
            key=JobKey(run.id, action.step.number, agent_id),
            state=action.state,
            step_size=len(action.step.agents),
            timeout_seconds=timeout,
            reason=action.reason,
        )
        deadline = now + DELIVER_WITHIN if action.state is JobState.QUEUED else None
        jobs.put(job, now, deadline, run.expires_at)


def _timeout_seconds(action: Enqueue, run: Run, now: datetime) -> float | None:
    """The step's own limit, or what is left of the run's if that is less."""
    limits = [action.step.timeout_seconds] if action.step.timeout_seconds is not None else []
    if run.timeout_at is not None:
        limits.append(max(0.001, (run.timeout_at - now).total_seconds()))
    return min(limits, default=None)


def settle(job: Job, now: datetime) -> None:
    """Counts a job that has just ended, and brings the run forward if its step is complete."""
    if jobs.count_ended(job.key) >= job.step_size:
        advance(job.key.run_id, now)
