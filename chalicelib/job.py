"""A job: one step of one run on one agent. Its states, and which may follow which."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

DELIVER_WITHIN = timedelta(minutes=1)  # how long a job may wait in an inbox (design, Task TOML)
LOST_AFTER = timedelta(minutes=5)  # silence of the agent after which its jobs are lost
END_GRACE = timedelta(seconds=60)  # for the kill after a time-out and the report of it
KILL_AFTER_SECONDS = 10  # between SIGTERM and SIGKILL


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
        {JobState.CLAIMED, JobState.UNDELIVERED, JobState.CANCELLED, JobState.TIMED_OUT}
    ),
    JobState.CLAIMED: _ENDED_BY_REPORT | {JobState.RUNNING},
    JobState.RUNNING: _ENDED_BY_REPORT,
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


@dataclass(frozen=True)
class JobKey:
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


@dataclass(frozen=True)
class Job:
    """A job as stored."""

    key: JobKey
    state: JobState
    step_size: int
    attempt: int = 1
    lease: str | None = None
    poll_seq: int = 0
    timeout_seconds: float | None = None
    stop: JobState | None = None  # asked to end: the state it gets when it does
    exit_code: int | None = None
    reason: str | None = None
    reported: bool = False  # ended by a report of its agent
    queued_at: datetime | None = None
    claimed_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration_ms: int | None = None
    log: Mapping[str, Any] | None = None
    deadline_at: datetime | None = None  # when the sweeper gives this state up

    @property
    def cancel_requested(self) -> bool:
        """Whether the agent should end it."""
        return self.stop is not None

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


def report_deadline(now: datetime, timeout_seconds: float | None) -> datetime | None:
    """When the sweeper gives up an attempt that has a time-out; None for one without."""
    if timeout_seconds is None:
        return None
    return now + timedelta(seconds=timeout_seconds + KILL_AFTER_SECONDS) + END_GRACE
