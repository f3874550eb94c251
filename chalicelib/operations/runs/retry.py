"""Retrying a run that has ended: a new run of what was frozen in it."""

from datetime import datetime, timedelta
from enum import Enum

from msgspec.structs import replace

from chalicelib.access.principal import Permission, Principal
from chalicelib.dynamo import runs
from chalicelib.errors import Conflict
from chalicelib.operations.runs.commands import COMMANDS
from chalicelib.operations.runs.trigger import check_key, go_on, start
from chalicelib.runs.job import JobState
from chalicelib.runs.run import Progress, Run, RunState, RunStep, Trigger
from chalicelib.settings import settings


class RetryWhat(str, Enum):
    """All of it with agents chosen anew, or from the first failed step on: on all of its agents,
    or on exactly those that did not succeed."""

    ALL = "all"
    FAILED_STEP = "failed_step"
    FAILED_AGENTS = "failed_agents"


def retry(
    progress: Progress,
    what: RetryWhat,
    *,
    caller: Principal,
    new_run_id: str,
    idempotency_key: str | None,
    now: datetime,
) -> Progress:
    """Starts the new run and answers it, its jobs not included.

    Raises NotAllowed for a caller who could not have started the first one, and Conflict for a run
    that goes on, or in which nothing failed.
    """
    run_id = progress.run.id
    caller.require(_needed(progress.run))
    if not progress.run.state.is_terminal:
        raise Conflict("The run has not ended yet. Wait for it, or cancel it.")
    steps = _steps(progress, what)
    if not steps:
        raise Conflict("Nothing failed in this run. Retry all of it, or trigger its task.")
    if idempotency_key is not None:
        check_key(idempotency_key)
        new_run_id, _ = runs.reserve_key(run_id, idempotency_key, new_run_id, 0, now)
        if (earlier := go_on(new_run_id, now, caller.scope)) is not None:
            return earlier
    again = replace(
        progress.run,
        id=new_run_id,
        step_count=len(steps),
        state=RunState.QUEUED,
        triggered_by=caller.by,
        scope=caller.scope,
        created_at=now,
        expires_at=now + timedelta(days=settings.history_days),
        trigger=Trigger.RETRY,
        retry_of=run_id,
        is_held=False,
        timeout_at=None,
        stop=None,
        stop_reason=None,
        stopped_by=None,
        reason=None,
        started_at=None,
        ended_at=None,
        step=1,
        results=(),
    )
    return start(again, steps, now)


def _needed(run: Run) -> Permission:
    """What the first one needed: a task's commands were saved by somebody who may, an ad-hoc
    command was chosen by whoever ran it."""
    return Permission.TASKS_WRITE if run.task_id == COMMANDS else Permission.RUNS_TRIGGER


def _steps(progress: Progress, what: RetryWhat) -> list[RunStep]:
    if what is RetryWhat.ALL:
        return [RunStep(step.step) for step in progress.steps]
    if progress.run.state is RunState.SUCCEEDED and not any(j.has_failed for j in progress.jobs):
        return []
    unfinished = [step for step in progress.steps if _left(progress, step) != {}]
    if not unfinished:
        return []
    following = [step for step in progress.steps if step.number >= unfinished[0].number]
    if what is RetryWhat.FAILED_STEP:
        return [RunStep(step.step) if step.problem else step for step in following]
    return [
        RunStep(step.step, None if left is None else len(left), None, left or {}, reach=step.reach)
        for step in following
        if (left := _left(progress, step)) != {}
    ]


def _left(progress: Progress, step: RunStep) -> dict[str, str] | None:
    """Agents on which the step did not succeed; None for a step that has not chosen its agents."""
    if step.size is None or step.problem:
        return None
    jobs = progress.jobs_of(step)
    done = {job.key.agent_id for job in jobs.values() if job.state is JobState.SUCCEEDED}
    return {agent_id: name for agent_id, name in step.agents.items() if agent_id not in done}
