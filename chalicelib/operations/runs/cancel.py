"""Stopping a run: what has not started never will, what runs is asked to end."""

from datetime import datetime

from chalicelib.access.by import By
from chalicelib.access.scope import EVERYTHING
from chalicelib.dynamo import jobs, runs
from chalicelib.errors import Conflict
from chalicelib.operations.runs.advance import advance, request_cancel
from chalicelib.operations.runs.ending import end_job
from chalicelib.operations.runs.existing import job_with_context
from chalicelib.runs.context import Context
from chalicelib.runs.job import ACTIVE, Ending, Job, JobState
from chalicelib.runs.run import Run

LOOKS_AT_MOST = 5  # at a job that moves on while it is being cancelled


def cancel(run: Run, *, cancelled_by: By, now: datetime) -> Run:
    """Cancels a run; once more does no harm. Raises Conflict after its end."""
    reason = f"Cancelled by {cancelled_by.name}."
    if not runs.stop(run.id, JobState.CANCELLED, reason, cancelled_by):
        run = runs.get(run.id) or run
        if run.state.is_terminal:
            raise Conflict(f"The run has ended already: {run.state.value}.")
    return advance(run.id, now) or run


def cancel_job(found: tuple[Job, Context], *, cancelled_by: By, now: datetime) -> Job:
    """Cancels one job; its run goes on as after any failure. Once more does no harm.

    Raises Conflict for a job that has ended or has not begun, and NotFound when it is gone.
    """
    key = found[0].key
    for _ in range(LOOKS_AT_MOST):
        job, context = found
        if job.state.is_terminal:
            raise Conflict(f"The job has ended already: {job.state.value}.")
        if job.state in ACTIVE:
            if request_cancel(job, JobState.CANCELLED, now, cancelled_by):
                return jobs.get(key) or job
        else:
            reason = f"Cancelled by {cancelled_by.name}."
            ending = Ending(JobState.CANCELLED, reason=reason, by=cancelled_by)
            if (ended := end_job(context, job, ending, jobs.end, now)) is not None:
                return ended
        # It was claimed, or goes to its next attempt: what it is now can be cancelled as well.
        found = job_with_context(key, EVERYTHING)
    raise Conflict("The job changes faster than it can be cancelled. Repeat the call.")
