"""Tokens: `<prefix>_<id>_<64 hex digits>`. The id finds the item, the rest is kept as SHA-256.

The prefix lets secret scanners find leaks: `plb` people and programs, `pla` agents, `plj` joining.
"""

import hashlib
import hmac
from datetime import datetime, timedelta

import msgspec

from chalicelib.access.by import By
from chalicelib.access.principal import Role
from chalicelib.access.scope import EVERYTHING, Scope

SECRET_HEX_DIGITS = 64  # 256 random bits
USED_EVERY = timedelta(hours=1)  # a use is noted: whoever asks wants to know of days


class Token(msgspec.Struct, frozen=True):
    """An access token as stored. `last_used_at` is up to `USED_EVERY` old."""

    id: str
    name: str
    role: Role
    secret_hash: str
    created_by: By
    created_at: datetime
    expires_at: datetime | None = None
    scope: Scope = EVERYTHING
    last_used_at: datetime | None = None

    def is_use_news(self, now: datetime) -> bool:
        """Whether a use at this time should be noted."""
        return self.last_used_at is None or now - self.last_used_at >= USED_EVERY


class Credential(msgspec.Struct, frozen=True):
    """A token as a caller sends it."""

    prefix: str
    id: str
    secret: str

    def __str__(self) -> str:
        return f"{self.prefix}_{self.id}_{self.secret}"

    def matches(self, secret_hash: str) -> bool:
        """Compared in constant time."""
        return hmac.compare_digest(hash_secret(self.secret), secret_hash)


def parse_credential(text: str) -> Credential | None:
    """None when it has not the form of a token."""
    parts = text.strip().split("_")
    if len(parts) != 3 or parts[0] not in ("plb", "pla", "plj"):
        return None
    prefix, identity, secret = parts
    if not identity or len(identity) > 64 or not is_secret(secret):
        return None
    return Credential(prefix, identity, secret)


def is_secret(text: str) -> bool:
    """Whether it is 64 lower-case hex digits."""
    return len(text) == SECRET_HEX_DIGITS and not set(text) - set("0123456789abcdef")


def hash_secret(secret: str) -> str:
    """SHA-256 as hex; the secrets are random, so no salt or slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()
