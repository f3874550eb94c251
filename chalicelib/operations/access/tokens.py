"""Making and revoking access tokens."""

from datetime import datetime, timedelta

from chalicelib.access.principal import Role
from chalicelib.access.token import Credential, Token, hash_secret
from chalicelib.dynamo import tokens
from chalicelib.errors import NotFound
from chalicelib.operations.access.authentication import forget


def create_token(
    name: str,
    role: Role,
    *,
    token_id: str,
    secret: str,
    created_by: str,
    expires_in_seconds: int | None,
    now: datetime,
) -> tuple[Token, str]:
    """A new token, and its text to be shown once."""
    expires = None if expires_in_seconds is None else now + timedelta(seconds=expires_in_seconds)
    token = Token(token_id, name, role, hash_secret(secret), created_by, now, expires)
    tokens.create(token)
    return token, str(Credential("plb", token_id, secret))


def bootstrap_admin(*, now: datetime, token_id: str, secret: str) -> str:
    """The first admin token of a new installation, for whoever may write to its tables."""
    _, text = create_token(
        "bootstrap",
        Role.ADMIN,
        token_id=token_id,
        secret=secret,
        created_by="installation",
        expires_in_seconds=None,
        now=now,
    )
    return text


def revoke_token(token_id: str) -> None:
    """Raises NotFound."""
    if not tokens.revoke(token_id):
        raise NotFound(f"There is no token with the id '{token_id}'.")
    forget(token_id)
