"""Cursors: where a list goes on, as text that only this installation can have made.

A version, 16 bytes of HMAC-SHA-256, and the place; so whoever keeps a list takes the place as its
own. What list it is goes into the HMAC, with what it was filtered by and the caller's scope: a
cursor of another list would lead somewhere, and to nothing that was asked for. ADR 27.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from functools import lru_cache

from chalicelib.access.scope import Scope
from chalicelib.dynamo import installation
from chalicelib.errors import BadParameter

VERSION = 1
MAC_BYTES = 16
MAX_CHARACTERS = 8_192  # a search's holds up to three open lines of 1 KiB


class BadCursor(BadParameter):
    """The cursor is not one that this list has answered, with these filters. Begin without one."""


class OldCursor(BadCursor):
    """The cursor is of another version of the control plane. Begin without one."""


def kind(path: str, parts: Mapping[str, str], filters: Mapping[str, str]) -> str:
    """A list, what it is of, and what it was filtered by."""
    return json.dumps([path, sorted(parts.items()), sorted(filters.items())])


def narrowed(kind: str, scope: Scope) -> str:
    """What a cursor is bound to: a list as callers with this scope see it."""
    return json.dumps([kind, scope.tasks, sorted(scope.labels.items()), scope.groups])


def sealed(key: bytes, of: str, place: str) -> str:
    """The cursor of a place in such a list."""
    content = place.encode()
    made = bytes([VERSION]) + _mac(key, of, content) + content
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def opened(key: bytes, of: str, cursor: str) -> str:
    """The place. Raises BadCursor for what was not sealed for such a list."""
    if len(cursor) > MAX_CHARACTERS:
        raise BadCursor
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        made = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadCursor from error
    if len(made) <= MAC_BYTES:
        raise BadCursor
    if made[0] != VERSION:
        raise OldCursor
    mac, content = made[1 : 1 + MAC_BYTES], made[1 + MAC_BYTES :]
    if not hmac.compare_digest(mac, _mac(key, of, content)):
        raise BadCursor
    return content.decode()


def _mac(key: bytes, of: str, content: bytes) -> bytes:
    """The kind is hashed, so that where it ends and the place begins is never in question."""
    said = bytes([VERSION]) + hashlib.sha256(of.encode()).digest() + content
    return hmac.digest(key, said, "sha256")[:MAC_BYTES]


@lru_cache(maxsize=1)
def installation_key() -> bytes:
    """Read at most once in a process that lives on, and by the first list that needs it."""
    return installation.cursor_key(lambda: secrets.token_bytes(installation.KEY_BYTES))
