"""An agent: a managed machine. Its status is derived from what was heard of it last."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Protocol

import msgspec

from chalicelib.access.by import By
from chalicelib.agents.absence import Absences
from chalicelib.agents.seat import SecondProcess
from chalicelib.errors import BadParameter

MAX_LABELS = 50
MAX_LABEL_KEY_CHARACTERS = 63
MAX_LABEL_VALUE_CHARACTERS = 255
MAX_GROUP_CHARACTERS = 128


class AgentStatus(str, Enum):
    """As spelled on the wire and in the panel."""

    ONLINE = "online"
    OFFLINE = "offline"
    DISABLED = "disabled"
    NEVER_SEEN = "never_seen"


class Facts(msgspec.Struct, frozen=True):
    """What an agent says of its machine."""

    hostname: str = ""
    address: str = ""
    os: str = ""
    arch: str = ""
    version: str = ""


class Described(Protocol):
    """What people say of an agent, and all that a step's choice depends on."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def group(self) -> str | None: ...
    @property
    def disabled(self) -> bool: ...
    @property
    def version(self) -> int: ...


class Candidate(msgspec.Struct, frozen=True):
    """An agent as it is read where thousands are looked at: no more than is described."""

    id: str
    name: str
    labels: Mapping[str, str]
    group: str | None
    disabled: bool
    version: int


class Agent(msgspec.Struct, frozen=True):
    """An enrolled agent. `version` grows with each change of what people say of it."""

    id: str
    name: str
    created_at: datetime
    secret_hash: str
    facts: Facts = msgspec.field(default_factory=Facts)
    labels: Mapping[str, str] = msgspec.field(default_factory=dict)
    group: str | None = None
    disabled: bool = False
    doorbell: bool = True  # False: it only polls
    version: int = 0
    enrolled_by: By | None = None  # who made the join token that it came with


def check_labels(labels: Mapping[str, str]) -> None:
    """Raises BadParameter for too many. What a label may be, the API's shape says."""
    if len(labels) > MAX_LABELS:
        raise BadParameter(
            f"An agent has at most {MAX_LABELS} labels, and these are {len(labels):,}."
        )


class Presence(msgspec.Struct, frozen=True):
    """When an agent was heard of last, and when its silence means that it is offline. `online` is
    cleared by the sweeper. `instance` is the process that holds the seat; `absences`: the last."""

    agent_id: str
    last_seen_at: datetime
    offline_at: datetime
    online: bool
    running: int
    cancels: frozenset[str] = frozenset()
    conflict: SecondProcess | None = None  # a second process under its identity
    instance: str | None = None
    absences: Absences = ()


def status(agent: Agent | Candidate, presence: Presence | None, now: datetime) -> AgentStatus:
    """What a person is shown."""
    if agent.disabled:
        return AgentStatus.DISABLED
    return heard(presence, now)


def heard(presence: Presence | None, now: datetime) -> AgentStatus:
    """What is known by its heartbeats alone: not whether it is disabled."""
    if presence is None:
        return AgentStatus.NEVER_SEEN
    is_fresh = now <= presence.offline_at
    return AgentStatus.ONLINE if presence.online and is_fresh else AgentStatus.OFFLINE
