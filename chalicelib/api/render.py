"""From the core's values to the API's shapes."""

from datetime import datetime
from typing import cast

from chalicelib import agent as agents_core
from chalicelib.agent import Agent, Presence
from chalicelib.api import shapes
from chalicelib.enrollment import Enrollment
from chalicelib.principal import PERMISSIONS, Principal
from chalicelib.token import Token


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
