"""A run in a few lines, for whoever looks into a violation."""

from typing import Any

from chalicelib.runs.job import Job
from chalicelib.runs.run import Progress


def described(progress: Progress) -> dict[str, Any]:
    """States, and for each job: its slot's origin, its successor, and when it is looked at."""
    return {
        "run": progress.run.id,
        "state": progress.run.state.value,
        "held": progress.run.is_held,
        "jobs": {
            step.number: [_shown(job) for job in progress.jobs_of(step).values()]
            for step in progress.steps
        },
    }


def _shown(job: Job) -> str:
    return f"{job.index} {job.state.value} {job.origin}>{job.successor} {job.due_at}"
