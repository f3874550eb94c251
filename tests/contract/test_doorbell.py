"""Agents that poll once in ten minutes, and start at once all the same: they are rung."""

from pathlib import Path
from typing import Any

import pytest

from tests.contract.conftest import task
from tests.stack.live import AgentProcess, LiveControlPlane

SELDOM = "600"  # seconds; every wait of a test is shorter
PROMPTLY = 10.0


@pytest.fixture
def seldom(control_plane: Any) -> LiveControlPlane:
    """A control plane that tells agents to poll once in ten minutes."""
    plane: LiveControlPlane = control_plane(
        heartbeat_seconds=SELDOM,
        idle_heartbeat_seconds=SELDOM,
        ttl_seconds="1800",
        poll_idle_seconds=SELDOM,
    )
    return plane


@pytest.fixture
def idle(seldom: LiveControlPlane, agent_process: Any) -> AgentProcess:
    """An agent that has had its first polls, and waits for its doorbell."""
    agent: AgentProcess = agent_process(seldom)
    run_id = seldom.call("POST", "/commands", {"command": "true", "all": True})["id"]
    seldom.wait_until(lambda: has_ended(seldom, run_id), PROMPTLY, "the first run")
    return agent


def run_of(plane: LiveControlPlane, run_id: str) -> Any:
    return plane.call("GET", f"/runs/{run_id}")


def has_ended(plane: LiveControlPlane, run_id: str) -> bool:
    return run_of(plane, run_id)["run"]["ended_at"] is not None


def test_steps_follow_each_other_at_once(
    seldom: LiveControlPlane, idle: AgentProcess, cli: Any
) -> None:
    run = cli(seldom)
    run_id = run.trigger(task([(idle.id, "true")] * 3, "three"))
    seldom.wait_until(lambda: has_ended(seldom, run_id), PROMPTLY, "the run's end")
    assert run_of(seldom, run_id)["run"]["state"] == "succeeded"


def test_a_cancel_and_a_follower_reach_the_agent_at_once(
    seldom: LiveControlPlane, idle: AgentProcess, cli: Any, tmp_path: Path
) -> None:
    run = cli(seldom)
    run_id = run.trigger(task([(idle.id, "echo begun; sleep 600")], "endless"))
    follower = run.start("run", "logs", run_id, "--follow")
    assert follower.stdout.readline() == b"begun\n"
    assert run.run("run", "cancel", run_id)[0] == 0
    seldom.wait_until(lambda: has_ended(seldom, run_id), PROMPTLY, "the run's end")
    assert run_of(seldom, run_id)["run"]["state"] == "cancelled"
    follower.communicate(timeout=PROMPTLY)


def test_a_retry_begins_when_it_is_due(
    seldom: LiveControlPlane, idle: AgentProcess, cli: Any, tmp_path: Path
) -> None:
    run, mark = cli(seldom), tmp_path / "mark"
    command = f"test -e {mark} || {{ touch {mark}; exit 1; }}"
    more = {"Retries": "1", "RetryDelay": '"500ms"'}
    run_id = run.trigger(task([(idle.id, command)], "second try", **more))
    seldom.wait_until(lambda: has_ended(seldom, run_id), PROMPTLY, "the run's end")
    (step,) = run_of(seldom, run_id)["steps"]
    assert [job["attempt"] for job in step["jobs"]] == [2]


def test_a_lost_ring_is_made_up_for_by_the_sweeper(
    control_plane: Any, agent_process: Any, cli: Any
) -> None:
    """The API rings nobody; the sweeper does."""
    plane: LiveControlPlane = control_plane(
        heartbeat_seconds=SELDOM, idle_heartbeat_seconds=SELDOM, ttl_seconds="1800"
    )
    agent = agent_process(plane)
    plane.kill()
    plane.start(PLUMBER_ACCOUNT="")
    run_id = cli(plane).trigger(task([(agent.id, "true")], "made up for"))
    plane.wait_until(lambda: has_ended(plane, run_id), 30, "the run's end")
    assert run_of(plane, run_id)["run"]["state"] == "succeeded"
