"""Agents: their status and their labels."""

from datetime import datetime, timedelta, timezone

import pytest
from msgspec.structs import replace

from chalicelib.agents.agent import (
    MAX_LABELS,
    Agent,
    AgentStatus,
    Presence,
    check_labels,
    status,
)
from chalicelib.errors import BadParameter

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
AGENT = Agent(id="a", name="web", created_at=NOW, secret_hash="")
TTL = timedelta(seconds=90)
SEEN = Presence("a", last_seen_at=NOW, offline_at=NOW + TTL, online=True, running=0)


def test_an_agent_that_never_called_was_never_seen() -> None:
    assert status(AGENT, None, NOW) is AgentStatus.NEVER_SEEN


def test_an_agent_is_online_up_to_its_ttl_and_offline_after() -> None:
    assert status(AGENT, SEEN, NOW + TTL) is AgentStatus.ONLINE
    assert status(AGENT, SEEN, NOW + TTL + timedelta(seconds=1)) is AgentStatus.OFFLINE


def test_an_agent_that_the_sweeper_marked_is_offline() -> None:
    assert status(AGENT, replace(SEEN, online=False), NOW) is AgentStatus.OFFLINE


def test_disabled_outweighs_everything() -> None:
    assert status(replace(AGENT, disabled=True), SEEN, NOW) is AgentStatus.DISABLED


def test_an_agent_has_fifty_labels_at_most() -> None:
    labels = {f"k{number}": "v" for number in range(MAX_LABELS)}
    check_labels(labels)
    with pytest.raises(BadParameter, match="at most 50 labels, and these are 51"):
        check_labels({**labels, "more": "v"})


def test_an_agent_is_rung_until_that_is_turned_off_and_its_first_version_is_the_lowest() -> None:
    assert (AGENT.doorbell, AGENT.version) == (True, 0)
