"""Turns: of the runs of a task that exclude each other, one has its turn. Pure."""

from datetime import datetime, timedelta

import msgspec

from chalicelib.runs.run import Run

# A turn may be taken so long before its run is there: within the life of the handler that triggers
# it, or of a call that this one gave up waiting for. AWS takes a call for five minutes.
UNBORN_FOR = timedelta(minutes=6)


class Turn(msgspec.Struct, frozen=True):
    """Which run has its turn, and since when."""

    run_id: str
    taken_at: datetime

    def is_over(self, run: Run | None, now: datetime) -> bool:
        """Whether another may have it, given its run: None for one that is not there."""
        if run is None:
            return now - self.taken_at > UNBORN_FOR
        return run.state.is_terminal
