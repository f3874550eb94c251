"""A run: its states, and the planner that says what should be written next. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from chalicelib.job import Job, JobState


class RunState(str, Enum):
    """As spelled on the wire, in storage and in the panel."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"

    @property
    def is_terminal(self) -> bool:
        """No state follows."""
        return not TRANSITIONS[self]


_ENDS = frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED, RunState.TIMED_OUT})
TRANSITIONS: dict[RunState, frozenset[RunState]] = {
    RunState.QUEUED: _ENDS | {RunState.RUNNING, RunState.CANCELLING},
    RunState.RUNNING: _ENDS | {RunState.CANCELLING},
    RunState.CANCELLING: _ENDS,
    RunState.SUCCEEDED: frozenset(),
    RunState.FAILED: frozenset(),
    RunState.CANCELLED: frozenset(),
    RunState.TIMED_OUT: frozenset(),
}


def leaves(target: RunState) -> list[RunState]:
    """The states from which `target` may be entered, in the enum's order."""
    return [state for state in RunState if target in TRANSITIONS[state]]


@dataclass(frozen=True)
class RunStep:
    """A step as it was frozen when the run was triggered. `agents` maps agent id to name."""

    number: int
    name: str
    agents: Mapping[str, str]
    path: str | None
    command: str
    env: Mapping[str, str]
    timeout_seconds: float | None


@dataclass(frozen=True)
class Run:
    """A run as stored. `stop` is the state that remaining jobs get once the run is to stop."""

    id: str
    task_id: str
    task_name: str
    revision: int
    step_count: int
    state: RunState
    triggered_by: str
    created_at: datetime
    expires_at: datetime
    timeout_at: datetime | None = None
    stop: JobState | None = None
    stop_reason: str | None = None
    reason: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True)
class Progress:
    """A run with all that its partition holds."""

    run: Run
    steps: Sequence[RunStep]
    jobs: Sequence[Job] = field(default_factory=tuple)

    def jobs_of(self, step: RunStep) -> dict[str, Job]:
        """The jobs of a step that have been written, by agent."""
        return {job.key.agent_id: job for job in self.jobs if job.key.step == step.number}


# --- what the planner asks for


@dataclass(frozen=True)
class Enqueue:
    """Put jobs that do not exist yet: `queued`, or ended at once in the state that a stop gives."""

    step: RunStep
    agent_ids: tuple[str, ...]
    state: JobState
    reason: str | None = None


@dataclass(frozen=True)
class EndQueued:
    """End a job that no agent has claimed."""

    job: Job
    state: JobState
    reason: str | None


@dataclass(frozen=True)
class RequestCancel:
    """Ask the agent to end a job, which then is in `state`."""

    job: Job
    state: JobState


@dataclass(frozen=True)
class EndRun:
    """Bring the run to its terminal state."""

    state: RunState
    reason: str | None


Action = Enqueue | EndQueued | RequestCancel | EndRun


def plan(progress: Progress) -> list[Action]:
    """What should be written next. Nothing, for a run that waits for its agents or has ended.

    May be asked again at any time, by several callers at once: every action is a conditional
    write that does nothing when it has been done before.
    """
    run = progress.run
    if run.state.is_terminal:
        return []
    for step in progress.steps:
        jobs = progress.jobs_of(step)
        missing = tuple(agent_id for agent_id in step.agents if agent_id not in jobs)
        open_jobs = [job for job in jobs.values() if not job.state.is_terminal]
        if missing or open_jobs:
            enqueue: list[Action] = (
                [Enqueue(step, missing, run.stop or JobState.QUEUED, run.stop_reason)]
                if missing
                else []
            )
            return enqueue + _stop(run, open_jobs)
        if outcome(job.state for job in jobs.values()) is not RunState.SUCCEEDED:
            return [_end(progress, step, jobs)]
    return [EndRun(RunState.SUCCEEDED, None)]


def _stop(run: Run, open_jobs: Iterable[Job]) -> list[Action]:
    if run.stop is None:
        return []
    actions: list[Action] = []
    for job in open_jobs:
        if job.state is JobState.QUEUED:
            actions.append(EndQueued(job, run.stop, run.stop_reason))
        elif not job.cancel_requested:
            actions.append(RequestCancel(job, run.stop))
    return actions


def _end(progress: Progress, step: RunStep, jobs: Mapping[str, Job]) -> EndRun:
    state = outcome(job.state for job in jobs.values())
    cause = next(job for job in jobs.values() if outcome([job.state]) is state)
    name = step.agents.get(cause.key.agent_id, cause.key.agent_id)
    return EndRun(state, progress.run.stop_reason or cause.describe_end(step.name, name))


def outcome(states: Iterable[JobState]) -> RunState:
    """The terminal state of a run, from the final states of its jobs alone."""
    seen = set(states) - {JobState.SUCCEEDED, JobState.SKIPPED}
    if not seen:
        return RunState.SUCCEEDED
    if JobState.CANCELLED in seen:
        return RunState.CANCELLED
    if JobState.TIMED_OUT in seen:
        return RunState.TIMED_OUT
    return RunState.FAILED


def step_state(run: Run, jobs: Iterable[Job]) -> JobState:
    """A step's state, derived from its jobs; `skipped` when the run ended before it."""
    states = {job.state for job in jobs}
    if not states:
        return JobState.SKIPPED if run.state.is_terminal else JobState.WAITING
    if any(not state.is_terminal for state in states):
        started = states - {JobState.QUEUED, JobState.WAITING}
        return JobState.RUNNING if started else JobState.QUEUED
    return JobState(outcome(states).value)
