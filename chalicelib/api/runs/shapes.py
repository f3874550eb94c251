"""The shapes of runs and their jobs."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chalicelib.api.agents.shapes import AgentStatus
from chalicelib.api.inputs import in_one_form
from chalicelib.api.shapes import By, Shape
from chalicelib.api.tasks.shapes import ConcurrencyName, Parameters, RunStateName, Step

JobState = Literal[
    "waiting", "queued", "claimed", "running", "succeeded", "failed", "timed_out", "cancelled",
    "lost", "undelivered", "skipped",
]  # fmt: skip
StepState = Literal[
    "waiting", "queued", "running", "succeeded", "failed", "timed_out", "cancelled", "skipped"
]
TriggerName = Literal["person", "schedule", "retry", "command"]
OutcomeName = Literal["exited", "timed_out", "cancelled", "not_started", "lost"]
OutputName = Literal["stdout", "stderr"]
RetryWhat = Literal["all", "failed_step", "failed_agents"]


class Progress(Shape, frozen=True):
    """Jobs that have ended, by state. `total` is null while a step has not chosen its agents: how
    many jobs there will be is not known then. `percent` is the part of the way: of a step by its
    jobs; of a run by its steps, of which each counts the same. It is 100 at the end and not before.
    """

    total: int | None
    ended: int
    percent: int
    counts: dict[JobState, int]


class RunProgress(Progress, frozen=True):
    """How far a run has come: so many of its `steps` have ended; `known` are the jobs of the steps
    that have chosen their agents."""

    known: int
    steps: int
    steps_ended: int


class Run(Shape, frozen=True):
    """A run in a list. `code` is 0, 3001 (failed) or 3002 (timed out), `reason` why it ended so.

    `secrets` are the parameters whose values are shown to nobody, and asked for again by a retry.
    `is_held`: it waits for an earlier run of its task. `retry_of` is the run that it repeats,
    `step` the number of the step that is under way. `stopped_by` is who cancelled it.
    `tolerated_failures` are jobs that failed in steps which ended well, as `MaxFailures` lets them;
    `retries` what `/runs/{id}/retry` may repeat, nothing while the run goes on.
    """

    id: str
    task_id: str
    task_name: str
    revision: int
    state: RunStateName
    code: int
    reason: str | None
    trigger: TriggerName
    triggered_by: By
    stopped_by: By | None
    parameters: dict[str, str]
    secrets: list[str]
    concurrency: ConcurrencyName
    is_held: bool
    retry_of: str | None
    step: int
    step_count: int
    progress: RunProgress
    tolerated_failures: int
    retries: list[RetryWhat]
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    duration_seconds: float | None


class StreamSummary(Shape, frozen=True):
    """What the agent says that a stream holds. `missing` bytes were cut out of its middle."""

    bytes: int
    sha256: str
    missing: int


class LogSummary(Shape, frozen=True):
    """From the final report: a log is complete when so many chunks are there."""

    chunks: int
    streams: dict[OutputName, StreamSummary]
    truncated: bool


class Attempt(Shape, frozen=True):
    """An earlier try at a job; `number` is the `attempt` of its log."""

    number: int
    state: JobState
    exit_code: int | None
    reason: str | None
    started_at: datetime | None
    ended_at: datetime | None
    duration_seconds: float | None


class LateReport(Shape, frozen=True):
    """What an agent said of an attempt after it had been given up. It changes no state."""

    attempt: int
    outcome: OutcomeName
    exit_code: int | None
    reason: str | None
    received_at: datetime


class Job(Shape, frozen=True):
    """One step of a run on one agent; `index` is its place among the step's, from 0. `deliver_by`:
    a queued job is undelivered then. `stopped_by` is who cancelled this job alone. `agent_status`
    is that of the agent that a queued job waits for, on the page of a run, by its heartbeats alone;
    null everywhere else. `earlier` are the attempts before this one, the oldest first."""

    id: str
    step: int
    index: int
    agent_id: str
    agent_name: str
    agent_status: AgentStatus | None
    state: JobState
    attempt: int
    exit_code: int | None
    reason: str | None
    stop_requested: bool
    queued_at: datetime | None
    deliver_by: datetime | None
    not_before: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    duration_seconds: float | None
    log: LogSummary | None
    earlier: list[Attempt]
    late: LateReport | None
    stopped_by: By | None


class RunWave(Shape, frozen=True):
    """A part of a step's jobs, those from the index `first` on, of which `at_once` are active at
    most; the wave before has ended before it begins. `counts` are those that have ended by state.
    `started_at` is null until one has begun, `ended_at` while it goes on; of a wide run both may
    be null where not all jobs were looked at."""

    first: int
    size: int
    at_once: int
    counts: dict[JobState, int]
    started_at: datetime | None
    ended_at: datetime | None


class RunStep(Shape, frozen=True):
    """A step of a run with its jobs. Where there is no room for all, the first ones are shown,
    those that failed before them; `jobs_omitted` are more: `/runs/{id}/jobs?step=` has them all.
    `open` are the jobs that have not ended by state, null where that was not looked at: of a wide
    run. `waves` are in their order, none before the step has chosen its agents; where it has a
    canary that is the first. `tolerated_failures` as in Run."""

    number: int
    name: str
    step: Step
    targets: str
    state: StepState
    progress: Progress
    open: dict[JobState, int] | None
    waves: list[RunWave]
    tolerated_failures: int
    started_at: datetime | None
    ended_at: datetime | None
    duration_seconds: float | None
    jobs: list[Job]
    jobs_omitted: int


class RunDetail(Shape, frozen=True):
    """A run with everything that happened in it. `cause` is the id of the job that the run's
    `reason` tells of, null while it goes on and where no job was at fault."""

    run: Run
    steps: list[RunStep]
    cause: str | None


class Statistics(Shape, frozen=True):
    """Of a task's newest 500 runs that have ended, cancelled ones left out. Durations are seconds
    of those that succeeded."""

    ended: int
    succeeded: int
    success_rate: float | None
    duration_p50: float | None
    duration_p95: float | None
    last_failures: list[Run]


class RetryRequest(Shape, frozen=True):
    """What a retry repeats: everything, from the first failed step on, or there only what did not
    succeed. `parameters` are the values of secret ones, which are gone when a run has ended."""

    what: RetryWhat = "all"
    parameters: Parameters = msgspec.field(default_factory=dict)


class Targeting(Shape, frozen=True):
    """Named agents (by id or name), all, or those that labels, group and selector fit together."""

    agent_ids: list[str] | None = None
    labels: dict[str, str] | None = None
    group: str | None = None
    selector: str | None = None
    all: bool = False

    def __post_init__(self) -> None:
        in_one_form(self, "agent_ids", "labels", "group", "selector")


class MatchingAgent(Shape, frozen=True):
    """`status` is by its heartbeats alone."""

    id: str
    name: str
    status: AgentStatus


class Match(Shape, frozen=True):
    """So many agents fit. `first` are the first 500 by name; of them `not_online` are not there
    now: jobs wait for them as long as `DeliverWithin` says."""

    agents: int
    not_online: int
    first: list[MatchingAgent]


class Command(Shape, frozen=True):
    """One command for many agents at once. Amounts are a number or such as `25%`, times `30s`."""

    command: str | None = None
    script: str | None = None
    shell: str | None = None
    agent_ids: list[str] | None = None
    labels: dict[str, str] | None = None
    group: str | None = None
    selector: str | None = None
    all: bool = False
    path: str | None = None
    user: str | None = None
    env: dict[str, str] | None = None
    timeout: str | None = None
    deliver_within: str | None = None
    max_parallel: Annotated[int, Meta(ge=1)] | str | None = None
    max_failures: Annotated[int, Meta(ge=0)] | str | None = None

    def __post_init__(self) -> None:
        in_one_form(self, "agent_ids", "labels", "group", "selector")
