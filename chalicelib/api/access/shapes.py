"""The shapes of callers and their tokens."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chalicelib.access.scope import MAX_GROUPS, MAX_LABELS, MAX_TASKS
from chalicelib.agents.agent import (
    MAX_GROUP_CHARACTERS,
    MAX_LABEL_KEY_CHARACTERS,
    MAX_LABEL_VALUE_CHARACTERS,
)
from chalicelib.api.inputs import in_one_form
from chalicelib.api.shapes import By, Name, Shape

RoleName = Literal["viewer", "trigger", "operator", "admin"]
TaskId = Annotated[str, Meta(min_length=1, max_length=64)]
LabelKey = Annotated[str, Meta(min_length=1, max_length=MAX_LABEL_KEY_CHARACTERS)]
LabelValue = Annotated[str, Meta(max_length=MAX_LABEL_VALUE_CHARACTERS)]
GroupName = Annotated[str, Meta(min_length=1, max_length=MAX_GROUP_CHARACTERS)]


class NewScope(Shape, frozen=True):
    """What a role is narrowed to: these tasks, and agents that have all the labels and are in one
    of the groups. What is empty narrows nothing."""

    tasks: Annotated[list[TaskId], Meta(max_length=MAX_TASKS)] = msgspec.field(default_factory=list)
    labels: Annotated[dict[LabelKey, LabelValue], Meta(max_length=MAX_LABELS)] = msgspec.field(
        default_factory=dict
    )
    groups: Annotated[list[GroupName], Meta(max_length=MAX_GROUPS)] = msgspec.field(
        default_factory=list
    )

    def __post_init__(self) -> None:
        in_one_form(self, "tasks", "labels", "groups")


class Scope(Shape, frozen=True):
    """What a role is narrowed to."""

    tasks: list[str]
    labels: dict[str, str]
    groups: list[str]


class Principal(Shape, frozen=True):
    """Who the caller is, and what it may do on what."""

    id: str
    name: str
    role: RoleName
    permissions: list[str]
    scope: Scope


class NewToken(Shape, frozen=True):
    """`expires_in_seconds` null: never expires."""

    name: Name
    role: RoleName
    expires_in_seconds: Annotated[int, Meta(ge=60, le=3650 * 86_400)] | None = None
    scope: NewScope = msgspec.field(default_factory=NewScope)

    def __post_init__(self) -> None:
        in_one_form(self, "name")


class Token(Shape, frozen=True):
    """An access token, without its secret. `last_used_at` is up to an hour old."""

    id: str
    name: str
    role: RoleName
    scope: Scope
    created_by: By
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class TokenSecret(Shape, frozen=True):
    """Shown once."""

    token: Token
    secret: str
