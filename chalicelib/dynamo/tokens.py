"""The tokens' table: access tokens of people and programs."""

from datetime import datetime

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.access.principal import Role
from chalicelib.access.scope import EVERYTHING
from chalicelib.access.token import Token
from chalicelib.dynamo.access_attributes import ByAttribute, ScopeAttribute
from chalicelib.dynamo.base import (
    InstantAttribute,
    TableMeta,
    decode_cursor,
    page,
    passed,
    table_name,
)
from chalicelib.dynamo.transport import TableModel


class TokenItem(TableModel):
    """See `Token`. An expired token stays in the list until it is revoked."""

    class Meta(TableMeta):
        table_name = table_name("tokens")

    token_id = UnicodeAttribute(hash_key=True)
    name = UnicodeAttribute()
    role = UnicodeAttribute()
    secret_hash = UnicodeAttribute()
    created_by = ByAttribute()
    created_at = InstantAttribute()
    expires_at = InstantAttribute(null=True)
    scope = ScopeAttribute(null=True)  # none where it is everything
    last_used_at = InstantAttribute(null=True)


def _value(item: TokenItem) -> Token:
    return Token(
        id=item.token_id,
        name=item.name,
        role=Role(item.role),
        secret_hash=item.secret_hash,
        created_by=item.created_by,
        created_at=item.created_at,
        expires_at=item.expires_at,
        scope=item.scope or EVERYTHING,
        last_used_at=item.last_used_at,
    )


def create(token: Token) -> None:
    """Raises when the id is taken, which a random id never is."""
    TokenItem(
        token.id,
        name=token.name,
        role=token.role.value,
        secret_hash=token.secret_hash,
        created_by=token.created_by,
        created_at=token.created_at,
        expires_at=token.expires_at,
        scope=None if token.scope.is_everything else token.scope,
    ).save(condition=TokenItem.token_id.does_not_exist())


def get(token_id: str) -> Token | None:
    """The token, or None."""
    try:
        return _value(TokenItem.get(token_id, consistent_read=True))
    except DoesNotExist:
        return None


def note_used(token_id: str, now: datetime) -> bool:
    """False when it was revoked meanwhile."""
    return passed(
        lambda: TokenItem(token_id).update(
            actions=[TokenItem.last_used_at.set(now)], condition=TokenItem.token_id.exists()
        )
    )


def search(limit: int, cursor: str | None) -> tuple[list[Token], str | None]:
    """A page of all tokens. A scan: their number does not grow with history."""
    found, following = page(
        TokenItem.scan(limit=limit, last_evaluated_key=decode_cursor(cursor), consistent_read=True)
    )
    return sorted((_value(item) for item in found), key=lambda token: token.created_at), following


def revoke(token_id: str) -> bool:
    """False when there is no such token."""
    return passed(lambda: TokenItem(token_id).delete(condition=TokenItem.token_id.exists()))
