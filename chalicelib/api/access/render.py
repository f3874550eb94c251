"""From callers and tokens to their shapes."""

from typing import cast

from chalicelib.access.principal import PERMISSIONS, Principal
from chalicelib.access.token import Token
from chalicelib.api.access import shapes


def principal(value: Principal) -> shapes.Principal:
    """Who calls."""
    return shapes.Principal(
        id=value.id,
        name=value.name,
        role=cast(shapes.RoleName, value.role.value),
        permissions=sorted(permission.value for permission in PERMISSIONS[value.role]),
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
