"""Agents that know another protocol than this control plane offers jobs in."""

from typing import Any

import pytest

from tests.api.conftest import Clock, Fleet, People, RpcAgent
from tests.api.fleet import start


def poll_as(agent: RpcAgent, **more: Any) -> Any:
    """As an agent that says of its protocol what is given."""
    agent.seq += 1
    return agent.result("agent.poll", seq=agent.seq, capacity=10, leases=[], **more)


@pytest.mark.parametrize(
    ("says", "reason"), [({}, "it names no protocol"), ({"protocol": 0}, "it names no protocol")]
)
def test_an_agent_that_is_too_old_gets_no_job_and_the_run_says_why(
    admin: People, fleet: Fleet, says: dict[str, int], reason: str
) -> None:
    (one,) = fleet(1)
    run_id = start(admin, 'CMD = "true"\nTargets = { All = true }\n')
    assert poll_as(one, **says)["jobs"] == []
    run = admin.data("GET", f"/runs/{run_id}")
    (job,) = run["steps"][0]["jobs"]
    assert (run["run"]["state"], job["state"]) == ("failed", "undelivered")
    expected = f"The agent is too old: {reason}, and the job is offered in protocol 1."
    assert job["reason"] == expected


def test_a_job_that_an_agent_had_before_it_became_too_old_fails(
    admin: People, fleet: Fleet
) -> None:
    (one,) = fleet(1)
    run_id = start(admin, 'CMD = "true"\nTargets = { All = true }\n')
    assert len(one.poll()["jobs"]) == 1
    assert poll_as(one)["jobs"] == []
    (job,) = admin.data("GET", f"/runs/{run_id}")["steps"][0]["jobs"]
    assert (job["state"], "too old" in job["reason"]) == ("failed", True)


def test_an_agent_of_a_later_protocol_gets_jobs(admin: People, fleet: Fleet) -> None:
    (one,) = fleet(1)
    start(admin, 'CMD = "true"\nTargets = { All = true }\n')
    (job,) = poll_as(one, protocol=7)["jobs"]
    assert job["protocol"] == 1


def test_a_disabled_agent_that_is_too_old_ends_no_job(admin: People, fleet: Fleet) -> None:
    (one,) = fleet(1)
    run_id = start(admin, 'CMD = "true"\nTargets = { All = true }\n')
    admin.data("PATCH", f"/agents/{one.id}", {"disabled": True})
    poll_as(one)
    (job,) = admin.data("GET", f"/runs/{run_id}")["steps"][0]["jobs"]
    assert job["state"] == "queued"


def test_two_hand_outs_of_an_attempt_are_the_same_offer(
    admin: People, fleet: Fleet, travel: Clock
) -> None:
    (one,) = fleet(1)
    start(admin, 'CMD = "true"\nTargets = { All = true }\nTimeout = "90s"\n')
    (first,) = one.poll()["jobs"]
    travel.after(30)
    (second,) = one.poll()["jobs"]
    assert first["timeout_seconds"] == 90
    assert {**first, "urls": None} == {**second, "urls": None}
