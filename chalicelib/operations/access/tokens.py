"""Making and revoking access tokens."""

from datetime import datetime, timedelta

from chalicelib.access.by import INSTALLATION, By
from chalicelib.access.principal import Role
from chalicelib.access.scope import EVERYTHING, OutOfScope, Scope
from chalicelib.access.token import Credential, Token, hash_secret
from chalicelib.dynamo import tasks, tokens
from chalicelib.errors import BadParameter, Conflict, NotFound
from chalicelib.operations.access.authentication import forget

LOOKED_AT = 100  # tokens in one call


def create_token(
    name: str,
    role: Role,
    *,
    token_id: str,
    secret: str,
    created_by: By,
    expires_in_seconds: int | None,
    now: datetime,
    scope: Scope = EVERYTHING,
    within: Scope = EVERYTHING,
) -> tuple[Token, str]:
    """A new token, and its text to be shown once. `within` is the scope of who makes it.

    Raises OutOfScope for a wider scope than that, and BadParameter for tasks that are not known.
    """
    _check(scope, within)
    expires = None if expires_in_seconds is None else now + timedelta(seconds=expires_in_seconds)
    token = Token(token_id, name, role, hash_secret(secret), created_by, now, expires, scope)
    tokens.create(token)
    return token, str(Credential("plb", token_id, secret))


def _check(scope: Scope, within: Scope) -> None:
    if not within.holds(scope):
        raise OutOfScope(
            f"A token cannot make one that is wider than itself: this one is narrowed to "
            f"{within.describe()}, the new one would be to {scope.describe()}."
        )
    known = {task.id for task in tasks.named(scope.tasks)} if scope.tasks else set()
    if unknown := set(scope.tasks) - known:
        raise BadParameter(f"There is no task with the id '{min(unknown)}'.")


def _is_admin(token: Token, now: datetime) -> bool:
    is_valid = token.expires_at is None or now < token.expires_at
    return token.role is Role.ADMIN and token.scope.is_everything and is_valid


def _is_there_another(token: Token, now: datetime) -> bool:
    """Reads tokens until one is found: a call for a hundred."""
    cursor: str | None = None
    while True:
        found, cursor = tokens.search(LOOKED_AT, cursor)
        if any(each.id != token.id and _is_admin(each, now) for each in found):
            return True
        if cursor is None:
            return False


def bootstrap_admin(*, now: datetime, token_id: str, secret: str) -> str:
    """The first admin token of a new installation, for whoever may write to its tables."""
    _, text = create_token(
        "bootstrap",
        Role.ADMIN,
        token_id=token_id,
        secret=secret,
        created_by=INSTALLATION,
        expires_in_seconds=None,
        now=now,
    )
    return text


def existing_token(token_id: str, within: Scope = EVERYTHING) -> Token:
    """Raises NotFound, also for a token with a scope that is not within this one."""
    token = tokens.get(token_id)
    if token is None or not within.holds(token.scope):
        raise NotFound(f"There is no token with the id '{token_id}'.")
    return token


def revoke_token(token: Token, now: datetime, *, is_forced: bool = False) -> None:
    """Raises NotFound when it is gone, and Conflict for the last one that lets an admin in, unless
    it is forced. Two who revoke the last two at the same moment are not kept from it."""
    if not is_forced and _is_admin(token, now) and not _is_there_another(token, now):
        raise Conflict(
            "This is the last token of an admin without a scope: nobody could make another one. "
            "Make one first, or force it."
        )
    if not tokens.revoke(token.id):
        raise NotFound(f"There is no token with the id '{token.id}'.")
    forget(token.id)
