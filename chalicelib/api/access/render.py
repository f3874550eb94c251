"""From callers and tokens to their shapes, and back."""

from typing import cast

from chalicelib.access import by as by_core
from chalicelib.access.principal import PERMISSIONS, Principal
from chalicelib.access.scope import Scope
from chalicelib.access.token import Token
from chalicelib.api import shapes as api_shapes
from chalicelib.api.access import shapes


def by(value: by_core.By) -> api_shapes.By:
    """Who did something."""
    return api_shapes.By(kind=value.kind.value, id=value.id, name=value.name)


def scope(value: Scope) -> shapes.Scope:
    """What a role is narrowed to."""
    return shapes.Scope(list(value.tasks), dict(value.labels), list(value.groups))


def scope_value(shape: shapes.NewScope) -> Scope:
    """As the product knows it: each task and group once."""
    tasks, groups = dict.fromkeys(shape.tasks), dict.fromkeys(shape.groups)
    return Scope(tuple(tasks), shape.labels, tuple(groups))


def principal(value: Principal) -> shapes.Principal:
    """Who calls."""
    return shapes.Principal(
        id=value.id,
        name=value.name,
        role=cast(shapes.RoleName, value.role.value),
        permissions=sorted(permission.value for permission in PERMISSIONS[value.role]),
        scope=scope(value.scope),
    )


def token(value: Token) -> shapes.Token:
    """An access token without its secret."""
    return shapes.Token(
        id=value.id,
        name=value.name,
        role=cast(shapes.RoleName, value.role.value),
        scope=scope(value.scope),
        created_by=by(value.created_by),
        created_at=value.created_at,
        expires_at=value.expires_at,
        last_used_at=value.last_used_at,
    )
