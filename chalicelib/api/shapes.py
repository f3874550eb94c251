"""The shapes of the REST API: bodies that come in, data that goes out.

The OpenAPI document and the panel's types are generated from here. Instants are RFC 3339 in UTC,
durations are seconds, data of logs is base64.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from chalicelib.agent import (
    MAX_GROUP_CHARACTERS,
    MAX_LABEL_KEY_CHARACTERS,
    MAX_LABEL_VALUE_CHARACTERS,
    MAX_LABELS,
)

AgentStatus = Literal["online", "offline", "disabled", "never_seen"]
RoleName = Literal["viewer", "trigger", "operator", "admin"]

Name = Annotated[str, Meta(min_length=1, max_length=128)]
# How many there may be is checked beside the agent, where the refusal is in words for people.
Labels = Annotated[
    dict[
        Annotated[str, Meta(min_length=1, max_length=MAX_LABEL_KEY_CHARACTERS)],
        Annotated[str, Meta(max_length=MAX_LABEL_VALUE_CHARACTERS)],
    ],
    Meta(extra_json_schema={"maxProperties": MAX_LABELS}),
]
Group = Annotated[str, Meta(max_length=MAX_GROUP_CHARACTERS)]


class Shape(Struct, frozen=True, forbid_unknown_fields=True):
    """What every shape has in common: immutable, and strict about unknown keys when parsed."""


# --- health and principals


class Health(Shape, frozen=True):
    """`status` is `ok` when every backend answers."""

    status: Literal["ok", "degraded"]
    version: str
    backends: dict[str, Literal["ok", "unreachable"]]


class Principal(Shape, frozen=True):
    """Who the caller is, and what it may do."""

    id: str
    name: str
    role: RoleName
    permissions: list[str]


# --- agents


class Agent(Shape, frozen=True):
    """A managed machine."""

    id: str
    name: str
    status: AgentStatus
    labels: dict[str, str]
    group: str | None
    disabled: bool
    doorbell: bool
    hostname: str
    address: str
    os: str
    arch: str
    version: str
    running: int
    last_seen_at: datetime | None
    created_at: datetime


class AgentChange(Shape, frozen=True):
    """Keys that are left out stay as they are; `group` may be set to null. Without a doorbell an
    agent only polls: for a machine that cannot reach SQS."""

    name: Name | None = None
    labels: Labels | None = None
    group: Group | UnsetType | None = UNSET
    disabled: bool | None = None
    doorbell: bool | None = None


class NewEnrollment(Shape, frozen=True):
    """`labels` and `group` are given to every agent that joins with the token."""

    description: Annotated[str, Meta(max_length=256)] = ""
    max_uses: Annotated[int, Meta(ge=1, le=1000)] = 1
    expires_in_seconds: Annotated[int, Meta(ge=60, le=30 * 86_400)] = 86_400
    labels: Labels = {}
    group: Group | None = None


class Enrollment(Shape, frozen=True):
    """A join token, without its secret."""

    id: str
    description: str
    uses: int
    max_uses: int
    labels: dict[str, str]
    group: str | None
    created_by: str
    created_at: datetime
    expires_at: datetime


class EnrollmentSecret(Shape, frozen=True):
    """Shown once. `agent_json` is the content of the new agent's configuration file."""

    enrollment: Enrollment
    join_token: str
    agent_json: dict[str, str]


# --- tokens


class NewToken(Shape, frozen=True):
    """`expires_in_seconds` null: never expires."""

    name: Name
    role: RoleName
    expires_in_seconds: Annotated[int, Meta(ge=60, le=3650 * 86_400)] | None = None


class Token(Shape, frozen=True):
    """An access token, without its secret."""

    id: str
    name: str
    role: RoleName
    created_by: str
    created_at: datetime
    expires_at: datetime | None


class TokenSecret(Shape, frozen=True):
    """Shown once."""

    token: Token
    secret: str


# --- envelopes


class Page(Shape, frozen=True):
    """A page of a list; `next` is the cursor of the next one, null at the end."""

    items: list[Any]
    next: str | None


class TomlFault(Shape, frozen=True):
    """Where a definition is wrong."""

    line: int | None
    column: int | None
    key: str | None
