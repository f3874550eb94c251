"""The shapes of the REST API: bodies that come in, data that goes out.

The OpenAPI document and the panel's types are generated from here. Instants are RFC 3339 in UTC,
durations are seconds, data of logs is base64.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

JobState = Literal[
    "waiting", "queued", "claimed", "running", "succeeded", "failed", "timed_out", "cancelled",
    "lost", "undelivered", "skipped",
]  # fmt: skip
RunState = Literal[
    "queued", "running", "cancelling", "succeeded", "failed", "cancelled", "timed_out"
]
StepState = Literal[
    "waiting", "queued", "running", "succeeded", "failed", "timed_out", "cancelled", "skipped"
]
AgentStatus = Literal["online", "offline", "disabled", "never_seen"]
RoleName = Literal["viewer", "trigger", "operator", "admin"]
StreamName = Literal["stdout", "stderr"]
LogState = Literal["streaming", "shipping", "complete", "incomplete"]

Name = Annotated[str, Meta(min_length=1, max_length=128)]
Labels = dict[
    Annotated[str, Meta(min_length=1, max_length=63)], Annotated[str, Meta(max_length=255)]
]


class Shape(Struct, frozen=True, forbid_unknown_fields=True):
    """What every shape has in common: immutable, and strict about unknown keys when parsed."""


# --- health and principals


class Health(Shape, frozen=True):
    """`status` is `ok` when every backend answers."""

    status: Literal["ok", "degraded"]
    version: str
    backends: dict[str, Literal["ok", "unreachable"]]


class Principal(Shape, frozen=True):
    """Who the caller is, and what it may do."""

    id: str
    name: str
    role: RoleName
    permissions: list[str]


# --- agents


class Agent(Shape, frozen=True):
    """A managed machine."""

    id: str
    name: str
    status: AgentStatus
    labels: dict[str, str]
    group: str | None
    disabled: bool
    hostname: str
    address: str
    os: str
    arch: str
    version: str
    running: int
    last_seen_at: datetime | None
    created_at: datetime


class AgentChange(Shape, frozen=True):
    """Keys that are left out stay as they are; `group` may be set to null."""

    name: Name | None = None
    labels: Labels | None = None
    group: Annotated[str, Meta(max_length=128)] | UnsetType | None = UNSET
    disabled: bool | None = None


class NewEnrollment(Shape, frozen=True):
    """`labels` and `group` are given to every agent that joins with the token."""

    description: Annotated[str, Meta(max_length=256)] = ""
    max_uses: Annotated[int, Meta(ge=1, le=1000)] = 1
    expires_in_seconds: Annotated[int, Meta(ge=60, le=30 * 86_400)] = 86_400
    labels: Labels = {}
    group: Annotated[str, Meta(max_length=128)] | None = None


class Enrollment(Shape, frozen=True):
    """A join token, without its secret."""

    id: str
    description: str
    uses: int
    max_uses: int
    labels: dict[str, str]
    group: str | None
    created_by: str
    created_at: datetime
    expires_at: datetime


class EnrollmentSecret(Shape, frozen=True):
    """Shown once. `agent_json` is the content of the new agent's configuration file."""

    enrollment: Enrollment
    join_token: str
    agent_json: dict[str, str]


# --- tasks


class TaskSource(Shape, frozen=True):
    """`revision` is the one that a PUT replaces."""

    definition: str
    revision: Annotated[int, Meta(ge=1)] | None = None


class Task(Shape, frozen=True):
    """A task in a list."""

    id: str
    name: str
    revision: int
    step_count: int
    created_at: datetime
    updated_at: datetime
    updated_by: str


class Step(Shape, frozen=True):
    """One `[[step]]`; `number` counts from 1."""

    number: int
    name: str
    agent_ids: list[str]
    path: str | None
    command: str
    env: dict[str, str]
    timeout_seconds: float | None


class TaskDetail(Shape, frozen=True):
    """A task with its current revision: the TOML as saved, and what it says."""

    task: Task
    definition: str
    timeout_seconds: float | None
    steps: list[Step]


class Revision(Shape, frozen=True):
    """A saved state of a task."""

    task_id: str
    number: int
    definition: str
    created_by: str
    created_at: datetime


# --- runs


class Run(Shape, frozen=True):
    """A run in a list. `code` is 0, 3001 (failed) or 3002 (timed out), `reason` why it ended so."""

    id: str
    task_id: str
    task_name: str
    revision: int
    state: RunState
    code: int
    reason: str | None
    triggered_by: str
    step_count: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    duration_seconds: float | None


class StreamSummary(Shape, frozen=True):
    """What the agent says that a stream holds."""

    bytes: int
    sha256: str


class LogSummary(Shape, frozen=True):
    """From the final report: a log is complete when so many chunks are there."""

    chunks: int
    streams: dict[StreamName, StreamSummary]
    truncated: bool


class Job(Shape, frozen=True):
    """One step of a run on one agent."""

    id: str
    step: int
    agent_id: str
    agent_name: str
    state: JobState
    attempt: int
    exit_code: int | None
    reason: str | None
    cancel_requested: bool
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    duration_seconds: float | None
    log: LogSummary | None


class RunStep(Shape, frozen=True):
    """A step of a run with its jobs."""

    number: int
    name: str
    path: str | None
    command: str
    state: StepState
    started_at: datetime | None
    ended_at: datetime | None
    duration_seconds: float | None
    jobs: list[Job]


class RunDetail(Shape, frozen=True):
    """A run with everything that happened in it."""

    run: Run
    steps: list[RunStep]


class LogRecord(Shape, frozen=True):
    """A piece of output, as the command wrote it: `data` is base64."""

    stream: StreamName
    at: datetime
    data: bytes


class LogPage(Shape, frozen=True):
    """A part of a job's log, and the cursor from which to go on."""

    records: list[LogRecord]
    next: str
    state: LogState
    job_state: JobState


class LogDownload(Shape, frozen=True):
    """A presigned address of one whole stream."""

    url: str
    file_name: str
    bytes: int
    expires_at: datetime


# --- tokens


class NewToken(Shape, frozen=True):
    """`expires_in_seconds` null: never expires."""

    name: Name
    role: RoleName
    expires_in_seconds: Annotated[int, Meta(ge=60, le=3650 * 86_400)] | None = None


class Token(Shape, frozen=True):
    """An access token, without its secret."""

    id: str
    name: str
    role: RoleName
    created_by: str
    created_at: datetime
    expires_at: datetime | None


class TokenSecret(Shape, frozen=True):
    """Shown once."""

    token: Token
    secret: str


# --- envelopes


class Page(Shape, frozen=True):
    """A page of a list; `next` is the cursor of the next one, null at the end."""

    items: list[Any]
    next: str | None


class TomlFault(Shape, frozen=True):
    """Where a definition is wrong."""

    line: int | None
    column: int | None
    key: str | None
