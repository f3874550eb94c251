"""The API as real processes: on the stack's server, and on Chalice's own."""

import os
from collections.abc import Callable
from time import monotonic

import pytest
import requests

from infra.local.addresses import answers, free_port
from infra.local.environment import base
from infra.local.processes import Processes
from tests.stack.live import PROGRAMS, AgentProcess, LiveControlPlane

DELAYED_ACK_SECONDS = 0.04  # what each answer in two segments waits for on Linux


def test_the_admin_token_lets_in(live_api: LiveControlPlane) -> None:
    assert live_api.call("GET", "/me")["role"] == "admin"


def test_control_planes_share_no_tables(control_plane: Callable[..., LiveControlPlane]) -> None:
    one, other = control_plane(), control_plane()
    one.call("POST", "/enrollments", {"description": "only here"})
    assert len(one.call("GET", "/enrollments")["items"]) == 1
    assert other.call("GET", "/enrollments")["items"] == []


def test_a_killed_control_plane_comes_back_at_its_address_with_its_state(
    control_plane: Callable[..., LiveControlPlane],
) -> None:
    plane = control_plane()
    plane.call("POST", "/enrollments", {"description": "kept"})
    plane.kill()
    with pytest.raises(requests.ConnectionError):
        plane.call("GET", "/enrollments")
    plane.start()
    assert plane.call("GET", "/enrollments")["items"][0]["description"] == "kept"


def test_a_killed_agent_comes_back_as_itself(
    live_api: LiveControlPlane, agent_process: Callable[..., AgentProcess]
) -> None:
    agent = agent_process(live_api)
    own_id = agent.id
    agent.kill()
    agent.start()
    assert agent.id == own_id
    assert [one["id"] for one in live_api.call("GET", "/agents")["items"]] == [own_id]
    agent.stop()


def test_answers_on_a_kept_alive_connection_do_not_wait_for_acknowledgements(
    live_api: LiveControlPlane,
) -> None:
    count = 50
    with requests.Session() as session:
        session.get(live_api.url, timeout=10)
        began = monotonic()
        for _ in range(count):
            session.get(live_api.url, timeout=10)
        assert monotonic() - began < count * DELAYED_ACK_SECONDS


def test_chalice_local_serves_the_api_given_the_endpoints(
    live_api: LiveControlPlane, live_processes: Processes
) -> None:
    port = free_port()
    command = [str(PROGRAMS / "chalice"), "local", "--no-autoreload", "--port", str(port)]
    live_processes.start("chalice", command, live_api.environment)
    health = f"http://127.0.0.1:{port}/api/v1/health"
    live_processes.wait_until(lambda: answers(health, only_well=True), 30, "Health")
    own = {"Authorization": f"Bearer {live_api.token}"}
    answer = requests.get(f"http://127.0.0.1:{port}/api/v1/me", headers=own, timeout=10)
    assert answer.json()["data"]["role"] == "admin"


def test_nothing_of_the_users_aws_account_reaches_the_tests() -> None:
    assert os.environ["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    own = base({"AWS_ACCESS_KEY_ID": "the user's", "AWS_PROFILE": "the user's"})
    assert own["AWS_ACCESS_KEY_ID"] == os.environ["AWS_ACCESS_KEY_ID"] != "the user's"
    assert "AWS_PROFILE" not in os.environ
