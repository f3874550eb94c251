"""Runs and jobs that a caller asks for: those that there are, and are inside of its scope.

What is outside is answered as what is not there. Each costs one read.
"""

from collections.abc import Iterable

from chalicelib.access.scope import Scope, together
from chalicelib.dynamo import contexts, jobs, run_pages, runs
from chalicelib.errors import NotFound
from chalicelib.runs.context import Context
from chalicelib.runs.job import Job, JobKey
from chalicelib.runs.run import Progress, Run, RunStep
from chalicelib.runs.run_page import RunPage


def no_run(run_id: str) -> NotFound:
    """What is said of a run that there is not."""
    return NotFound(f"There is no run with the id '{run_id}'.")


def no_job(job_id: str) -> NotFound:
    """What is said of a job that there is not."""
    return NotFound(f"There is no job '{job_id}' in the run, or its turn has not come yet.")


def _holds(scope: Scope, run: Run, steps: Iterable[RunStep] = ()) -> bool:
    """Where the agents of steps are shown, those of one that has not begun are asked too: the run
    itself learns of them when it begins."""
    return scope.holds_run(run.task_id, together([run.reach, *(step.reach for step in steps)]))


def existing_run(run_id: str, scope: Scope) -> Run:
    """Raises NotFound."""
    run = runs.get(run_id)
    if run is None or not _holds(scope, run):
        raise no_run(run_id)
    return run


def existing_head(run_id: str, scope: Scope) -> Progress:
    """The run with its steps, without jobs and the agents of wide steps. Raises NotFound."""
    head = run_pages.head(run_id)
    if head is None or not _holds(scope, head.run, head.steps):
        raise no_run(run_id)
    return head


def existing_page(run_id: str, scope: Scope) -> RunPage:
    """The run as it is shown. Raises NotFound."""
    page = run_pages.look(run_id)
    if page is None or not _holds(scope, page.run, (each.step for each in page.steps)):
        raise no_run(run_id)
    return page


def existing_job(key: JobKey, scope: Scope) -> Job:
    """Raises NotFound. Its run is read with it only where there is a scope to be asked."""
    if not scope.is_everything:
        return job_with_context(key, scope)[0]
    job = jobs.get(key)
    if job is None:
        raise no_job(key.job_id)
    return job


def job_with_context(key: JobKey, scope: Scope) -> tuple[Job, Context]:
    """A job and what stands around it. Raises NotFound."""
    found = contexts.job_with_context(key)
    if found is None or not _holds(scope, found[1].run):
        raise no_job(key.job_id)
    return found
