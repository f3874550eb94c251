"""A job: one step of one run on one agent. Its states, and which may follow which."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import msgspec
from msgspec.structs import replace

from chalicelib.access.by import By

STOP_PATIENCE = timedelta(minutes=5)  # with an agent that was asked to end a job, and is there
EXTENDED_AT_MOST = timedelta(minutes=10)  # beyond what a time-out allows
END_GRACE = timedelta(seconds=60)  # for the kill after a time-out and the report of it
KILL_AFTER_SECONDS = 10  # between SIGTERM and SIGKILL
LAST_PATIENCE = timedelta(seconds=KILL_AFTER_SECONDS) + END_GRACE  # with one that has come back


class JobState(str, Enum):
    """As spelled on the wire, in storage and in the panel."""

    WAITING = "waiting"
    QUEUED = "queued"
    CLAIMED = "claimed"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    LOST = "lost"
    UNDELIVERED = "undelivered"
    SKIPPED = "skipped"

    @property
    def is_terminal(self) -> bool:
        """No state follows."""
        return not TRANSITIONS[self]


_ENDED_BY_REPORT = frozenset(
    {JobState.SUCCEEDED, JobState.FAILED, JobState.TIMED_OUT, JobState.CANCELLED, JobState.LOST}
)

TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    JobState.WAITING: frozenset(
        {JobState.QUEUED, JobState.CANCELLED, JobState.TIMED_OUT, JobState.SKIPPED}
    ),
    JobState.QUEUED: frozenset(
        {
            JobState.CLAIMED,
            JobState.UNDELIVERED,
            JobState.CANCELLED,
            JobState.TIMED_OUT,
            JobState.SKIPPED,
        }
    ),
    JobState.CLAIMED: _ENDED_BY_REPORT | {JobState.RUNNING, JobState.QUEUED, JobState.SKIPPED},
    JobState.RUNNING: _ENDED_BY_REPORT | {JobState.QUEUED},
    JobState.SUCCEEDED: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.TIMED_OUT: frozenset(),
    JobState.CANCELLED: frozenset(),
    JobState.LOST: frozenset(),
    JobState.UNDELIVERED: frozenset(),
    JobState.SKIPPED: frozenset(),
}  # fmt: skip

ACTIVE = frozenset({JobState.CLAIMED, JobState.RUNNING})


def leaves(target: JobState) -> list[JobState]:
    """The states from which `target` may be entered, in the enum's order."""
    return [state for state in JobState if target in TRANSITIONS[state]]


class Outcome(str, Enum):
    """How an attempt ended, as the agent reports it."""

    EXITED = "exited"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    NOT_STARTED = "not_started"
    LOST = "lost"

    def state(self, exit_code: int | None) -> JobState:
        """The final state of a job whose attempt ended so."""
        if self is Outcome.EXITED:
            return JobState.SUCCEEDED if exit_code == 0 else JobState.FAILED
        return {
            Outcome.TIMED_OUT: JobState.TIMED_OUT,
            Outcome.CANCELLED: JobState.CANCELLED,
            Outcome.NOT_STARTED: JobState.FAILED,
            Outcome.LOST: JobState.LOST,
        }[self]


class JobKey(msgspec.Struct, frozen=True):
    """A job's name: its run, its step's number and its agent."""

    run_id: str
    step: int
    agent_id: str

    @property
    def job_id(self) -> str:
        """The name within the run, as on the wire."""
        return f"{self.step}-{self.agent_id}"

    @classmethod
    def parse(cls, run_id: str, job_id: str) -> "JobKey | None":
        """None when `job_id` is not of the form `<step>-<agent id>`."""
        step, _, agent_id = job_id.partition("-")
        if not (step.isascii() and step.isdigit() and len(step) <= 4 and agent_id):
            return None
        return cls(run_id, int(step), agent_id.lower())


class Attempt(msgspec.Struct, frozen=True):
    """An earlier try at a job, as it ended."""

    number: int
    lease: str | None
    state: JobState
    exit_code: int | None = None
    reason: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration_ms: int | None = None
    log: Mapping[str, Any] | None = None


class LateReport(msgspec.Struct, frozen=True):
    """What an agent reported of an attempt that had been given up. It changes no state."""

    attempt: int
    outcome: Outcome
    exit_code: int | None
    reason: str | None
    received_at: datetime


class Job(msgspec.Struct, frozen=True):
    """A job as stored. `index` is its place among the step's; `origin` the one whose slot it got,
    `successor` the one that got its slot (see `wave`)."""

    key: JobKey
    state: JobState
    index: int = 0
    origin: int | None = None
    successor: int | None = None
    attempt: int = 1
    lease: str | None = None
    poll_seq: int = 0
    instance: str | None = None  # of the agent, that claimed it
    timeout_seconds: float | None = None
    lost_after_seconds: float = 300.0
    agent_name: str | None = None
    becomes: JobState | None = None  # asked to end: the state it gets when it does
    stop_by: datetime | None = None  # and by when it should have ended, if its agent is there
    stop_told: bool = False  # its agent was there after that, and `stop_by` is the last one
    exit_code: int | None = None
    reason: str | None = None
    reported: bool = False  # ended by a report of its agent
    queued_at: datetime | None = None
    claimed_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration_ms: int | None = None
    log: Mapping[str, Any] | None = None
    earlier: tuple[Attempt, ...] = ()
    late: LateReport | None = None
    not_before: datetime | None = None  # a retry waits so long
    give_up_at: datetime | None = None  # when it is waited no longer: for its agent, for its end
    due_at: datetime | None = None  # when it is looked at next; after its end, its log
    due_tries: int = 0  # of such looks that were begun and did not go well
    followed_until: datetime | None = None  # somebody reads the log while it grows
    log_compacted: bool = False
    log_problem: str | None = None  # why the log of a job that has ended is not to be trusted
    stopped_by: By | None = None  # who cancelled this job alone

    def attempts(self) -> "tuple[Job, ...]":
        """The job as it was at the end of each earlier attempt, and as it is."""
        return (*(self.as_it_was(earlier) for earlier in self.earlier), self)

    def as_it_was(self, earlier: Attempt) -> "Job":
        """At the end of an earlier attempt."""
        return replace(
            self,
            attempt=earlier.number,
            state=earlier.state,
            ended_at=earlier.ended_at,
            log=earlier.log,
            reported=earlier.log is not None,
        )

    def ran_ms(self, now: datetime) -> int | None:
        """How long the attempt has run, as far as the control plane knows; None when no start was
        reported."""
        if self.started_at is None:
            return None
        return max(0, round((now - self.started_at).total_seconds() * 1000))

    @property
    def ends_by(self) -> datetime | None:
        """When an attempt with a time-out is given up, whatever its agent says."""
        begun_at = self.started_at or self.claimed_at
        if begun_at is None or self.timeout_seconds is None:
            return None
        return begun_at + _allowed(self.timeout_seconds) + EXTENDED_AT_MOST

    @property
    def stop_requested(self) -> bool:
        """Whether the agent should end it."""
        return self.becomes is not None

    @property
    def has_failed(self) -> bool:
        """Whether it ended, and neither well nor without having had a chance."""
        return self.state.is_terminal and self.state not in (JobState.SUCCEEDED, JobState.SKIPPED)

    def as_attempt(self, ending: "Ending", now: datetime) -> Attempt:
        """The present attempt, as it is remembered once another follows."""
        return Attempt(
            number=self.attempt,
            lease=self.lease,
            state=ending.state,
            exit_code=ending.exit_code,
            reason=ending.reason,
            started_at=ending.started_at or self.started_at,
            ended_at=now,
            duration_ms=ending.duration_ms,
            log=ending.log,
        )

    def describe_end(self, step_name: str, agent_name: str) -> str:
        """Why a job did not succeed, for a person."""
        where = f"Step {self.key.step} '{step_name}' on {agent_name}"
        what = {
            JobState.FAILED: f"failed with exit code {self.exit_code}",
            JobState.TIMED_OUT: "ran out of time",
            JobState.CANCELLED: "was cancelled",
            JobState.LOST: "was lost",
            JobState.UNDELIVERED: "was not fetched by its agent in time",
        }.get(self.state, f"is {self.state.value}")
        if self.state is JobState.FAILED and self.exit_code is None:
            what = "failed"
        return f"{where} {what}: {self.reason}" if self.reason else f"{where} {what}."


class Ending(msgspec.Struct, frozen=True):
    """How a job ended. `log` is the wire's summary of its output."""

    state: JobState
    exit_code: int | None = None
    reason: str | None = None
    reported: bool = False
    duration_ms: int | None = None
    started_at: datetime | None = None
    log: Mapping[str, Any] | None = None
    by: By | None = None  # who wanted it, if somebody did

    @property
    def has_failed(self) -> bool:
        """Whether it counts as a failure of its step."""
        return self.state not in (JobState.SUCCEEDED, JobState.SKIPPED)


class Deadlines(msgspec.Struct, frozen=True):
    """When the sweeper looks at an active job next, and when it gives the attempt up, if ever."""

    look_at: datetime
    give_up_at: datetime | None


def _allowed(timeout_seconds: float) -> timedelta:
    return timedelta(seconds=timeout_seconds + KILL_AFTER_SECONDS) + END_GRACE


def deadlines(job: Job, begun_at: datetime, now: datetime) -> Deadlines:
    """Of an attempt that began, or was handed out, at `begun_at`."""
    look_at = now + timedelta(seconds=job.lost_after_seconds)
    if job.timeout_seconds is None:
        return Deadlines(look_at, None)
    allowed = _allowed(job.timeout_seconds)
    return Deadlines(min(look_at, begun_at + allowed), begun_at + allowed)
