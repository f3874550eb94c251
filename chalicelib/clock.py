"""The clock. For entry points: instants are arguments everywhere else."""

from datetime import datetime, timezone


def read() -> datetime:
    """The present instant in UTC, in whole milliseconds: what is stored reads back equal."""
    now = datetime.now(timezone.utc)  # noqa: TID251 - the one place
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
