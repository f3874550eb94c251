"""An agent: a managed machine. Its status is derived from what was heard of it last."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum


class AgentStatus(str, Enum):
    """As spelled on the wire and in the panel."""

    ONLINE = "online"
    OFFLINE = "offline"
    DISABLED = "disabled"
    NEVER_SEEN = "never_seen"


@dataclass(frozen=True)
class Facts:
    """What an agent says of its machine."""

    hostname: str = ""
    address: str = ""
    os: str = ""
    arch: str = ""
    version: str = ""


@dataclass(frozen=True)
class Agent:
    """An enrolled agent."""

    id: str
    name: str
    created_at: datetime
    secret_hash: str
    facts: Facts = field(default_factory=Facts)
    labels: Mapping[str, str] = field(default_factory=dict)
    group: str | None = None
    disabled: bool = False


@dataclass(frozen=True)
class Presence:
    """When an agent was heard of last. `online` is cleared by the sweeper."""

    agent_id: str
    last_seen_at: datetime
    online: bool
    running: int = 0
    cancels: frozenset[str] = frozenset()


def status(agent: Agent, presence: Presence | None, now: datetime, ttl_seconds: int) -> AgentStatus:
    """What a person is shown."""
    if agent.disabled:
        return AgentStatus.DISABLED
    if presence is None:
        return AgentStatus.NEVER_SEEN
    fresh = now - presence.last_seen_at <= timedelta(seconds=ttl_seconds)
    return AgentStatus.ONLINE if presence.online and fresh else AgentStatus.OFFLINE


def next_poll_ms(idle_ms: int, active: bool, poll_idle_seconds: float) -> int:
    """How long an agent should wait: 500 ms after activity, backing off to the idle interval."""
    busiest = min(500, int(poll_idle_seconds * 1000))
    if active:
        return busiest
    return int(max(busiest, min(poll_idle_seconds * 1000, idle_ms / 10)))
