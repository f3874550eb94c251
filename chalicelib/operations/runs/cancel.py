"""Stopping a run: what has not started never will, what runs is asked to end."""

from datetime import datetime

from chalicelib.dynamo import jobs, runs
from chalicelib.dynamo.runs import Context
from chalicelib.errors import Conflict, NotFound
from chalicelib.operations.runs.advance import advance, request_cancel
from chalicelib.operations.runs.ending import end_job
from chalicelib.runs.job import ACTIVE, Ending, Job, JobKey, JobState
from chalicelib.runs.run import Run

LOOKS_AT_MOST = 5  # at a job that moves on while it is being cancelled


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


def cancel_job(key: JobKey, *, cancelled_by: str, now: datetime) -> Job:
    """Cancels one job; its run goes on as after any failure. Once more does no harm.

    Raises NotFound, and Conflict for a job that has ended or has not begun.
    """
    for _ in range(LOOKS_AT_MOST):
        job, context = _with_context(key)
        if job.state.is_terminal:
            raise Conflict(f"The job has ended already: {job.state.value}.")
        if job.state in ACTIVE:
            if request_cancel(job, JobState.CANCELLED):
                return jobs.get(key) or job
        else:
            ending = Ending(JobState.CANCELLED, reason=f"Cancelled by {cancelled_by}.")
            if (ended := end_job(context, job, ending, jobs.end, now)) is not None:
                return ended
        # It was claimed, or goes to its next attempt: what it is now can be cancelled as well.
    raise Conflict("The job changes faster than it can be cancelled. Repeat the call.")


def _with_context(key: JobKey) -> tuple[Job, Context]:
    found = runs.job_with_context(key)
    if found is None:
        raise NotFound(f"There is no job '{key.job_id}' in the run, or its turn has not come yet.")
    return found
