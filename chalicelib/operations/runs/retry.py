"""Retrying a run that has ended: a new run of what was frozen in it."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace

from chalicelib.access.principal import Permission, Principal
from chalicelib.dynamo import run_pages, runs, tasks
from chalicelib.errors import Conflict
from chalicelib.operations.runs.commands import COMMANDS
from chalicelib.operations.runs.trigger import check_key, go_on, start
from chalicelib.runs.job import JobState
from chalicelib.runs.run import Progress, Run, RunState, RunStep, Trigger
from chalicelib.runs.run_summary import RetryWhat, is_done, retries
from chalicelib.settings import settings
from chalicelib.tasks.param import InvalidParameters, Param, fill
from chalicelib.tasks.task_toml import parse


def retry(
    progress: Progress,
    what: RetryWhat,
    secrets: Mapping[str, str],
    *,
    caller: Principal,
    new_run_id: str,
    idempotency_key: str | None,
    now: datetime,
) -> Progress:
    """Starts the new run and answers it, its jobs not included. `secrets` are the values of the
    run's secret parameters, which it has no more.

    `progress` is the run's head. Raises NotAllowed for a caller who could not have started the
    first one, Conflict for a run that goes on, or in which nothing failed, InvalidParameters for a
    secret that is missing or wrong, and KeyProblem for secrets.
    """
    run_id = progress.run.id
    caller.require(_needed(progress.run))
    if not progress.run.state.is_terminal:
        raise Conflict("The run has not ended yet. Wait for it, or cancel it.")
    if what not in retries(progress.run):
        raise Conflict("Nothing failed in this run. Retry all of it, or trigger its task.")
    if what is not RetryWhat.ALL:
        progress = _from_first_unfinished(progress)
    steps = _steps(progress, what)
    values = _secrets(progress.run, secrets)
    if idempotency_key is not None:
        check_key(idempotency_key)
        new_run_id, _ = runs.reserve_key(run_id, caller.by, idempotency_key, new_run_id, 0, now)
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
        jobs_become=None,
        stop_reason=None,
        stopped_by=None,
        reason=None,
        started_at=None,
        ended_at=None,
        step=1,
        results=(),
    )
    return start(again, steps, now, values)


def _secrets(run: Run, given: Mapping[str, str]) -> dict[str, str]:
    """Checked as the first time. Raises InvalidParameters."""
    if missing := [name for name in run.secrets if name not in given]:
        raise InvalidParameters(
            f"Parameters: give {', '.join(missing)} again. The values of secret parameters are "
            "gone when a run has ended.",
            parameters=dict.fromkeys(missing, "is required again."),
        )
    return fill(_secret_params(run), given)


def _secret_params(run: Run) -> list[Param]:
    """As the run's revision has them. Of a task that was deleted only the names are left."""
    if not run.secrets:
        return []
    task = tasks.get(run.task_id)
    revision = tasks.revision(task, run.revision) if task is not None else None
    if revision is None:
        return [Param(name, required=True, secret=True) for name in run.secrets]
    params = parse(revision.definition).params
    return [each for each in params if each.name in run.secrets]


def _from_first_unfinished(head: Progress) -> Progress:
    """The run with the jobs of the first step in which not all succeeded, and of all after it. What
    came of those before stands in the run, which has ended, and is all that is asked of them."""
    steps = head.steps
    kept = dict(zip((step.number for step in steps), head.run.results, strict=False))
    first = next((number for number, found in kept.items() if not is_done(found)), None)
    if first is None:
        return replace(head, steps=())
    read = run_pages.with_jobs(head, first, steps[-1].number)
    return replace(read, steps=[step for step in read.steps if step.number >= first])


def _needed(run: Run) -> Permission:
    """What the first one needed: a task's commands were saved by somebody who may, an ad-hoc
    command was chosen by whoever ran it."""
    return Permission.TASKS_WRITE if run.task_id == COMMANDS else Permission.RUNS_TRIGGER


def _steps(progress: Progress, what: RetryWhat) -> list[RunStep]:
    if what is RetryWhat.ALL:
        return [RunStep(step.step) for step in progress.steps]
    unfinished = [step for step in progress.steps if _left(progress, step) != {}]
    if not unfinished:
        return []
    following = [step for step in progress.steps if step.number >= unfinished[0].number]
    if what is RetryWhat.FAILED_STEP:
        return [RunStep(step.step) if _has_nobody(step) else step for step in following]
    return [
        RunStep(step.step, None if left is None else len(left), None, left or {}, reach=step.reach)
        for step in following
        if (left := _left(progress, step)) != {}
    ]


def _left(progress: Progress, step: RunStep) -> dict[str, str] | None:
    """Agents on which the step did not succeed; None for a step that has yet to choose them."""
    if _has_nobody(step):
        return None
    jobs = progress.jobs_of(step)
    done = {job.key.agent_id for job in jobs.values() if job.state is JobState.SUCCEEDED}
    return {agent_id: name for agent_id, name in step.agents.items() if agent_id not in done}


def _has_nobody(step: RunStep) -> bool:
    """Whether the step has not chosen its agents, or found none where it needs some."""
    return step.size is None or (step.size == 0 and not step.may_be_empty)
