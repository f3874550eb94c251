"""The shapes of callers and their tokens."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from chalicelib.api.shapes import Name, Shape

RoleName = Literal["viewer", "trigger", "operator", "admin"]


class Principal(Shape, frozen=True):
    """Who the caller is, and what it may do."""

    id: str
    name: str
    role: RoleName
    permissions: list[str]


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
