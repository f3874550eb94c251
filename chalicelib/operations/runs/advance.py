"""Bringing a run forward: ask the planner what is due and write it, until nothing is.

Whoever ends a job calls this when it was the last of its wave, and the sweeper for whatever a
killed handler left behind. Every write is conditional, so any number of callers may do so at once.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from chalicelib.access.by import By
from chalicelib.access.scope import OutOfScope
from chalicelib.dynamo import jobs, presences, runs, steps, turns
from chalicelib.operations.runs.choice import TooManyAgents, choose
from chalicelib.operations.runs.recount import recount
from chalicelib.operations.runs.turn import ACTIVE_AT_MOST, begin_held, next_in_line
from chalicelib.runs import run as runs_core
from chalicelib.runs.job import Ending, Job, JobKey, JobState
from chalicelib.runs.planner import (
    Action,
    EndQueued,
    EndRun,
    Enqueue,
    PassSlot,
    RequestCancel,
    Resolve,
    TakeTurn,
    Withhold,
    plan,
)
from chalicelib.runs.run import Progress, Run, RunStep
from chalicelib.sqs import doorbells
from chalicelib.tasks.task import Concurrency

MAX_ROUNDS = 300  # more than twice the steps that a task may have
WIDE = 32  # actions in one round from which on they are written side by side
WRITERS = 16


def advance(run_id: str, now: datetime, known: Progress | None = None) -> Run | None:
    """Writes all that is due for the run; answers it as it then is, None when there is none.

    `known` spares the first look at a run that has just been created.
    """
    progress = known or runs.progress(run_id)
    for _ in range(MAX_ROUNDS):
        if progress is None:
            return None
        due = plan(progress)
        if isinstance(due, EndRun):
            if (ended := _end_run(progress, due, now)) is not None:
                return ended
        elif not _perform(due, progress, now):
            recount(progress)
            return progress.run
        progress = runs.progress(run_id)
    return None if progress is None else progress.run


def _perform(actions: Sequence[Action], progress: Progress, now: datetime) -> bool:
    """Writes what is due now; whether more may be due at once."""
    _begin_step(actions, progress)
    if len(actions) < WIDE:
        written = [_write(action, progress, now) for action in actions]
        return any(written)
    with ThreadPoolExecutor(WRITERS) as writers:
        return any(list(writers.map(lambda action: _write(action, progress, now), actions)))


def _begin_step(actions: Sequence[Action], progress: Progress) -> None:
    """Notes a step of which the first jobs are put now, before they are."""
    number = max((each.step.number for each in actions if isinstance(each, Enqueue)), default=0)
    if number > progress.run.step:
        runs.begin_step(runs_core.at_step(progress, number))


def _write(action: Action, progress: Progress, now: datetime) -> bool:
    """Whether something may follow at once."""
    run = progress.run
    match action:
        case TakeTurn():
            replace_earlier(run, now)
            return begin_held(run, now)
        case Resolve(step):
            _resolve(run, step, now)
            return True
        case Enqueue(step, index, origin):
            agent_id = step.roster[index]
            enqueue(run, step, (agent_id, step.agents[agent_id]), index, origin, now)
            return False
        case Withhold(step, index, state, reason):
            key = JobKey(run.id, step.number, step.roster[index])
            jobs.put_ended(Job(key, state, index, reason=reason), now, run.expires_at)
            return True  # or somebody else was first, and there is something to be ended
        case PassSlot(job, successor):
            return jobs.pass_slot(job, successor)
        case EndQueued(job, state, reason):
            return jobs.end(job, Ending(state, reason=reason), None, now) is not None
        case RequestCancel(job, state):
            request_cancel(job, state)
            return False


def _resolve(run: Run, step: RunStep, now: datetime) -> None:
    """Chooses the agents of a step. Too many are refused, and any outside of the run's scope: the
    step fails, and says why."""
    try:
        chosen = choose(step.step.targets, now, run.scope)
    except (TooManyAgents, OutOfScope) as error:
        steps.refuse(run.id, step, error.message)
    else:
        steps.resolve(run.id, step, chosen.agents, run.expires_at, chosen.reach)


def enqueue(
    run: Run,
    step: RunStep,
    agent: tuple[str, str],
    index: int,
    origin: int | None,
    now: datetime,
) -> bool:
    """Puts a job into the inbox of its agent, given by id and name, and rings; False when it was
    there already."""
    agent_id, agent_name = agent
    job = Job(
        key=JobKey(run.id, step.number, agent_id),
        state=JobState.QUEUED,
        index=index,
        origin=origin,
        timeout_seconds=_timeout_seconds(step, run, now),
        lost_after_seconds=step.step.lost_after_seconds,
        agent_name=agent_name,
    )
    deadline = now + timedelta(seconds=step.step.deliver_within_seconds)
    is_new = jobs.put(job, now, deadline, run.expires_at)
    if is_new:
        doorbells.ring(agent_id)
    return is_new


def _timeout_seconds(step: RunStep, run: Run, now: datetime) -> float | None:
    """The step's own limit, or what is left of the run's if that is less."""
    limits = [] if step.step.timeout_seconds is None else [step.step.timeout_seconds]
    if run.timeout_at is not None:
        limits.append(max(0.001, (run.timeout_at - now).total_seconds()))
    return min(limits, default=None)


def request_cancel(job: Job, becomes: JobState, by: By | None = None) -> bool:
    """Asks the agent to end a job, with its next call; False when the job has ended."""
    flagged = jobs.request_cancel(job, becomes, by)
    if flagged is not None and flagged.lease is not None:
        presences.add_cancel(job.key.agent_id, flagged.lease)
        doorbells.ring(job.key.agent_id)
    return flagged is not None


def _end_run(progress: Progress, end: EndRun, now: datetime) -> Run | None:
    """The run as it has ended, None when it had moved on; lets those that waited for it go on."""
    run = progress.run
    ended = runs.end(run.id, end.state, end.reason, runs_core.at_end(progress, end.state), now)
    replace_earlier(run, now)
    if run.concurrency is not Concurrency.ALLOW:
        turns.release(run.task_id, run.id)
        if (waiting := next_in_line(run)) is not None:
            advance(waiting, now)
    return ended


def replace_earlier(run: Run, now: datetime) -> None:
    """Stops the runs that this one takes the place of; may be repeated.

    The index may not show a run that began just before. So this is asked for when the run is to
    begin, with every look of the sweeper at it, and when it ends.
    """
    if run.concurrency is not Concurrency.REPLACE:
        return
    reason = f"Replaced by the run {run.id}."
    earlier = [each for each in runs.active_ids(run.task_id, ACTIVE_AT_MOST) if each < run.id]
    stopped = [each for each in earlier if runs.stop(each, JobState.CANCELLED, reason)]
    for run_id in stopped:  # after all are stopped, so that none of them begins in another's place
        advance(run_id, now)
