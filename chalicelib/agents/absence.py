"""When an agent was away: the last times, for people to look at. Pure."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec.structs import replace

# An agent's presence is written with each heartbeat, and paid for by the kilobyte.
KEPT = 10


class Absence(msgspec.Struct, frozen=True):
    """From when the agent was heard of last before it went, until it was back; None while it is
    away."""

    since: datetime
    until: datetime | None


Absences = tuple[Absence, ...]


def gone(absences: Sequence[Absence], since: datetime) -> Absences:
    """With one more, that has begun. The oldest are forgotten."""
    return (*absences, Absence(since, None))[-KEPT:]


def is_away(absences: Sequence[Absence]) -> bool:
    """Whether the last one has not ended."""
    return bool(absences) and absences[-1].until is None


def back(absences: Sequence[Absence], until: datetime) -> Absences:
    """With the last one ended; as they are when it was."""
    if not is_away(absences):
        return tuple(absences)
    return (*absences[:-1], replace(absences[-1], until=until))
