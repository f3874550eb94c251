"""Stopping a run: what has not started never will, what runs is asked to end."""

from datetime import datetime

from chalicelib.dynamo import runs
from chalicelib.errors import Conflict, NotFound
from chalicelib.job import JobState
from chalicelib.operations.advance import advance
from chalicelib.run import Run


def existing_run(run_id: str) -> Run:
    """Raises NotFound."""
    run = runs.get(run_id)
    if run is None:
        raise NotFound(f"There is no run with the id '{run_id}'.")
    return run


def cancel(run_id: str, *, cancelled_by: str, now: datetime) -> Run:
    """Cancels a run; once more does no harm. Raises NotFound, and Conflict after its end."""
    if not runs.stop(run_id, JobState.CANCELLED, f"Cancelled by {cancelled_by}."):
        run = existing_run(run_id)
        if run.state.is_terminal:
            raise Conflict(f"The run has ended already: {run.state.value}.")
    return advance(run_id, now) or existing_run(run_id)
