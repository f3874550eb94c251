"""Ids that sort by time. For entry points: ids are arguments everywhere else."""

from datetime import datetime

from ulid import ULID


def new_ulid(now: datetime) -> str:
    """26 characters: 48 bits of milliseconds, 80 random bits."""
    return str(ULID.from_datetime(now))
