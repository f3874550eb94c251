"""The shapes of tasks, and of what a run of one would do."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chalicelib.api.agents.shapes import AgentStatus
from chalicelib.api.inputs import in_one_form
from chalicelib.api.shapes import By, Shape, TomlError
from chalicelib.tasks.schedule import MAX_CRON_CHARACTERS

WhenName = Literal["success", "failure", "always"]
ConcurrencyName = Literal["allow", "forbid", "queue", "replace"]
RunStateName = Literal[
    "queued", "running", "cancelling", "succeeded", "failed", "cancelled", "timed_out"
]
ParamTypeName = Literal["string", "integer", "number", "boolean"]
Parameters = dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=8_192)]]


class TaskSource(Shape, frozen=True):
    """`revision` is the one that a PUT replaces."""

    definition: str
    revision: Annotated[int, Meta(ge=1)] | None = None


class Outcome(Shape, frozen=True):
    """What came of a run of a task. `tolerated_failures` as in Run."""

    run_id: str
    state: RunStateName
    created_at: datetime
    duration_seconds: float | None
    tolerated_failures: int


class Task(Shape, frozen=True):
    """A task in a list. `recent` are its newest runs, newest first, where they are asked for."""

    id: str
    name: str
    revision: int
    step_count: int
    is_template: bool
    created_at: datetime
    updated_at: datetime
    updated_by: By
    recent: list[Outcome] | None = None


class Param(Shape, frozen=True):
    """A parameter of a task. Values are text, also those of numbers."""

    name: str
    description: str
    type: ParamTypeName
    default: str | None
    pattern: str | None
    choices: list[str]
    required: bool
    secret: bool


class Targets(Shape, frozen=True):
    """Named agents, all, or those that labels, group and selector fit together."""

    agent_ids: list[str]
    labels: dict[str, str]
    group: str | None
    selector: str | None
    all: bool
    allow_empty: bool


class Step(Shape, frozen=True):
    """One `[[step]]`; `number` counts from 1. Amounts are such as `2` or `25%`."""

    number: int
    name: str
    targets: Targets
    path: str | None
    command: str | None
    script: str | None
    shell: str | None
    user: str | None
    env: dict[str, str]
    timeout_seconds: float | None
    deliver_within_seconds: float
    lost_after_seconds: float
    canary: str | None
    max_parallel: str | None
    max_failures: str | None
    retries: int
    retry_delay_seconds: float
    retry_backoff: float
    retry_on: list[str]
    when: WhenName
    mask: list[str]


class Warning(Shape, frozen=True):
    """What should be looked at in a definition; `key` is such as `step[1].CMD`."""

    line: int | None
    key: str
    message: str


class TaskDetail(Shape, frozen=True):
    """A task with its current revision: the TOML as saved, what it says, and what to look at.
    `agents` are what the agents are called now that its steps name, by id; one that was removed is
    left out."""

    task: Task
    definition: str
    description: str
    timeout_seconds: float | None
    concurrency: ConcurrencyName
    params: list[Param]
    steps: list[Step]
    agents: dict[str, str]
    warnings: list[Warning]


class CheckedTask(Shape, frozen=True):
    """What a definition says that might be saved; nothing was. `task_id` is the task that bears its
    name, if there is one. `agents` as in TaskDetail."""

    name: str
    task_id: str | None
    params: list[Param]
    steps: list[Step]
    agents: dict[str, str]
    warnings: list[Warning]


class Findings(Shape, frozen=True):
    """What is wrong with a definition, or what it says: one of the two. `faults` are all that could
    be found in one go, in the order of their lines."""

    faults: list[TomlError]
    checked: CheckedTask | None


class Revision(Shape, frozen=True):
    """A saved state of a task."""

    task_id: str
    number: int
    definition: str
    saved_by: By
    created_at: datetime


class Execution(Shape, frozen=True):
    """How a task is triggered."""

    parameters: Parameters = msgspec.field(default_factory=dict)


class PlannedAgent(Shape, frozen=True):
    """An agent that a step would run on. `status` is by its heartbeats alone: jobs wait for one
    that is not `online`, as long as `DeliverWithin` says."""

    id: str
    name: str
    status: AgentStatus


class PlannedWave(Shape, frozen=True):
    """Agents of which `at_once` are active at most; all before the next wave begins."""

    at_once: int
    agents: list[PlannedAgent]


class PlannedStep(Shape, frozen=True):
    """A step as it would run now. `text` is its command or script as it is written: parameters are
    its variables."""

    number: int
    name: str
    when: WhenName
    targets: str
    path: str | None
    text: str
    max_failures: int
    problem: str | None
    waves: list[PlannedWave]


class Plan(Shape, frozen=True):
    """What a run would do; nothing was started. Of all `agents`, `offline` are not there now."""

    task_id: str
    revision: int
    parameters: dict[str, str]
    steps: list[PlannedStep]
    warnings: list[Warning]
    agents: int
    offline: int


class Template(Shape, frozen=True):
    """A definition with parameters to start from: one of the library, or an own task."""

    id: str
    name: str
    description: str
    definition: str
    is_own: bool


# --- schedules

OverlapName = Literal["skip", "queue", "replace"]
CatchUpName = Literal["none", "one"]
Cron = Annotated[str, Meta(min_length=1, max_length=MAX_CRON_CHARACTERS)]
ZoneName = Annotated[str, Meta(min_length=1, max_length=64)]


class Schedule(Shape, frozen=True):
    """`next_due_at` is null while it is paused, and when it never comes due again.

    `last_problem` says why the last due time made no run; `last_run_id` is the last one it made,
    and `last_run_state` what has come of that, null once it is gone, as is `task_name`.
    """

    id: str
    task_id: str
    task_name: str | None
    cron: str
    time_zone: str
    overlap: OverlapName
    catch_up: CatchUpName
    paused: bool
    parameters: dict[str, str]
    created_by: By
    created_at: datetime
    next_due_at: datetime | None
    last_due_at: datetime | None
    last_run_id: str | None
    last_run_state: RunStateName | None
    last_problem: str | None


class NewSchedule(Shape, frozen=True):
    """`cron` has five fields, or is such as `@daily`; `time_zone` is an IANA name."""

    task_id: Annotated[str, Meta(min_length=1, max_length=64)]
    cron: Cron
    time_zone: ZoneName = "UTC"
    overlap: OverlapName = "skip"
    catch_up: CatchUpName = "none"
    paused: bool = False
    parameters: Parameters = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        in_one_form(self, "task_id", "cron", "time_zone")


class ScheduleChange(Shape, frozen=True):
    """Keys that are left out stay as they are."""

    cron: Cron | None = None
    time_zone: ZoneName | None = None
    overlap: OverlapName | None = None
    catch_up: CatchUpName | None = None
    paused: bool | None = None
    parameters: Parameters | None = None

    def __post_init__(self) -> None:
        in_one_form(self, "cron", "time_zone")


class ScheduleTimes(Shape, frozen=True):
    """When a schedule would be due that nobody has made."""

    cron: Cron
    time_zone: ZoneName = "UTC"


class DueTime(Shape, frozen=True):
    """An instant, and the same by the clocks of the schedule's time zone, with their offset."""

    at: datetime
    local: str


class DueTimes(Shape, frozen=True):
    """The next ones; fewer than ten when no more come within 50 years."""

    times: list[DueTime]
