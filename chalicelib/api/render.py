"""From the core's values to the API's shapes."""

from collections.abc import Iterable
from datetime import datetime
from typing import cast

from chalicelib import agent as agents_core
from chalicelib import run as runs_core
from chalicelib.agent import Agent, Presence
from chalicelib.api import shapes
from chalicelib.dynamo.tasks import StoredRevision, StoredTask
from chalicelib.enrollment import Enrollment
from chalicelib.job import Job, JobKey, JobState
from chalicelib.principal import PERMISSIONS, Principal
from chalicelib.run import Progress, Run, RunState, RunStep
from chalicelib.settings import settings
from chalicelib.task import Definition, Step
from chalicelib.token import Token

RUN_CODES = {RunState.FAILED: 3001, RunState.TIMED_OUT: 3002}


def principal(value: Principal) -> shapes.Principal:
    """Who calls."""
    return shapes.Principal(
        id=value.id,
        name=value.name,
        role=cast(shapes.RoleName, value.role.value),
        permissions=sorted(permission.value for permission in PERMISSIONS[value.role]),
    )


def agent(value: Agent, presence: Presence | None, now: datetime) -> shapes.Agent:
    """An agent with what was heard of it last."""
    status = agents_core.status(value, presence, now, settings.ttl_seconds)
    return shapes.Agent(
        id=value.id,
        name=value.name,
        status=status.value,
        labels=dict(value.labels),
        group=value.group,
        disabled=value.disabled,
        hostname=value.facts.hostname,
        address=value.facts.address,
        os=value.facts.os,
        arch=value.facts.arch,
        version=value.facts.version,
        running=presence.running if presence else 0,
        last_seen_at=presence.last_seen_at if presence else None,
        created_at=value.created_at,
    )


def enrollment(value: Enrollment) -> shapes.Enrollment:
    """A join token without its secret."""
    return shapes.Enrollment(
        id=value.id,
        description=value.description,
        uses=len(value.used_by),
        max_uses=value.max_uses,
        labels=dict(value.labels),
        group=value.group,
        created_by=value.created_by,
        created_at=value.created_at,
        expires_at=value.expires_at,
    )


def token(value: Token) -> shapes.Token:
    """An access token without its secret."""
    return shapes.Token(
        id=value.id,
        name=value.name,
        role=cast(shapes.RoleName, value.role.value),
        created_by=value.created_by,
        created_at=value.created_at,
        expires_at=value.expires_at,
    )


def task(value: StoredTask) -> shapes.Task:
    """A task in a list."""
    return shapes.Task(
        id=value.id,
        name=value.name,
        revision=value.revision,
        step_count=value.step_count,
        created_at=value.created_at,
        updated_at=value.updated_at,
        updated_by=value.updated_by,
    )


def task_detail(value: StoredTask, definition: Definition) -> shapes.TaskDetail:
    """A task with what its TOML says."""
    return shapes.TaskDetail(
        task=task(value),
        definition=value.definition,
        timeout_seconds=definition.timeout_seconds,
        steps=[_step(step) for step in definition.steps],
    )


def _step(value: Step) -> shapes.Step:
    return shapes.Step(
        number=value.number,
        name=value.name,
        agent_ids=list(value.agent_ids),
        path=value.path,
        command=value.command,
        env=dict(value.env),
        timeout_seconds=value.timeout_seconds,
    )


def revision(value: StoredRevision) -> shapes.Revision:
    """A saved state of a task."""
    return shapes.Revision(
        task_id=value.task_id,
        number=value.number,
        definition=value.definition,
        created_by=value.created_by,
        created_at=value.created_at,
    )


def run(value: Run) -> shapes.Run:
    """A run in a list."""
    return shapes.Run(
        id=value.id,
        task_id=value.task_id,
        task_name=value.task_name,
        revision=value.revision,
        state=value.state.value,
        code=RUN_CODES.get(value.state, 0),
        reason=value.reason,
        triggered_by=value.triggered_by,
        step_count=value.step_count,
        created_at=value.created_at,
        started_at=value.started_at,
        ended_at=value.ended_at,
        duration_seconds=_seconds(value.started_at, value.ended_at),
    )


def _seconds(started_at: datetime | None, ended_at: datetime | None) -> float | None:
    if started_at is None or ended_at is None:
        return None
    return max(0.0, (ended_at - started_at).total_seconds())


def run_detail(progress: Progress) -> shapes.RunDetail:
    """A run with its steps and jobs, also those that have not been written yet."""
    return shapes.RunDetail(
        run=run(progress.run),
        steps=[_run_step(progress, step) for step in progress.steps],
    )


def _run_step(progress: Progress, step: RunStep) -> shapes.RunStep:
    written = progress.jobs_of(step)
    state = runs_core.step_state(progress.run, written.values())
    unwritten = JobState.SKIPPED if progress.run.state.is_terminal else JobState.WAITING
    jobs = [
        written.get(agent_id)
        or Job(JobKey(progress.run.id, step.number, agent_id), unwritten, len(step.agents))
        for agent_id in step.agents
    ]
    started_at = min(_present(job.started_at for job in jobs), default=None)
    ended_at = max(_present(job.ended_at for job in jobs), default=None)
    return shapes.RunStep(
        number=step.number,
        name=step.name,
        path=step.path,
        command=step.command,
        state=cast(shapes.StepState, state.value),
        started_at=started_at,
        ended_at=ended_at if state.is_terminal else None,
        duration_seconds=_seconds(started_at, ended_at) if state.is_terminal else None,
        jobs=[job(each, step.agents[each.key.agent_id]) for each in jobs],
    )


def _present(instants: Iterable[datetime | None]) -> list[datetime]:
    return [instant for instant in instants if instant is not None]


def job(value: Job, agent_name: str) -> shapes.Job:
    """One step of a run on one agent."""
    return shapes.Job(
        id=value.key.job_id,
        step=value.key.step,
        agent_id=value.key.agent_id,
        agent_name=agent_name,
        state=value.state.value,
        attempt=value.attempt,
        exit_code=value.exit_code,
        reason=value.reason,
        cancel_requested=value.cancel_requested,
        queued_at=value.queued_at,
        started_at=value.started_at,
        ended_at=value.ended_at,
        duration_seconds=None if value.duration_ms is None else value.duration_ms / 1000,
        log=None if value.log is None else _log_summary(value),
    )


def _log_summary(value: Job) -> shapes.LogSummary:
    summary = value.log or {}
    return shapes.LogSummary(
        chunks=summary["chunks"],
        streams={
            name: shapes.StreamSummary(bytes=stream["bytes"], sha256=stream["sha256"])
            for name, stream in summary["streams"].items()
        },
        truncated=summary["truncated"],
    )
