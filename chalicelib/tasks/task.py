"""A task's definition: what it may contain, and its limits."""

import math
import re
from collections.abc import Mapping
from datetime import datetime
from enum import Enum

import msgspec
from msgspec.structs import replace

from chalicelib.access.by import By
from chalicelib.runs.job import JobState
from chalicelib.tasks.param import Param
from chalicelib.tasks.target import Targets

MAX_DEFINITION_BYTES = 262_144  # a DynamoDB item holds 400 KB, the definition and its task
MAX_STEPS = 100
MAX_SERVER_IDS = 1_000  # named in one step
MAX_AGENT_NAMES = 50  # in a task, instead of ids: each is looked up when it is saved
MAX_AGENTS_PER_STEP = 5_000  # that a step's targets may match; more are refused
MAX_CANDIDATES_PER_STEP = 25_000  # that are looked at to find them: 10 s of a Lambda of 512 MB
MAX_NAME_CHARACTERS = 128
MAX_COMMAND_BYTES = 32_768  # Linux takes 131,072 for one argument, Env included here
MAX_SCRIPT_BYTES = 131_072  # a frozen step is one DynamoDB item of at most 400 KB
MAX_PATH_BYTES = 4_096  # Linux's PATH_MAX
MAX_USER_CHARACTERS = 32
MAX_ENV_ENTRIES = 64
MAX_ENV_VALUE_BYTES = 8_192
MAX_ENV_BYTES = 32_768
MAX_DURATION_SECONDS = 30 * 86_400.0
MAX_RETRIES = 100
MAX_MASKS, MAX_MASK_CHARACTERS = 20, 256
MAX_BACKOFF = 10.0
RESERVED_ENV_PREFIX = "PLUMBER_"
DELIVER_WITHIN_SECONDS = 60.0
LOST_AFTER_SECONDS = 300.0
MIN_LOST_AFTER_SECONDS = 90.0  # three heartbeats of an agent at work
_AGENT_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class When(str, Enum):
    """After what a step runs: no step has failed before it, one has, or in any case."""

    SUCCESS = "success"
    FAILURE = "failure"
    ALWAYS = "always"


class Concurrency(str, Enum):
    """What becomes of a trigger while an earlier run of the task has not ended."""

    ALLOW = "allow"  # both run
    FORBID = "forbid"  # the trigger is refused
    QUEUE = "queue"  # the new run waits
    REPLACE = "replace"  # the earlier run is cancelled


RETRYABLE = (JobState.FAILED, JobState.TIMED_OUT, JobState.LOST, JobState.UNDELIVERED)


class Amount(msgspec.Struct, frozen=True):
    """A number of agents, or a percentage of a step's."""

    number: float
    is_percent: bool = False

    def of(self, total: int, *, at_least: int) -> int:
        """So many of `total`, rounded down."""
        exact = total * self.number / 100 if self.is_percent else self.number
        return min(total, max(at_least, math.floor(exact + 1e-9)))

    def __str__(self) -> str:
        return f"{self.number:g}%" if self.is_percent else f"{self.number:g}"


class Retry(msgspec.Struct, frozen=True):
    """How often an attempt that ended in one of the states `on` is followed by another one."""

    times: int = 0
    delay_seconds: float = 0.0
    backoff: float = 1.0
    on: tuple[JobState, ...] = (JobState.FAILED, JobState.TIMED_OUT)

    def applies(self, state: JobState, attempt: int) -> bool:
        """Whether attempt number `attempt`, which ended in `state`, is followed by another."""
        return attempt <= self.times and state in self.on

    def wait_seconds(self, attempt: int) -> float:
        """Between the end of attempt number `attempt` and the next one."""
        return min(MAX_DURATION_SECONDS, self.delay_seconds * self.backoff ** (attempt - 1))


class Step(msgspec.Struct, frozen=True):
    """One `[[step]]`; `number` counts from 1. `path` None means the agent's own work directory, or
    the home of the step's user.

    Exactly one of `command` and `script` is there; `shell` is what runs the script.
    """

    number: int
    name: str
    targets: Targets
    path: str | None = None
    command: str | None = None
    script: str | None = None
    shell: str | None = None
    user: str | None = None
    env: Mapping[str, str] = msgspec.field(default_factory=dict)
    timeout_seconds: float | None = None
    deliver_within_seconds: float = DELIVER_WITHIN_SECONDS
    lost_after_seconds: float = LOST_AFTER_SECONDS
    canary: Amount | None = None
    max_parallel: Amount | None = None
    max_failures: Amount | None = None
    retry: Retry = Retry()
    when: When = When.SUCCESS
    mask: tuple[str, ...] = ()  # regular expressions of what is masked in logs


class Definition(msgspec.Struct, frozen=True):
    """What a task's TOML says."""

    name: str
    steps: tuple[Step, ...]
    timeout_seconds: float | None = None
    description: str = ""
    params: tuple[Param, ...] = ()
    concurrency: Concurrency = Concurrency.ALLOW
    is_template: bool = False

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the parameters that nobody is shown."""
        return tuple(param.name for param in self.params if param.secret)


class StoredTask(msgspec.Struct, frozen=True):
    """A task. `definition` is its current TOML, empty in lists. `agents` are the ids of the agents
    that it calls by their names, by name, as they were when it was saved."""

    id: str
    name: str
    revision: int
    step_count: int
    created_at: datetime
    updated_at: datetime
    updated_by: By
    definition: str = ""
    is_template: bool = False
    agents: Mapping[str, str] = msgspec.field(default_factory=dict)


class StoredRevision(msgspec.Struct, frozen=True):
    """An immutable saved state of a task: the TOML as it came. `agents` as in `StoredTask`."""

    task_id: str
    number: int
    definition: str
    saved_by: By
    created_at: datetime
    agents: Mapping[str, str] = msgspec.field(default_factory=dict)


def is_agent_id(text: str) -> bool:
    """Whether it has the form of an agent's id; else it is the name of one."""
    return _AGENT_ID.fullmatch(text) is not None


def agent_ids(definition: Definition) -> frozenset[str]:
    """All agents that the definition names, by their ids where those are known."""
    return frozenset(agent_id for step in definition.steps for agent_id in step.targets.agent_ids)


def with_ids(definition: Definition, agents: Mapping[str, str]) -> Definition:
    """The definition with ids in place of the names of agents, by name."""
    if not agents:
        return definition
    return replace(
        definition, steps=tuple(step_with_ids(step, agents) for step in definition.steps)
    )


def step_with_ids(step: Step, agents: Mapping[str, str]) -> Step:
    """The same of one step."""
    ids = tuple(agents.get(each, each) for each in step.targets.agent_ids)
    return replace(step, targets=replace(step.targets, agent_ids=ids))
