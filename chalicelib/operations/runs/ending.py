"""The end of a job: another attempt, or its final state and what that sets free."""

from collections.abc import Callable
from datetime import datetime, timedelta

from chalicelib.dynamo import contexts, gates, jobs, steps
from chalicelib.operations.runs.advance import advance, enqueue
from chalicelib.runs.context import Context
from chalicelib.runs.job import Ending, Job
from chalicelib.runs.wave import Gate
from chalicelib.sqs import doorbells

Write = Callable[[Job, Ending, int | None, datetime], Job | None]


def end_job(context: Context, job: Job, ending: Ending, write: Write, now: datetime) -> Job | None:
    """Ends an attempt. `write` is `jobs.finish` for a report, `jobs.end` for all others.

    Answers the job as it then is; None when it had moved on before, and nothing was written. A
    failure is noted at the gate before the job's end is written, so that no other job of the wave
    starts between the two.
    """
    if _is_retried(context, job, ending):
        return _retry(context, job, ending, now)
    wave, passed = context.wave, _pass_gate(context, job, ending)
    gate = passed or context.gate
    is_over = context.is_over or wave.is_closed(gate.failures)
    is_passed_on = wave.is_rolling and not is_over and not context.is_all_granted
    successor = wave.nth_successor(gate.granted) if is_passed_on else None
    ended = write(job, ending, successor, now)
    if ended is None:
        return None
    if wave.holds(successor):
        _fill_slot(context, job, successor, now)
    else:
        # Whoever closes a wave plans what follows from it. Behind him, as behind whoever stopped
        # the run, only the last is to look: each look reads the whole run (ADR 28).
        is_news = is_over and not context.is_over
        if _is_last(context, ended, passed) or is_news:
            advance(job.key.run_id, now)
    return ended


def end_unstarted(context: Context, job: Job, ending: Ending, now: datetime) -> Job | None:
    """Ends a job that was claimed when its wave had closed or its run was stopped; None when it had
    moved on."""
    ended = jobs.end(job, ending, None, now)
    if ended is not None and _is_last(context, ended, None):
        advance(job.key.run_id, now)
    return ended


def _is_retried(context: Context, job: Job, ending: Ending) -> bool:
    policy = context.step.step.retry
    is_stopped = context.is_over or job.becomes is not None
    return not is_stopped and policy.applies(ending.state, job.attempt)


def _retry(context: Context, job: Job, ending: Ending, now: datetime) -> Job | None:
    step = context.step.step
    not_before = now + timedelta(seconds=step.retry.wait_seconds(job.attempt))
    deadline = not_before + timedelta(seconds=step.deliver_within_seconds)
    retried = jobs.retry(job, ending, not_before, deadline, now)
    if retried is not None:
        doorbells.ring(job.key.agent_id)
    return retried


def _pass_gate(context: Context, job: Job, ending: Ending) -> Gate | None:
    """Notes a failure, and gets the number of a successor, where there is any use for them; None
    where there is not, and the job is not counted yet. A wave that has closed stays so: what fails
    in it need not be noted."""
    wave = context.wave
    counts = ending.has_failed and wave.max_failures is not None and wave.size > 1
    wants_successor = wave.is_rolling and not (context.is_all_granted or context.is_over)
    if not (wants_successor or counts):
        return None
    return gates.pass_through(
        job.key.run_id,
        job.key.step,
        wave.number,
        failed=job.index if counts and not context.is_closed else None,
        wants_successor=wants_successor,
        ends=ending.state,
        expires_at=context.run.expires_at,
    )


def _is_last(context: Context, ended: Job, passed: Gate | None) -> bool:
    """Parks the job's slot; whether somebody should look at the run now."""
    key, wave = ended.key, context.wave
    if wave.size == 1:
        return True  # it has no gate
    ends = None if passed else ended.state
    expires_at = context.run.expires_at
    gate = gates.park(key.run_id, key.step, wave.number, ends=ends, expires_at=expires_at)
    return gate.is_time_to_look(wave.slots)


def _fill_slot(context: Context, job: Job, successor: int, now: datetime) -> None:
    run_id = job.key.run_id
    agent = steps.agent_at(run_id, context.step, successor)
    if not enqueue(context.run, context.step, agent, successor, job.index, now):
        advance(run_id, now)


def context_of(job: Job) -> Context | None:
    """What stands around a job; None when its run is gone."""
    return contexts.of_jobs([job]).get(job.key)
