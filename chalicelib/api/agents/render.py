"""From agents and join tokens to their shapes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

from msgspec.structs import asdict

from chalicelib.agents import agent as agents_core
from chalicelib.agents.agent import Agent, Presence
from chalicelib.agents.enrollment import Enrollment
from chalicelib.agents.seat import SecondProcess, shown
from chalicelib.api.access.render import by
from chalicelib.api.agents import shapes
from chalicelib.runs.job import Job, JobState
from chalicelib.runs.run import Run


def agent(value: Agent, presence: Presence | None, now: datetime) -> shapes.Agent:
    """An agent with what was heard of it last."""
    status = agents_core.status(value, presence, now)
    return shapes.Agent(
        id=value.id,
        name=value.name,
        status=status.value,
        labels=dict(value.labels),
        group=value.group,
        disabled=value.disabled,
        doorbell=value.doorbell,
        hostname=value.facts.hostname,
        address=value.facts.address,
        os=value.facts.os,
        arch=value.facts.arch,
        version=value.facts.version,
        running=presence.running if presence else 0,
        last_seen_at=presence.last_seen_at if presence else None,
        created_at=value.created_at,
        enrolled_by=by(value.enrolled_by) if value.enrolled_by else None,
        conflict=_second(shown(presence.conflict, now)) if presence else None,
    )


def detail(value: Agent, presence: Presence | None, now: datetime) -> shapes.AgentDetail:
    """One agent."""
    absences = presence.absences if presence else ()
    return shapes.AgentDetail(
        **asdict(agent(value, presence, now)),
        instance=presence.instance if presence else None,
        absences=[shapes.Absence(each.since, each.until) for each in absences],
    )


def _second(value: SecondProcess | None) -> shapes.SecondProcess | None:
    return None if value is None else shapes.SecondProcess(value.hostname, value.address, value.at)


def enrollment(value: Enrollment) -> shapes.Enrollment:
    """A join token without its secret."""
    return shapes.Enrollment(
        id=value.id,
        description=value.description,
        uses=len(value.used_by),
        max_uses=value.max_uses,
        labels=dict(value.labels),
        group=value.group,
        created_by=by(value.created_by),
        created_at=value.created_at,
        expires_at=value.expires_at,
    )


def enrollment_detail(
    value: Enrollment, joined: Sequence[Agent], seen: Mapping[str, Presence], now: datetime
) -> shapes.EnrollmentDetail:
    """A join token with the agents that joined with it."""
    return shapes.EnrollmentDetail(
        **asdict(enrollment(value)),
        agents=[agent(each, seen.get(each.id), now) for each in joined],
    )


def open_jobs(found: Sequence[tuple[Job, Run]], has_more: bool) -> shapes.AgentJobs:
    """What an agent has to do, and does."""
    return shapes.AgentJobs([_open_job(*each) for each in found], has_more)


def _open_job(job: Job, run: Run) -> shapes.OpenJob:
    is_queued = job.state is JobState.QUEUED
    return shapes.OpenJob(
        run_id=run.id,
        task_id=run.task_id,
        task_name=run.task_name,
        job_id=job.key.job_id,
        step=job.key.step,
        state=cast(shapes.OpenState, job.state.value),
        attempt=job.attempt,
        queued_at=job.queued_at,
        deliver_by=job.give_up_at if is_queued else None,
        not_before=job.not_before if is_queued else None,
        started_at=job.started_at,
    )
