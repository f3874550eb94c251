"""Agents and the join tokens that let them in."""

import secrets
from collections.abc import Mapping, Sequence

from msgspec import UNSET

from chalicelib.agent import Agent
from chalicelib.api import render, shapes
from chalicelib.api.routing import Api, Request
from chalicelib.dynamo import agents, enrollments, jobs, presences
from chalicelib.errors import AgentNotFound, Conflict
from chalicelib.operations.authentication import forget
from chalicelib.operations.enrollment import close_enrollment, open_enrollment
from chalicelib.principal import Permission
from chalicelib.sqs import doorbells

api = Api(__name__)


def _existing(agent_id: str) -> Agent:
    agent = agents.get(agent_id.lower())
    if agent is None:
        raise AgentNotFound(f"There is no agent with the id '{agent_id}'.")
    return agent


def _render(found: Sequence[Agent], request: Request) -> list[shapes.Agent]:
    seen = presences.get_many(agent.id for agent in found)
    return [render.agent(agent, seen.get(agent.id), request.now) for agent in found]


@api.get(
    "/agents",
    needs=Permission.AGENTS_READ,
    answers=list[shapes.Agent],
    query={
        "status": "online, offline, disabled or never_seen",
        "group": "the agent's group",
        "text": "a part of the name, host name, address or id",
    },
)
def list_agents(request: Request) -> shapes.Page:
    """The agents by name. A filter may leave pages short: go on until `next` is null."""
    found, following = agents.search(request.limit(), request.cursor())
    shown = [agent for agent in _render(found, request) if _fits(agent, request.query)]
    return shapes.Page(shown, following)


def _fits(agent: shapes.Agent, query: Mapping[str, str]) -> bool:
    if query.get("status", agent.status) != agent.status:
        return False
    if "group" in query and query["group"] != agent.group:
        return False
    text = query.get("text", "").lower()
    return any(
        text in part.lower() for part in (agent.name, agent.hostname, agent.address, agent.id)
    )


@api.get("/agents/{agent_id}", needs=Permission.AGENTS_READ, answers=shapes.Agent)
def show_agent(request: Request, agent_id: str) -> shapes.Agent:
    """One agent."""
    return _render([_existing(agent_id)], request)[0]


@api.patch(
    "/agents/{agent_id}",
    needs=Permission.AGENTS_WRITE,
    takes=shapes.AgentChange,
    answers=shapes.Agent,
)
def change_agent(request: Request, agent_id: str, body: shapes.AgentChange) -> shapes.Agent:
    """Changes name, labels, group, whether it is disabled, and whether it has a doorbell."""
    old = _existing(agent_id)
    new = agents.change(
        old,
        name=body.name if body.name is not None else old.name,
        labels=body.labels if body.labels is not None else old.labels,
        group=old.group if body.group is UNSET else body.group,
        disabled=body.disabled if body.disabled is not None else old.disabled,
        doorbell=body.doorbell if body.doorbell is not None else old.doorbell,
    )
    if new is None:
        raise AgentNotFound(f"There is no agent with the id '{agent_id}'.")
    forget(new.id)
    if old.doorbell and not new.doorbell:
        doorbells.take_down(new.id)
    return _render([new], request)[0]


@api.delete("/agents/{agent_id}", needs=Permission.AGENTS_WRITE)
def remove_agent(request: Request, agent_id: str) -> None:
    """Removes an agent that has nothing to do; its token works no more."""
    agent = _existing(agent_id)
    if any(jobs.inbox(agent.id, 1)):
        raise Conflict("The agent has jobs that have not ended. Cancel their runs first.")
    agents.remove(agent.id)
    presences.remove(agent.id)
    doorbells.take_down(agent.id)
    forget(agent.id)


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
def list_enrollments(request: Request) -> shapes.Page:
    """The join tokens that have not been deleted."""
    found, following = enrollments.search(request.limit(), request.cursor())
    return shapes.Page([render.enrollment(each) for each in found], following)


@api.delete("/enrollments/{enrollment_id}", needs=Permission.ENROLLMENTS_WRITE)
def delete_enrollment(request: Request, enrollment_id: str) -> None:
    """Makes a join token worthless; agents that joined with it stay."""
    close_enrollment(enrollment_id)
