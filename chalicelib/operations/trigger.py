"""Triggering a task: freeze its steps into a new run and put the first step's jobs out."""

from datetime import datetime, timedelta

from chalicelib.dynamo import agents, runs
from chalicelib.errors import BadParameter
from chalicelib.operations.advance import perform
from chalicelib.operations.tasks import existing_revision, existing_task
from chalicelib.run import Progress, Run, RunState, RunStep
from chalicelib.settings import settings
from chalicelib.task import Definition
from chalicelib.task_toml import parse

MAX_KEY_LENGTH = 128


def trigger(
    task_id: str, *, triggered_by: str, run_id: str, idempotency_key: str | None, now: datetime
) -> Run:
    """Starts a run of the task's current revision and answers it.

    With an idempotency key, a repeated call within a day answers the run that the first one made.
    Raises NotFound for an unknown task, BadParameter for a key that is empty or too long.
    """
    task = existing_task(task_id)
    source, revision = task.definition, task.revision
    if idempotency_key is not None:
        _check_key(idempotency_key)
        run_id, revision = runs.reserve_key(task_id, idempotency_key, run_id, task.revision, now)
        if (earlier := runs.get(run_id)) is not None:
            return earlier
        if revision != task.revision:  # edited since a first call that was cut short
            source = existing_revision(task_id, revision).definition
    definition = parse(source)
    run = Run(
        id=run_id,
        task_id=task.id,
        task_name=task.name,
        revision=revision,
        step_count=len(definition.steps),
        state=RunState.QUEUED,
        triggered_by=triggered_by,
        created_at=now,
        expires_at=now + timedelta(days=settings.history_days),
        timeout_at=_after(now, definition.timeout_seconds),
    )
    steps = frozen_steps(definition)
    runs.freeze_steps(run, steps)
    if not runs.create(run):
        return runs.get(run_id) or run
    perform(Progress(run, steps), now)
    return run


def _check_key(key: str) -> None:
    if not 1 <= len(key) <= MAX_KEY_LENGTH:
        raise BadParameter(f"Idempotency-Key must have 1 to {MAX_KEY_LENGTH} characters.")


def _after(now: datetime, seconds: float | None) -> datetime | None:
    return None if seconds is None else now + timedelta(seconds=seconds)


def frozen_steps(definition: Definition) -> tuple[RunStep, ...]:
    """The steps as a run keeps them, with the names that the agents bear now."""
    known = agents.get_many(agent_id for step in definition.steps for agent_id in step.agent_ids)
    return tuple(
        RunStep(
            number=step.number,
            name=step.name,
            agents={
                agent_id: known[agent_id].name if agent_id in known else agent_id
                for agent_id in step.agent_ids
            },
            path=step.path,
            command=step.command,
            env=dict(step.env),
            timeout_seconds=step.timeout_seconds,
        )
        for step in definition.steps
    )
