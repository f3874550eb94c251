"""What the paths of runs and jobs name, loaded once: as `on=` of routes."""

from chalicelib.api.routing import Request
from chalicelib.errors import NotFound
from chalicelib.operations.runs import existing
from chalicelib.runs.context import Context
from chalicelib.runs.job import Job, JobKey
from chalicelib.runs.run import Progress, Run
from chalicelib.runs.run_page import RunPage


def run(request: Request, run_id: str) -> Run:
    """The run alone."""
    return existing.existing_run(run_id.upper(), request.scope)


def run_id(request: Request, run_id: str) -> str:
    """The run's id: for a view that sees for itself whether it is there, so that only a caller with
    a scope costs a read here."""
    if not request.scope.is_everything:
        head(request, run_id)  # with its steps: their agents may be shown before they begin
    return run_id.upper()


def head(request: Request, run_id: str) -> Progress:
    """The run with its steps, without jobs and the agents of wide steps."""
    return existing.existing_head(run_id.upper(), request.scope)


def page(request: Request, run_id: str) -> RunPage:
    """The run as it is shown."""
    return existing.existing_page(run_id.upper(), request.scope)


def key(run_id: str, job_id: str) -> JobKey:
    """Raises NotFound for an id that no job has."""
    parsed = JobKey.parse(run_id.upper(), job_id)
    if parsed is None:
        raise NotFound(f"There is no job '{job_id}': ids have the form <step>-<agent id>.")
    return parsed


def job(request: Request, run_id: str, job_id: str) -> Job:
    """One job."""
    return existing.existing_job(key(run_id, job_id), request.scope)


def job_with_context(request: Request, run_id: str, job_id: str) -> tuple[Job, Context]:
    """One job, with what stands around it."""
    return existing.job_with_context(key(run_id, job_id), request.scope)
