"""Bringing a run forward: ask the planner what is due and write it, until nothing is.

Whoever ends a job calls this when it was the last of its wave, and the sweeper for whatever a
killed handler left behind. Every write is conditional, so any number of callers may do so at once.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TypeVar

from chalicelib.access.by import By
from chalicelib.access.scope import OutOfScope, together
from chalicelib.dynamo import jobs, presences, runs, steps, turns
from chalicelib.operations.runs import secret_values
from chalicelib.operations.runs.choice import TooManyAgents, choose
from chalicelib.operations.runs.recount import recount, watch_over
from chalicelib.operations.runs.turn import ACTIVE_AT_MOST, begin_held, next_in_line
from chalicelib.runs import run as runs_core
from chalicelib.runs.job import STOP_PATIENCE, Ending, Job, JobKey, JobState
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
from chalicelib.sqs import doorbells, work
from chalicelib.sqs.messages import AdvanceRun, Message, PutJobs
from chalicelib.tasks.task import Concurrency

MAX_ROUNDS = 300  # more than twice the steps that a task may have
WIDE = 32  # actions in one round from which on they are written side by side
WRITERS = 16
AT_ONCE = 100  # actions that whoever asks writes itself; what is beyond goes to the work queue
SLICE = 250  # jobs of one message: a second of work here, some five on Lambda
SPREAD_FOR = timedelta(minutes=2)  # so long nobody sends the same again, then it counts as lost

Given = TypeVar("Given")
Found = TypeVar("Found")


def advance(
    run_id: str, now: datetime, known: Progress | None = None, *, spreads: bool = True
) -> Run | None:
    """Writes all that is due for the run; answers it as it then is, None when there is none.

    `known` spares the first look at a run that has just been created. Of what is too much for a
    request the first is written and the rest sent to the work queue; whoever works that off does
    not spread it once more.
    """
    progress = known or runs.progress(run_id)
    for _ in range(MAX_ROUNDS):
        if progress is None:
            return None
        due = plan(progress)
        if isinstance(due, EndRun):
            if (ended := _end_run(progress, due, now)) is not None:
                return ended
        # Where it has not begun somebody was first, or has stopped the run: what is due has to be
        # asked anew.
        elif _has_begun(due, progress):
            left: Sequence[Action] = due
            if len(due) > AT_ONCE and spreads and work.is_there():
                # What is left of it SQS does not take: neither would it take what follows.
                left, spreads = _spread(due, progress, now), False
            is_all = len(left) == len(due)
            may_follow = _write_all(left, progress, now) or 0 < len(left) < len(due)
            if not may_follow:
                recount(progress)
                if not (is_all and watch_over(progress)):
                    return progress.run
        progress = runs.progress(run_id)
    return None if progress is None else progress.run


def _write_all(actions: Sequence[Action], progress: Progress, now: datetime) -> bool:
    return any(side_by_side(lambda action: _write(action, progress, now), actions))


def side_by_side(call: Callable[[Given], Found], given: Sequence[Given]) -> list[Found]:
    """Calls for each, with several writers where they are many."""
    if len(given) < WIDE:
        return [call(each) for each in given]
    with ThreadPoolExecutor(WRITERS) as writers:
        return list(writers.map(call, given))


def _spread(actions: Sequence[Action], progress: Progress, now: datetime) -> Sequence[Action]:
    """Writes the first, and sends the rest to the work queue, unless somebody has just done so;
    answers what is left to the caller."""
    # The planner sees everything that is not written yet, so it says the same to everybody who
    # asks in the meantime: reports, the sweeper, a repeated trigger. One of them acts on it.
    # Should that one die, or its messages be lost, the first to ask after a while does.
    run = progress.run
    if not runs.spread(run.id, _part(actions[0], progress), now + SPREAD_FOR, now):
        return ()
    _write_all(actions[:AT_ONCE], progress, now)
    rest = actions[AT_ONCE:]
    # Whoever works off the last of what is sent sees what follows.
    return () if work.send(_messages(run, rest)) else rest


def _part(action: Action, progress: Progress) -> str:
    """A name for what a plan is about: another wave, its end, or a stop do not wait for it."""
    if progress.run.jobs_become is not None:
        return "stop"
    match action:
        case Enqueue(step, index) | Withhold(step, index):
            number = step.number
        case PassSlot(job) | EndQueued(job) | RequestCancel(job):
            number, index = job.key.step, job.index
        case _:
            return "run"
    step = progress.steps[progress.position(number)]
    wave = next(each.number for each in step.waves if each.holds(index))
    return f"{number}.{wave} {'end' if isinstance(action, EndQueued | Withhold) else 'put'}"


def _messages(run: Run, actions: Sequence[Action]) -> list[Message]:
    """For a wave's first jobs slices, which are done side by side; else one for all of it."""
    first = [each for each in actions if isinstance(each, Enqueue) and each.origin is None]
    if len(first) < len(actions):
        return [AdvanceRun(run.id)]
    slices = (first[at : at + SLICE] for at in range(0, len(first), SLICE))
    return [
        PutJobs(run.id, some[0].step.number, some[0].index, some[-1].index + 1) for some in slices
    ]


def _has_begun(actions: Sequence[Action], progress: Progress) -> bool:
    """Notes a step of which the first jobs are put now, before they are; False when that cannot be
    written any more."""
    number = max((each.step.number for each in actions if isinstance(each, Enqueue)), default=0)
    return number <= progress.run.step or runs.begin_step(runs_core.at_step(progress, number))


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
            jobs.end(job, Ending(state, reason=reason), None, now)
            return True  # or it has moved on, which what follows depends on
        case RequestCancel(job, state):
            request_cancel(job, state, now)
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


def request_cancel(job: Job, becomes: JobState, now: datetime, by: By | None = None) -> bool:
    """Asks the agent to end a job, with its next call; False when the job has ended."""
    flagged = jobs.request_cancel(job, becomes, now + STOP_PATIENCE, by)
    if flagged is not None and flagged.lease is not None:
        presences.add_cancel(job.key.agent_id, flagged.lease)
        doorbells.ring(job.key.agent_id)
    return flagged is not None


def _end_run(progress: Progress, end: EndRun, now: datetime) -> Run | None:
    """The run as it has ended, None when it had moved on; lets those that waited for it go on."""
    run = progress.run
    secret_values.forget(run, now)  # before the end, which is repeated until it is written
    results = runs_core.at_end(progress, end.state)
    reach = together(step.reach for step in progress.steps)
    ended = runs.end(run.id, end.state, end.reason, results, now, stop=run.jobs_become, reach=reach)
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
