"""Letting new agents in."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from chalicelib.access.by import By
from chalicelib.access.scope import EVERYTHING, OutOfScope, Scope
from chalicelib.access.token import Credential, hash_secret, parse_credential
from chalicelib.agents.agent import Agent, Facts, check_labels
from chalicelib.agents.enrollment import Enrollment
from chalicelib.agents.target_index import version
from chalicelib.dynamo import agents, enrollments
from chalicelib.errors import Conflict, NotAuthenticated, NotFound
from chalicelib.operations.access.authentication import agent_token_id
from chalicelib.operations.agents import fleet
from chalicelib.sqs import doorbells

SHOWN = 100  # agents of a join token: BatchGetItem's limit


class JoinTokenRefused(NotAuthenticated):
    """The join token is unknown, expired or used up. Make a new one: plumber-cli agent enroll."""

    rpc_code = -32005


class AgentIdTaken(Conflict):
    """An agent with this id is enrolled already, with another secret. Delete its agent.json."""

    rpc_code = -32006


class AgentRemoved(AgentIdTaken):
    """The agent with this id was removed. Delete its agent.json: it joins under a new id then."""


def open_enrollment(
    *,
    enrollment_id: str,
    secret: str,
    description: str,
    max_uses: int,
    expires_in_seconds: int,
    labels: Mapping[str, str],
    group: str | None,
    created_by: By,
    now: datetime,
    scope: Scope = EVERYTHING,
) -> tuple[Enrollment, str]:
    """A new join token, and its text to be shown once. Raises BadParameter for too many labels, and
    OutOfScope where those who join with it would be outside of the scope."""
    check_labels(labels)
    scope.require_agents("let agents in")
    if not scope.holds_agent(labels, group):
        raise OutOfScope(
            f"An agent with these labels and this group is outside of the scope, which is "
            f"{scope.describe()}."
        )
    enrollment = Enrollment(
        id=enrollment_id,
        secret_hash=hash_secret(secret),
        description=description,
        max_uses=max_uses,
        created_by=created_by,
        created_at=now,
        expires_at=now + timedelta(seconds=expires_in_seconds),
        labels=labels,
        group=group,
    )
    enrollments.create(enrollment)
    return enrollment, str(Credential("plj", enrollment_id, secret))


def existing_enrollment(enrollment_id: str, scope: Scope = EVERYTHING) -> Enrollment:
    """Raises NotFound, also for one that lets agents in outside of the scope."""
    enrollment = enrollments.get(enrollment_id)
    if enrollment is None or not is_inside(enrollment, scope):
        raise NotFound(f"There is no enrollment with the id '{enrollment_id}'.")
    return enrollment


def is_inside(enrollment: Enrollment, scope: Scope) -> bool:
    """Whether those who join with it are inside of the scope."""
    is_of_agents = scope.is_everything or scope.names_agents
    return is_of_agents and scope.holds_agent(enrollment.labels, enrollment.group)


def agents_joined(enrollment: Enrollment, scope: Scope = EVERYTHING) -> list[Agent]:
    """The agents that joined with it and are inside of the scope, by name: of the first `SHOWN` by
    id those that were not removed since. No call where nobody has joined, else one."""
    ids = sorted(enrollment.used_by)[:SHOWN]
    known = agents.get_many(ids, as_of_now=True).values() if ids else ()
    inside = (each for each in known if scope.holds_agent(each.labels, each.group))
    return sorted(inside, key=lambda each: (each.name, each.id))


def close_enrollment(enrollment: Enrollment) -> None:
    """Raises NotFound when it is gone."""
    if not enrollments.revoke(enrollment.id):
        raise NotFound(f"There is no enrollment with the id '{enrollment.id}'.")


def enroll(
    join_token: str, *, agent_id: str, secret: str, name: str, facts: Facts, now: datetime
) -> str:
    """Lets an agent in and answers its token. The same call again answers the same token.

    Raises JoinTokenRefused, and AgentIdTaken when the id belongs to somebody with another secret,
    or belonged to an agent that was removed.
    """
    token = str(Credential("pla", agent_token_id(agent_id), secret))
    if _is_enrolled(agent_id, secret):
        return token
    credential = parse_credential(join_token)
    enrollment = enrollments.get(credential.id) if credential else None
    if credential is None or enrollment is None or credential.prefix != "plj":
        raise JoinTokenRefused
    if not credential.matches(enrollment.secret_hash):
        raise JoinTokenRefused
    if agents.was_removed(agent_id):
        raise AgentRemoved  # before the token is used up
    if not enrollments.use(enrollment, agent_id, now):
        raise JoinTokenRefused
    agent = Agent(
        id=agent_id,
        name=name,
        created_at=now,
        secret_hash=hash_secret(secret),
        facts=facts,
        labels=enrollment.labels,
        group=enrollment.group,
        version=version(now),
        enrolled_by=enrollment.created_by,
    )
    if not fleet.let_in(agent) and not _is_enrolled(agent_id, secret):
        raise AgentRemoved
    doorbells.hang(agent_id)
    return token


def _is_enrolled(agent_id: str, secret: str) -> bool:
    agent = agents.get(agent_id)
    if agent is None:
        return False
    if agent.secret_hash != hash_secret(secret):
        raise AgentIdTaken
    return True
