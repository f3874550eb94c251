"""Agents and the join tokens that let them in."""

import secrets

from msgspec import UNSET
from msgspec.structs import replace

from chalicelib.access.principal import Permission
from chalicelib.agents.agent import Agent, AgentStatus
from chalicelib.agents.agent_filter import AgentFilter
from chalicelib.api.agents import render, shapes
from chalicelib.api.routing import Api, Request
from chalicelib.api.shapes import Page
from chalicelib.dynamo import enrollments, presences
from chalicelib.operations.agents import fleet
from chalicelib.operations.agents.agent_list import search
from chalicelib.operations.agents.enrollment import close_enrollment, open_enrollment

api = Api(__name__)


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
        group=request.query.get("group"),
        label=request.query.get("label"),
        text=request.query.get("text", ""),
        name=request.query.get("name"),
    )
    found, following = search(wanted, request.limit(), request.cursor(), request.now)
    shown = [render.agent(agent, presence, request.now) for agent, presence in found]
    return Page(shown, following)


@api.get("/agents/{agent_id}", needs=Permission.AGENTS_READ, answers=shapes.Agent)
def show_agent(request: Request, agent_id: str) -> shapes.Agent:
    """One agent."""
    return _render(fleet.existing_agent(agent_id), request)


@api.patch(
    "/agents/{agent_id}",
    needs=Permission.AGENTS_WRITE,
    takes=shapes.AgentChange,
    answers=shapes.Agent,
)
def change_agent(request: Request, agent_id: str, body: shapes.AgentChange) -> shapes.Agent:
    """Changes name, labels, group, whether it is disabled, and whether it has a doorbell."""

    def changed(old: Agent) -> Agent:
        return replace(
            old,
            name=body.name if body.name is not None else old.name,
            labels=body.labels if body.labels is not None else old.labels,
            group=old.group if body.group is UNSET else body.group,
            disabled=body.disabled if body.disabled is not None else old.disabled,
            doorbell=body.doorbell if body.doorbell is not None else old.doorbell,
        )

    return _render(fleet.change(agent_id, changed, request.now), request)


@api.delete("/agents/{agent_id}", needs=Permission.AGENTS_WRITE)
def remove_agent(request: Request, agent_id: str) -> None:
    """Removes an agent that has nothing to do; its token works no more."""
    fleet.remove(agent_id)


@api.post(
    "/enrollments",
    needs=Permission.ENROLLMENTS_WRITE,
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
        created_by=request.caller().name,
        now=request.now,
    )
    return shapes.EnrollmentSecret(
        enrollment=render.enrollment(enrollment),
        join_token=join_token,
        agent_json={"join_token": join_token, "server_addr": request.base_url},
    )


@api.get("/enrollments", needs=Permission.ENROLLMENTS_WRITE, answers=list[shapes.Enrollment])
def list_enrollments(request: Request) -> Page:
    """The join tokens that have not been deleted."""
    found, following = enrollments.search(request.limit(), request.cursor())
    return Page([render.enrollment(each) for each in found], following)


@api.delete("/enrollments/{enrollment_id}", needs=Permission.ENROLLMENTS_WRITE)
def delete_enrollment(request: Request, enrollment_id: str) -> None:
    """Makes a join token worthless; agents that joined with it stay."""
    close_enrollment(enrollment_id)
