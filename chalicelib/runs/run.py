"""A run: its states, what is frozen in it, and how far it has come. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import cached_property

import msgspec
from msgspec.structs import replace

from chalicelib.access.by import By
from chalicelib.access.scope import EVERYTHING, NOWHERE, Reach, Scope, together
from chalicelib.runs.job import Job, JobKey, JobState
from chalicelib.runs.wave import Gate, Wave, max_failures, waves
from chalicelib.tasks.task import Concurrency, Step, When


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


class Trigger(str, Enum):
    """What started a run."""

    PERSON = "person"
    SCHEDULE = "schedule"
    RETRY = "retry"
    COMMAND = "command"


class RunStep(msgspec.Struct, frozen=True, dict=True):
    """A step as frozen in a run. Its agents are chosen when it starts: `size` is None before.

    `agents` are their names by id, in the order of the roster; those of a step with many, which
    are stored under `roster_id`, are there only where the whole run was read. `problem` says why
    none could be chosen; `size` is 0 then. `reach` is what the agents had when they were chosen.
    """

    step: Step
    size: int | None = None
    roster_id: str | None = None
    agents: Mapping[str, str] = msgspec.field(default_factory=dict)
    problem: str | None = None
    reach: Reach = NOWHERE

    @property
    def number(self) -> int:
        """Counts from 1."""
        return self.step.number

    @property
    def may_be_empty(self) -> bool:
        """Whether it ends well without any agents."""
        return self.step.targets.allow_empty and self.problem is None

    @cached_property
    def roster(self) -> tuple[str, ...]:
        """The agents' ids by index."""
        return tuple(self.agents)

    @cached_property
    def waves(self) -> tuple[Wave, ...]:
        """In their order; none before the agents are chosen."""
        return waves(self.step, self.size or 0)


class StepResult(msgspec.Struct, frozen=True):
    """What a step has come to. `counts` are its jobs that have ended, by state."""

    state: JobState
    counts: Mapping[JobState, int]
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def ended(self) -> int:
        """How many jobs have ended."""
        return sum(self.counts.values())


class Run(msgspec.Struct, frozen=True):
    """A run as stored. `stop` is the state that remaining jobs get once the run is to stop.

    `is_held` until earlier runs of the task have ended, for `Concurrency` queue and replace.
    `step` is the number of the step that is under way and `step_size` its jobs; `known` those of
    the steps that have chosen their agents, `size` the same once all have, and None before.
    `results` are those of the steps before that, of all steps when the run has ended. No agent is
    chosen outside of `scope`, under which it was triggered; `reach` is that of all agents that
    have been chosen.
    """

    id: str
    task_id: str
    task_name: str
    revision: int
    step_count: int
    state: RunState
    triggered_by: By
    created_at: datetime
    expires_at: datetime
    trigger: Trigger = Trigger.PERSON
    parameters: Mapping[str, str] = msgspec.field(default_factory=dict)
    concurrency: Concurrency = Concurrency.ALLOW
    is_held: bool = False
    retry_of: str | None = None
    secrets: tuple[str, ...] = ()  # names of the parameters that nobody is shown
    timeout_seconds: float | None = None
    timeout_at: datetime | None = None
    jobs_become: JobState | None = None
    stop_reason: str | None = None
    stopped_by: By | None = None
    reason: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    step: int = 1
    step_size: int = 0
    known: int = 0
    size: int | None = None
    results: tuple[StepResult, ...] = ()
    scope: Scope = EVERYTHING
    reach: Reach = NOWHERE

    @property
    def seconds(self) -> float | None:
        """How long it ran, from its first job's claim to its end; None where it did not."""
        if self.started_at is None or self.ended_at is None:
            return None
        return max(0.0, (self.ended_at - self.started_at).total_seconds())


class Progress(msgspec.Struct, frozen=True, dict=True):
    """A run with all that its partition holds. `gates` are those of waves, by step and wave."""

    run: Run
    steps: Sequence[RunStep]
    jobs: Sequence[Job] = msgspec.field(default_factory=tuple)
    gates: Mapping[tuple[int, int], Gate] = msgspec.field(default_factory=dict)

    def position(self, number: int) -> int:
        """Of the step with this number: those of a retried run need not begin with 1."""
        return next(at for at, step in enumerate(self.steps) if step.number == number)

    @cached_property
    def _by_step(self) -> Mapping[int, Mapping[int, Job]]:
        found: dict[int, dict[int, Job]] = {step.number: {} for step in self.steps}
        for job in self.jobs:
            found[job.key.step][job.index] = job
        return found

    def jobs_of(self, step: RunStep) -> Mapping[int, Job]:
        """The jobs of a step that have been written, by index."""
        return self._by_step[step.number]


def is_wanted(step: RunStep, has_failed: bool) -> bool:
    """Whether the step runs, given whether a step before it has failed."""
    return {When.SUCCESS: not has_failed, When.FAILURE: has_failed, When.ALWAYS: True}[
        step.step.when
    ]


def is_acceptable(step: RunStep, jobs: Iterable[Job], stop: JobState | None) -> bool:
    """Whether a step that has ended did so well.

    No canary may fail, and no more than MaxFailures of all; what the run's stop ended is never
    acceptable, and neither is a step that found no agents, unless that is allowed.
    """
    if not step.size:
        return step.may_be_empty
    failed = [job for job in jobs if job.has_failed]
    if any(job.state is stop for job in failed):
        return False
    canaries = step.waves[0].end if step.step.canary else 0
    if any(job.index < canaries for job in failed):
        return False
    return len(failed) <= max_failures(step.step, step.size)


def outcome(states: Iterable[JobState]) -> RunState:
    """What jobs that ended so make of their step, when it is not acceptable, and of their run."""
    seen = set(states) - {JobState.SUCCEEDED, JobState.SKIPPED}
    if JobState.CANCELLED in seen:
        return RunState.CANCELLED
    if JobState.TIMED_OUT in seen:
        return RunState.TIMED_OUT
    return RunState.FAILED


def step_state(run: Run, step: RunStep, jobs: Mapping[int, Job]) -> JobState:
    """A step's state, derived from its jobs; `skipped` when the run ended without it."""
    if step.size == 0:
        return JobState.SUCCEEDED if step.may_be_empty else JobState.FAILED
    states = {job.state for job in jobs.values()}
    if not states:
        return JobState.SKIPPED if run.state.is_terminal else JobState.WAITING
    if not has_ended(run, step, jobs):
        return JobState.RUNNING if states - {JobState.QUEUED} else JobState.QUEUED
    if is_acceptable(step, jobs.values(), run.jobs_become):
        return JobState.SUCCEEDED if len(jobs) == step.size else run.jobs_become or JobState.SKIPPED
    return JobState(outcome(states).value)


def has_ended(run: Run, step: RunStep, jobs: Mapping[int, Job]) -> bool:
    """Whether nothing of the step is active, and nothing more of it will be."""
    if step.size is None:
        return run.state.is_terminal
    if any(not job.state.is_terminal for job in jobs.values()):
        return False
    return run.state.is_terminal or run.jobs_become is not None or has_run(step, jobs)


def has_run(step: RunStep, jobs: Mapping[int, Job]) -> bool:
    """Whether a step with no open jobs was carried out, as far as its failures let it."""
    return len(jobs) == step.size or any(
        wave.is_closed(sum(job.has_failed for index, job in jobs.items() if wave.holds(index)))
        for wave in step.waves
    )


def result(run: Run, step: RunStep, jobs: Mapping[int, Job]) -> StepResult:
    """What the jobs of a step say; those that never will be written are `skipped`."""
    counts = Counter(job.state for job in jobs.values() if job.state.is_terminal)
    unwritten = (step.size or 0) - len(jobs)
    if unwritten and has_ended(run, step, jobs):
        counts[JobState.SKIPPED] += unwritten
    state = step_state(run, step, jobs)
    started = [job.started_at for job in jobs.values() if job.started_at is not None]
    ended = [job.ended_at for job in jobs.values() if job.ended_at is not None]
    ended_at = max(ended, default=None) if state.is_terminal else None
    return StepResult(state, dict(counts), min(started, default=None), ended_at)


def at_step(progress: Progress, number: int) -> Run:
    """The run with its step `number` under way, and with the results of the steps before it."""
    steps, position = progress.steps, progress.position(number)
    sizes = [step.size for step in steps if step.size is not None]
    return replace(
        progress.run,
        step=number,
        step_size=steps[position].size or 0,
        known=sum(sizes),
        size=sum(sizes) if len(sizes) == len(steps) else None,
        results=tuple(_passed(progress, step) for step in steps[:position]),
        reach=together(step.reach for step in steps),
    )


def _passed(progress: Progress, step: RunStep) -> StepResult:
    """The result of a step after which another one has begun."""
    jobs = progress.jobs_of(step)
    if not jobs and step.size != 0:
        return StepResult(JobState.SKIPPED, {JobState.SKIPPED: step.size} if step.size else {})
    return result(progress.run, step, jobs)


def at_end(progress: Progress, state: RunState) -> tuple[StepResult, ...]:
    """The results of all steps of a run that ends so."""
    ended = replace(progress.run, state=state)
    return tuple(result(ended, step, progress.jobs_of(step)) for step in progress.steps)


def all_jobs(progress: Progress, step: RunStep) -> list[Job]:
    """The jobs of a step in the order of its agents, also those that have not been written."""
    written = progress.jobs_of(step)
    state = JobState.SKIPPED if has_ended(progress.run, step, written) else JobState.WAITING
    return [
        written.get(index)
        or Job(JobKey(progress.run.id, step.number, agent_id), state, index, agent_name=name)
        for index, (agent_id, name) in enumerate(step.agents.items())
    ]
