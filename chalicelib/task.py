"""A task's definition: what it may contain, and its limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_DEFINITION_BYTES = 262_144  # a DynamoDB item holds 400 KB, the definition and its task
MAX_STEPS = 100
MAX_AGENTS_PER_STEP = 1_000
MAX_NAME_CHARACTERS = 128
MAX_COMMAND_BYTES = 32_768  # Linux takes 131,072 for one argument, Env included here
MAX_PATH_BYTES = 4_096  # Linux's PATH_MAX
MAX_ENV_ENTRIES = 64
MAX_ENV_VALUE_BYTES = 8_192
MAX_ENV_BYTES = 32_768
MAX_DURATION_SECONDS = 30 * 86_400.0
RESERVED_ENV_PREFIX = "PLUMBER_"


@dataclass(frozen=True)
class Step:
    """One `[[step]]`; `number` counts from 1. `path` None means the agent's own work directory."""

    number: int
    name: str
    agent_ids: tuple[str, ...]
    path: str | None
    command: str
    env: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: float | None = None


@dataclass(frozen=True)
class Definition:
    """What a task's TOML says."""

    name: str
    steps: tuple[Step, ...]
    timeout_seconds: float | None = None


def agent_ids(definition: Definition) -> frozenset[str]:
    """All agents that the definition names."""
    return frozenset(agent_id for step in definition.steps for agent_id in step.agent_ids)
