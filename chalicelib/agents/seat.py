"""The seat: one process at a time works under an agent's identity. Pure, see ADR 25.

| who sends a heartbeat | gets the seat |
| --- | --- |
| whoever holds it, and whoever comes first | at once |
| the same work directory of a machine that has not restarted: the same instance | at once |
| another instance | when the holder is offline, or has left |
| another instance | when the seat has lapsed, and its holder did not come when it was rung |
"""

from datetime import datetime, timedelta

import msgspec

from chalicelib.agents.absence import Absences

UNNAMED = "unnamed"  # the instance of an agent that names none
KNOCK = timedelta(seconds=20)  # for which a holder that was rung may still come
SHOWN = timedelta(days=1)  # after which a refusal is no news


class SecondProcess(msgspec.Struct, frozen=True):
    """A process that was refused the seat: on which machine, and when last."""

    hostname: str
    address: str
    at: datetime


class Heard(msgspec.Struct, frozen=True):
    """The answer to the heartbeat of whoever holds the seat. `cancels` are leases whose jobs it
    should end, `absences` the last ones, of which one may not be known to have ended."""

    cancels: frozenset[str] = frozenset()
    conflict: SecondProcess | None = None
    absences: Absences = ()


def seat_until(now: datetime, ttl_seconds: int) -> datetime:
    """Until when nobody else gets the seat of whoever is heard of now."""
    return now + timedelta(seconds=ttl_seconds)


def polls_until(now: datetime, ttl_seconds: int) -> datetime:
    """Until when its polls are carried out without a look at the seat: sooner, so that the last one
    of them is over when the seat goes to somebody else."""
    return now + timedelta(seconds=ttl_seconds) * 2 / 3


def shown(conflict: SecondProcess | None, now: datetime) -> SecondProcess | None:
    """What people should see of it."""
    return conflict if conflict is not None and now - conflict.at <= SHOWN else None
