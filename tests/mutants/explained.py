"""Wrongs that change nothing that anybody could see: no test can notice them, and each says why."""

from typing import NamedTuple


class Explained(NamedTuple):
    """A wrong as the run prints it, without its line."""

    file: str
    right: str
    wrong: str
    reason: str


_SCHEDULE = "chalicelib/tasks/schedule.py"

EXPLAINED = (
    Explained(
        _SCHEDULE,
        "oldest >= on_time_since",
        "(oldest > on_time_since)",
        "the look that follows finds a time at that very instant too",
    ),
    Explained(
        _SCHEDULE,
        "instant > last",
        "(instant >= last)",
        "cronsim gives no instant twice, and none at which it began",
    ),
    Explained(
        _SCHEDULE,
        "now - span",
        "(now + span)",
        "the last look, over all of the time, finds the same; it only takes longer",
    ),
)
