"""Doorbells over the real app: who is rung when, and who gets which address. SQS is the local
stack's own."""

from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError

from chalicelib.agents.cadence import Cadence
from chalicelib.api.agents import methods as agent_methods
from chalicelib.aws.client import Client
from chalicelib.operations.runs.sweep import sweep
from chalicelib.sqs import doorbells
from tests.api.conftest import Clock, Fleet, People, RpcAgent
from tests.api.fleet import start, states, work
from tests.stack.shifts import shift

ALL = 'CMD = "true"\nTargets = { All = true }\n'
A_MINUTE = 60


def poll(agent: RpcAgent, says: str | None = "listening", *leases: str, idle_ms: int = 0) -> Any:
    agent.seq += 1
    return agent.result(
        "agent.poll",
        seq=agent.seq,
        capacity=10,
        leases=leases,
        protocol=1,
        idle_ms=idle_ms,
        doorbell=says,
    )


def sqs() -> Any:
    return boto3.client("sqs")


def queue_of(agent: RpcAgent) -> str:
    url: str = sqs().get_queue_url(QueueName=f"plumber-doorbell-{agent.id}")["QueueUrl"]
    return url


def rings(agent: RpcAgent) -> int:
    """How often it was rung since it was last asked."""
    found = 0
    while more := sqs().receive_message(QueueUrl=queue_of(agent), MaxNumberOfMessages=10):
        if "Messages" not in more:
            break
        found += len(more["Messages"])
    return found


@pytest.fixture
def machines(fleet: Fleet) -> Any:
    """A factory of agents whose doorbells have not rung yet."""

    def make(size: int) -> list[RpcAgent]:
        made = fleet(size)
        for each in made:
            doorbells.take_down(each.id)  # with the rings of earlier tests
            doorbells.hang(each.id)
        return made

    return make


@pytest.fixture
def one(machines: Any) -> RpcAgent:
    (made,) = machines(1)
    return made  # type: ignore[no-any-return]


# --- who is rung


def test_an_agent_is_rung_once_for_each_job_that_it_gets(admin: People, machines: Any) -> None:
    agents = machines(3)
    run_id = start(admin, ALL + "MaxParallel = 2\n")
    assert [rings(each) for each in agents] == [1, 1, 0]
    (job,) = agents[0].poll()["jobs"]
    agents[0].finish(job)
    assert [rings(each) for each in agents] == [0, 0, 1], "the slot was passed on"
    work(agents)
    assert set(states(admin, run_id).values()) == {"succeeded"}
    assert [rings(each) for each in agents] == [0, 0, 0]


def test_a_cancel_rings_who_runs_the_job(admin: People, one: RpcAgent) -> None:
    run_id = start(admin, ALL)
    (job,) = one.poll()["jobs"]
    rings(one)
    admin.data("POST", f"/runs/{run_id}/cancel")
    assert rings(one) == 1
    assert poll(one, "listening", job["lease"])["cancels"] == [job["lease"]]


def test_a_follower_rings_once_in_ten_seconds(admin: People, one: RpcAgent, travel: Clock) -> None:
    run_id = start(admin, ALL)
    (job,) = one.poll()["jobs"]
    rings(one)
    path = f"/runs/{run_id}/jobs/{job['job_id']}/log"
    for seconds, expected in ((0, 1), (5, 0), (6, 1)):
        travel.after(seconds)
        admin.data("GET", path)
        assert rings(one) == expected
    assert poll(one, "listening", job["lease"])["followed"] == [job["lease"]]


def test_a_retry_that_waits_is_polled_for_when_it_is_due(
    admin: People, one: RpcAgent, travel: Clock
) -> None:
    start(admin, ALL + 'Retries = 1\nRetryDelay = "3s"\n')
    (job,) = poll(one)["jobs"]
    one.finish(job, 1)
    travel.after(1)
    assert poll(one)["next_poll_ms"] == 2_000
    travel.after(2)
    assert [each["attempt"] for each in poll(one)["jobs"]] == [2]


def test_who_has_not_fetched_a_job_is_rung_again_before_it_is_too_late(
    admin: People, one: RpcAgent, travel: Clock
) -> None:
    """The first ring, or the handler that should have rung, was lost."""
    run_id = start(admin, ALL + 'DeliverWithin = "10m"\n')
    rings(one)
    sweep(shift(travel.after(5 * A_MINUTE)))
    assert rings(one) == 0, "there is time enough"
    sweep(shift(travel.after(4 * A_MINUTE)))
    assert rings(one) == 1
    (job,) = one.poll()["jobs"]
    sweep(shift(travel.after(30)))
    assert rings(one) == 0, "it has fetched it"
    one.finish(job)
    assert states(admin, run_id) == {"machine-1": "succeeded"}


def test_nothing_fails_when_sqs_does(
    admin: People, one: RpcAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, refused = Client.send, []

    def refuse(client: Client, operation: str, *given: Any) -> bytes:
        if client.name != "sqs":
            return send(client, operation, *given)
        refused.append(operation)
        error = {"Error": {"Code": "RequestThrottled", "Message": "slow down"}}
        raise ClientError(error, operation)  # type: ignore[arg-type]

    monkeypatch.setattr(Client, "send", refuse)
    run_id = start(admin, ALL)
    assert work([one]) == [one.id]
    assert states(admin, run_id) == {"machine-1": "succeeded"}
    assert "SendMessage" in refused


# --- addresses


def test_an_agent_hears_its_rings_through_its_address_without_credentials(
    admin: People, one: RpcAgent
) -> None:
    given = poll(one, "none")["doorbell"]
    assert (given["expires_in_seconds"], given["wait_seconds"]) == (900, 20)
    for _ in range(3):
        doorbells.ring(one.id)
    heard = requests.get(given["url"], timeout=30)
    assert (heard.status_code, heard.text.count("<Message>")) == (200, 3), "as one ring"


@pytest.mark.parametrize(
    ("says", "gets_one"), [(None, False), ("listening", False), ("lapsing", True), ("none", True)]
)
def test_a_fresh_address_is_given_to_who_needs_one(
    one: RpcAgent, says: str | None, gets_one: bool
) -> None:
    assert (poll(one, says)["doorbell"] is not None) is gets_one
    beaten = one.result("agent.heartbeat", doorbell=says)
    assert (beaten["doorbell"] is not None) is gets_one


def test_a_queue_that_is_gone_is_made_again(one: RpcAgent) -> None:
    doorbells.take_down(one.id)
    gone = requests.get(poll(one, "none")["doorbell"]["url"], timeout=30)
    assert (gone.status_code, "NonExistentQueue" in gone.text) == (400, True)
    given = poll(one, "gone")["doorbell"]
    doorbells.ring(one.id)
    assert requests.get(given["url"], timeout=30).text.count("<Message>") == 1


def test_who_shall_only_poll_gets_no_address(admin: People, one: RpcAgent) -> None:
    path = f"/agents/{one.id}"
    assert admin.data("GET", path)["doorbell"] is True
    assert admin.data("PATCH", path, {"doorbell": False})["doorbell"] is False
    for says in ("none", "gone"):
        assert poll(one, says)["doorbell"] is None
    with pytest.raises(ClientError):
        queue_of(one)
    admin.data("PATCH", path, {"doorbell": True})
    assert poll(one, "gone")["doorbell"] is not None


def test_a_queue_goes_with_its_agent(admin: People, one: RpcAgent) -> None:
    admin.data("DELETE", f"/agents/{one.id}")
    with pytest.raises(ClientError):
        queue_of(one)


def test_an_address_that_has_lapsed_or_was_changed_is_refused(
    one: RpcAgent, machines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = poll(one, "none")["doorbell"]["url"]
    forged = url.replace(one.id, one.id[:-1] + "2")
    unsigned = url.partition("&X-Amz-")[0]
    monkeypatch.setattr(doorbells, "ADDRESS_SECONDS", -1)
    lapsed = poll(one, "none")["doorbell"]["url"]
    for wrong, says in (
        (forged, "SignatureDoesNotMatch"),
        (url.replace("WaitTimeSeconds=20", "WaitTimeSeconds=1"), "SignatureDoesNotMatch"),
        (unsigned, "MissingAuthenticationToken"),
        (lapsed, "RequestExpired"),
    ):
        refused = requests.get(wrong, timeout=30)
        assert (refused.status_code, says in refused.text) == (403, True)


# --- presence


@pytest.fixture
def on_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """The product's own cadence; the local stack's is faster."""
    monkeypatch.setattr(agent_methods, "CADENCE", Cadence(30, 90, 300, 5.0))


def test_who_has_long_been_idle_beats_seldom_and_is_online_all_the_same(
    admin: People, one: RpcAgent, travel: Clock, on_aws: None
) -> None:
    beaten = one.result("agent.heartbeat", idle_ms=600_000, doorbell="listening")
    assert (beaten["heartbeat_seconds"], beaten["ttl_seconds"]) == (300, 900)
    assert sweep(shift(travel.after(900))).went_offline == 0
    assert admin.data("GET", f"/agents/{one.id}")["status"] == "online"
    assert sweep(shift(travel.after(1))).went_offline == 1


def test_who_does_not_come_when_it_is_rung_is_offline(
    admin: People, one: RpcAgent, travel: Clock, on_aws: None
) -> None:
    one.result("agent.heartbeat", idle_ms=600_000, doorbell="listening")
    travel.after(100)
    run_id = start(admin, ALL)
    sweep(shift(travel.after(A_MINUTE + 1)))
    assert states(admin, run_id) == {"machine-1": "undelivered"}
    assert admin.data("GET", f"/agents/{one.id}")["status"] == "offline"
