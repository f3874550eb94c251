"""Agents and the join tokens that let them in."""

import secrets

from msgspec import UNSET
from msgspec.structs import replace

from chalicelib.access.principal import Permission
from chalicelib.agents.agent import Agent, AgentStatus
from chalicelib.agents.agent_filter import AgentFilter
from chalicelib.agents.enrollment import Enrollment
from chalicelib.api.agents import render, shapes
from chalicelib.api.listing import narrowed
from chalicelib.api.routing import Api, Request
from chalicelib.api.shapes import Page
from chalicelib.dynamo import enrollments, presences
from chalicelib.operations.agents import fleet
from chalicelib.operations.agents.agent_list import search
from chalicelib.operations.agents.enrollment import (
    agents_joined,
    close_enrollment,
    existing_enrollment,
    is_inside,
    open_enrollment,
)

api = Api(__name__)


def _agent(request: Request, agent_id: str) -> Agent:
    return fleet.existing_agent(agent_id, request.scope)


def _agent_to_change(request: Request, agent_id: str) -> Agent:
    request.scope.require_agents("change agents")
    return _agent(request, agent_id)


def _enrollment(request: Request, enrollment_id: str) -> Enrollment:
    return existing_enrollment(enrollment_id, request.scope)


def _render(agent: Agent, request: Request) -> shapes.Agent:
    seen = presences.get_many([agent.id])
    return render.agent(agent, seen.get(agent.id), request.now)


@api.get(
    "/agents",
    needs=Permission.AGENTS_READ,
    answers=list[shapes.Agent],
    query={
        "status": "online, offline, disabled or never_seen",
        "group": "the agent's group",
        "label": "a label selector, such as role=web,env!=test",
        "name": "exactly the agent's name",
        "text": "a part of the name, host name, address or id",
    },
)
def list_agents(request: Request) -> Page:
    """The agents by name. A filter may leave pages short: go on until `next` is null."""
    wanted = AgentFilter(
        status=request.choice("status", AgentStatus),
        group=request.name("group"),
        label=request.name("label"),
        text=request.name("text") or "",
        name=request.name("name"),
        scope=request.scope,
    )
    found, following = search(wanted, request.limit(), request.cursor(), request.now)
    shown = [render.agent(agent, presence, request.now) for agent, presence in found]
    return Page(shown, following)


@api.get("/agents/{agent_id}", needs=Permission.AGENTS_READ, on=_agent, answers=shapes.AgentDetail)
def show_agent(request: Request, agent: Agent) -> shapes.AgentDetail:
    """One agent, with the last times when it was away."""
    seen = presences.get_many([agent.id])
    return render.detail(agent, seen.get(agent.id), request.now)


@api.get(
    "/agents/{agent_id}/jobs",
    needs=Permission.RUNS_READ,
    on=_agent,
    answers=shapes.AgentJobs,
)
def list_open_jobs(request: Request, agent: Agent) -> shapes.AgentJobs:
    """The jobs of an agent that have not ended, oldest run first, also while it is offline: a
    hundred at most. Those that have ended are found with `/runs?agent=`."""
    found, has_more = fleet.open_jobs(agent, request.scope)
    return render.open_jobs(found, has_more)


@api.patch(
    "/agents/{agent_id}",
    needs=Permission.AGENTS_WRITE,
    on=_agent_to_change,
    audits="agent.change",
    takes=shapes.AgentChange,
    answers=shapes.Agent,
)
def change_agent(request: Request, agent: Agent, body: shapes.AgentChange) -> shapes.Agent:
    """Changes name, labels, group, whether it is disabled, and whether it has a doorbell. Labels
    and group decide what is in a scope: only a token that has none may change them. Labels are
    dropped before others are added."""

    def changed(old: Agent) -> Agent:
        return replace(
            old,
            name=body.name if body.name is not None else old.name,
            labels=body.labels_after(old.labels),
            group=old.group if body.group is UNSET else body.group,
            disabled=body.disabled if body.disabled is not None else old.disabled,
            doorbell=body.doorbell if body.doorbell is not None else old.doorbell,
        )

    return _render(fleet.change(agent, changed, request.now, request.scope), request)


@api.delete(
    "/agents/{agent_id}",
    needs=Permission.AGENTS_WRITE,
    on=_agent_to_change,
    audits="agent.remove",
)
def remove_agent(request: Request, agent: Agent) -> None:
    """Removes an agent that has nothing to do; its token works no more."""
    fleet.remove(agent, request.scope)


@api.post(
    "/enrollments",
    needs=Permission.ENROLLMENTS_WRITE,
    audits="enrollment.create",
    takes=shapes.NewEnrollment,
    answers=shapes.EnrollmentSecret,
    status=201,
)
def create_enrollment(request: Request, body: shapes.NewEnrollment) -> shapes.EnrollmentSecret:
    """A new join token, and the agent.json that uses it."""
    enrollment, join_token = open_enrollment(
        enrollment_id=secrets.token_hex(8),
        secret=secrets.token_hex(32),
        description=body.description,
        max_uses=body.max_uses,
        expires_in_seconds=body.expires_in_seconds,
        labels=body.labels,
        group=body.group,
        created_by=request.caller().by,
        now=request.now,
        scope=request.scope,
    )
    return shapes.EnrollmentSecret(
        enrollment=render.enrollment(enrollment),
        join_token=join_token,
        agent_json={"join_token": join_token, "server_addr": request.base_url},
    )


@api.get("/enrollments", needs=Permission.ENROLLMENTS_WRITE, answers=list[shapes.Enrollment])
def list_enrollments(request: Request) -> Page:
    """The join tokens that have not been deleted."""
    found, following = narrowed(
        request, enrollments.search, lambda enrollment: is_inside(enrollment, request.scope)
    )
    return Page([render.enrollment(each) for each in found], following)


@api.get(
    "/enrollments/{enrollment_id}",
    needs=Permission.ENROLLMENTS_WRITE,
    on=_enrollment,
    answers=shapes.EnrollmentDetail,
)
def show_enrollment(request: Request, enrollment: Enrollment) -> shapes.EnrollmentDetail:
    """A join token with the agents that joined with it."""
    joined = agents_joined(enrollment, request.scope)
    seen = presences.get_many(each.id for each in joined)
    return render.enrollment_detail(enrollment, joined, seen, request.now)


@api.delete(
    "/enrollments/{enrollment_id}",
    needs=Permission.ENROLLMENTS_WRITE,
    on=_enrollment,
    audits="enrollment.delete",
)
def delete_enrollment(request: Request, enrollment: Enrollment) -> None:
    """Makes a join token worthless; agents that joined with it stay."""
    close_enrollment(enrollment)
