"""Ids that sort by time. For entry points: ids are arguments everywhere else."""

from datetime import datetime

from ulid import ULID


def new_ulid(now: datetime) -> str:
    """26 characters: 48 bits of milliseconds, 80 random bits."""
    return str(ULID.from_datetime(now))


def derived_ulid(now: datetime, digest: bytes) -> str:
    """A ULID that has bytes of a digest in place of random ones: the same for the same of both."""
    milliseconds = ULID.from_datetime(now).milliseconds
    return str(ULID(milliseconds.to_bytes(6, "big") + digest[:10]))


def lowest_ulid(at: datetime) -> str:
    """The lowest one of an instant: every ULID that is lower was made earlier."""
    return str(ULID(ULID.from_datetime(at).milliseconds.to_bytes(6, "big") + bytes(10)))


def instant_of(ulid: str) -> datetime:
    """When it was made, in UTC."""
    return ULID.from_str(ulid).datetime
