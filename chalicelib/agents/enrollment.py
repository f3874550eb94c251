"""An enrollment: a join token that lets new agents in."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from chalicelib.access.by import By


class Enrollment(msgspec.Struct, frozen=True):
    """A join token as stored. `used_by` are the agents that joined with it."""

    id: str
    secret_hash: str
    description: str
    max_uses: int
    created_by: By
    created_at: datetime
    expires_at: datetime
    labels: Mapping[str, str] = msgspec.field(default_factory=dict)
    group: str | None = None
    used_by: frozenset[str] = frozenset()
