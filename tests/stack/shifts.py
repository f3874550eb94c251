"""A scheduled function's time, under a clock that a test moves."""

from datetime import datetime, timedelta

from chalicelib.operations.shift import HANDS, Shift


def shift(now: datetime, hands: int = HANDS) -> Shift:
    """One in which the clock stands still: it lasts until nothing is left to be done."""
    return Shift(lambda: now, now + timedelta(minutes=1), hands)
