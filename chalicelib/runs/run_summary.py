"""What is said of a run in a word: what was tolerated in it, and what may be repeated. Pure."""

from enum import Enum

from chalicelib.runs.job import JobState
from chalicelib.runs.run import Run, RunState, StepResult


class RetryWhat(str, Enum):
    """All of it with agents chosen anew, or from the first failed step on: on all of its agents,
    or on exactly those that did not succeed."""

    ALL = "all"
    FAILED_STEP = "failed_step"
    FAILED_AGENTS = "failed_agents"


def failures(found: StepResult) -> int:
    """How many jobs of a step neither succeeded nor were left out."""
    return sum(
        number
        for state, number in found.counts.items()
        if state not in (JobState.SUCCEEDED, JobState.SKIPPED)
    )


def tolerated(found: StepResult) -> int:
    """How many jobs of a step failed although it ended well: `MaxFailures` lets them."""
    return failures(found) if found.state is JobState.SUCCEEDED else 0


def tolerated_failures(run: Run) -> int:
    """The same of all its steps that have ended."""
    return sum(map(tolerated, run.results))


def is_done(found: StepResult) -> bool:
    """Whether all that there was to do in a step succeeded."""
    return found.state is JobState.SUCCEEDED and not found.counts.keys() - {JobState.SUCCEEDED}


def retries(run: Run) -> tuple[RetryWhat, ...]:
    """How the run may be repeated: not while it goes on, and from a failed step only if there is
    one, or one whose failures were tolerated."""
    if not run.state.is_terminal:
        return ()
    has_failed = run.state is not RunState.SUCCEEDED or tolerated_failures(run)
    if not has_failed or all(map(is_done, run.results)):
        return (RetryWhat.ALL,)
    return tuple(RetryWhat)
