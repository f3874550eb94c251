"""One identity, one process: who gets the seat, and what becomes of jobs when it changes hands."""

from datetime import timedelta
from typing import Any

import pytest
from chalice.test import Client

from chalicelib.agents.cadence import Cadence
from chalicelib.agents.seat import KNOCK, SHOWN
from chalicelib.api.agents import methods as agent_methods
from chalicelib.dynamo import presences
from chalicelib.settings import settings
from chalicelib.sqs import doorbells
from tests.api.conftest import Clock, People, RpcAgent, rpc
from tests.api.fleet import start, states

NOT_SEATED = -32007
LAPSED = settings.ttl_seconds + 1
A_STEP = 'CMD = "true"\nTargets = { All = true }\n'


class Process:
    """One of several under an agent's identity."""

    def __init__(self, client: Client, agent: RpcAgent, instance: str) -> None:
        self._client = client
        self._agent = agent
        self._instance = instance
        self._seat = 0
        self.held: list[str] = []

    def contact(self, *, idle_ms: int = 0, says: str | None = None) -> list[Any]:
        """A heartbeat and a poll, as agents send them; the jobs, or the code of a refusal."""
        return self._send([self._beat(idle_ms, says), self._poll()])[1]

    def poll(self) -> Any:
        """A poll alone."""
        return self._send([self._poll()])[0]

    def leave(self) -> None:
        self._send([("agent.leave", {})])

    def _beat(self, idle_ms: int, says: str | None) -> tuple[str, dict[str, Any]]:
        facts = {"hostname": f"host of {self._instance}", "address": "10.0.0.9"}
        more = {"idle_ms": idle_ms, "doorbell": says, "facts": facts}
        return "agent.heartbeat", {"leases": self.held, **more}

    def _poll(self) -> tuple[str, dict[str, Any]]:
        self._agent.seq += 1
        more = {"seq": self._agent.seq, "seat": self._seat, "capacity": 10}
        return "agent.poll", {"leases": self.held, "protocol": 1, **more}

    def _send(self, calls: list[tuple[str, dict[str, Any]]]) -> list[Any]:
        body = [
            {"jsonrpc": "2.0", "id": n, "method": method, "params": params}
            for n, (method, params) in enumerate(
                (method, {"instance": self._instance, **params}) for method, params in calls
            )
        ]
        return [self._take(each) for each in rpc(self._client, body, self._agent.token)[1]]

    def _take(self, answer: Any) -> Any:
        if "error" in answer:
            return answer["error"]["code"]
        result = answer["result"]
        self._seat = result.get("seat", self._seat)
        self.conflict = result.get("conflict")
        jobs = result.get("jobs", [])
        self.held += [job["lease"] for job in jobs]
        return jobs


@pytest.fixture
def one(agent: Any) -> RpcAgent:
    made: RpcAgent = agent()
    return made


@pytest.fixture
def processes(client: Client, one: RpcAgent) -> tuple[Process, Process]:
    return Process(client, one, "first"), Process(client, one, "second")


def test_a_second_process_gets_no_jobs_and_both_hear_of_it(
    processes: tuple[Process, Process], admin: People, one: RpcAgent
) -> None:
    first, second = processes
    assert first.contact() == []
    run_id = start(admin, A_STEP)
    assert second.contact() == NOT_SEATED
    assert second.poll() == NOT_SEATED
    assert len(first.poll()) == 1
    first._send([first._beat(0, None)])
    assert first.conflict == {"hostname": "host of second", "address": "10.0.0.9"}
    assert states(admin, run_id) == {"machine-1": "claimed"}
    shown = admin.data("GET", f"/agents/{one.id}")
    assert shown["hostname"] == "host of first"
    assert shown["conflict"]["hostname"] == "host of second"
    (listed,) = admin.data("GET", "/agents")["items"]
    assert listed.items() <= shown.items()


def test_a_refusal_names_the_machine_that_is_at_work(
    processes: tuple[Process, Process], one: RpcAgent
) -> None:
    first, _ = processes
    first.contact()
    answer = one.call("agent.heartbeat", instance="other")
    assert answer["error"]["code"] == NOT_SEATED
    assert "on host of first (10.0.0.9)" in answer["error"]["message"]


def test_people_are_told_of_a_conflict_for_a_day(
    processes: tuple[Process, Process], admin: People, one: RpcAgent, travel: Clock
) -> None:
    first, second = processes
    first.contact()
    second.contact()
    travel.after(SHOWN / timedelta(seconds=1))
    first.contact()
    assert admin.data("GET", f"/agents/{one.id}")["conflict"] is not None
    travel.after(1)
    first.contact()
    assert first.conflict is None
    assert admin.data("GET", f"/agents/{one.id}")["conflict"] is None


def test_an_instance_that_restarts_goes_on_at_once(
    processes: tuple[Process, Process], client: Client, admin: People, one: RpcAgent
) -> None:
    first, _ = processes
    first.contact()
    start(admin, A_STEP)
    assert len(first.contact()) == 1
    again = Process(client, one, "first")
    assert len(again.contact()) == 1, "the answer was lost: it is handed out again"


def test_a_poll_that_names_its_seat_asks_nobody_for_it(
    processes: tuple[Process, Process], monkeypatch: pytest.MonkeyPatch, travel: Clock
) -> None:
    first, _ = processes
    asked: list[str] = []
    keep = presences.keep_seat
    monkeypatch.setattr(
        presences, "keep_seat", lambda *given: asked.append(given[1]) or keep(*given)
    )
    first.contact()
    first.poll()
    travel.after(settings.ttl_seconds * 2 / 3 - 1)
    first.poll()
    assert asked == [], "neither after a heartbeat nor behind one"
    travel.after(2)
    first.poll()
    assert asked == ["first"], "the last poll ends before somebody else gets the seat"


@pytest.mark.parametrize("told", [2**52, 1])
def test_a_seat_that_was_made_up_is_looked_up(
    processes: tuple[Process, Process], one: RpcAgent, told: int
) -> None:
    first, _ = processes
    first.contact()
    one.seq += 1
    params = {"seq": one.seq, "capacity": 1, "instance": "other", "seat": told}
    assert one.error("agent.poll", protocol=1, **params) == NOT_SEATED


def test_an_agent_that_has_left_is_followed_at_once(processes: tuple[Process, Process]) -> None:
    first, second = processes
    first.contact()
    second.leave()
    assert second.contact() == NOT_SEATED, "it had nothing to give up"
    first.leave()
    assert second.contact() == []
    assert first.contact() == NOT_SEATED


def test_an_agent_that_is_offline_is_followed_at_once(
    processes: tuple[Process, Process], travel: Clock
) -> None:
    first, second = processes
    first.contact()
    travel.after(LAPSED - 2)
    assert second.contact() == NOT_SEATED
    travel.after(2)
    assert second.contact() == []
    assert first.contact() == NOT_SEATED


@pytest.fixture
def seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is idle beats each five minutes, as on AWS; the local stack's cadence is faster."""
    cadence = Cadence(30, settings.ttl_seconds, 300, 5.0)
    monkeypatch.setattr(agent_methods, "CADENCE", cadence)


@pytest.mark.usefixtures("seldom")
def test_an_agent_that_beats_seldom_is_rung_and_keeps_its_seat_when_it_comes(
    processes: tuple[Process, Process],
    travel: Clock,
    one: RpcAgent,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rung: list[str] = []
    monkeypatch.setattr(doorbells, "ring", rung.append)
    first, second = processes
    first.contact(idle_ms=3_600_000, says="listening")  # the next one is due in five minutes
    assert second.contact() == NOT_SEATED
    assert rung == [], "it was there just now"
    travel.after(LAPSED)
    assert second.contact() == NOT_SEATED
    assert rung == [one.id]
    first.contact(idle_ms=3_600_000, says="listening")
    travel.after(KNOCK.seconds)
    assert second.contact() == NOT_SEATED


@pytest.mark.usefixtures("seldom")
def test_an_agent_that_does_not_come_when_it_is_rung_is_followed(
    processes: tuple[Process, Process], travel: Clock, admin: People, one: RpcAgent
) -> None:
    first, second = processes
    first.contact(idle_ms=3_600_000, says="listening")
    travel.after(LAPSED)
    assert second.contact() == NOT_SEATED
    travel.after(KNOCK.seconds)
    assert second.contact() == []
    shown = admin.data("GET", f"/agents/{one.id}")
    assert (shown["hostname"], shown["conflict"]) == ("host of second", None)


def test_what_another_instance_claimed_is_never_started_again(
    processes: tuple[Process, Process], travel: Clock, admin: People, one: RpcAgent
) -> None:
    """It may run, on a machine that nobody hears of."""
    first, second = processes
    first.contact()
    run_id = start(admin, A_STEP)
    assert len(first.contact()) == 1
    travel.after(LAPSED)
    one.seq = 0  # each instance counts for itself
    assert second.contact() == []
    assert states(admin, run_id) == {"machine-1": "lost"}
