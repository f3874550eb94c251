"""Agents: status and poll cadence."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from chalicelib.agent import Agent, AgentStatus, Presence, next_poll_ms, status

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
AGENT = Agent(id="a", name="web", created_at=NOW, secret_hash="")
SEEN = Presence("a", last_seen_at=NOW, online=True)
TTL = 90


def test_an_agent_that_never_called_was_never_seen() -> None:
    assert status(AGENT, None, NOW, TTL) is AgentStatus.NEVER_SEEN


def test_an_agent_is_online_up_to_its_ttl_and_offline_after() -> None:
    assert status(AGENT, SEEN, NOW + timedelta(seconds=TTL), TTL) is AgentStatus.ONLINE
    assert status(AGENT, SEEN, NOW + timedelta(seconds=TTL + 1), TTL) is AgentStatus.OFFLINE


def test_an_agent_that_the_sweeper_marked_is_offline() -> None:
    assert status(AGENT, replace(SEEN, online=False), NOW, TTL) is AgentStatus.OFFLINE


def test_disabled_outweighs_everything() -> None:
    assert status(replace(AGENT, disabled=True), SEEN, NOW, TTL) is AgentStatus.DISABLED


@pytest.mark.parametrize(
    ("idle_ms", "active", "milliseconds"),
    [
        (0, False, 500),
        (0, True, 500),
        (10**9, True, 500),
        (20_000, False, 2_000),
        (10**9, False, 5_000),
    ],
)
def test_polls_are_frequent_after_activity_and_back_off(
    idle_ms: int, active: bool, milliseconds: int
) -> None:
    assert next_poll_ms(idle_ms, active, 5.0) == milliseconds


def test_the_idle_interval_may_be_shorter_than_the_busy_one() -> None:
    assert next_poll_ms(0, False, 0.2) == 200
