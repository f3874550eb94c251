"""An agent whose identity another process has, too."""

import logging
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from plumber_agent.jobs.journal import Journal
from plumber_agent.machine.wire import NOT_SEATED, Refused
from plumber_agent.poll import Poller
from tests.agent.plane import SECONDS, Plane, wait_until

REFUSAL = Refused(NOT_SEATED, "Another process works under this agent's identity, on web-1.")
SAID = "Another process works"


class Server:
    """Says what the test says, and remembers what it was asked."""

    def __init__(self) -> None:
        self.refuses = False
        self.conflict: dict[str, str] | None = None
        self.asked: list[dict[str, dict[str, Any]]] = []

    def batch(self, calls: list[tuple[str, dict[str, Any]]]) -> list[Any]:
        self.asked.append(dict(calls))
        return [REFUSAL if self.refuses else self._answer(method) for method, _ in calls]

    def _answer(self, method: str) -> dict[str, Any]:
        if method == "agent.heartbeat":
            told = {"heartbeat_seconds": 300, "cancels": []}
            return {**told, "seat": 60_000, "conflict": self.conflict}
        address = {"url": "http://127.0.0.1:9/", "expires_in_seconds": 900, "wait_seconds": 20}
        said = {"jobs": [], "cancels": [], "followed": [], "next_poll_ms": 300_000}
        return {**said, "doorbell": address, "seat": 60_000}


class Idle:
    held: frozenset[str] = frozenset()
    capacity, idle_ms = 10, 0

    def take(self, offers: list[dict[str, Any]], cancels: list[str]) -> None: ...

    def follow(self, leases: list[str]) -> None: ...


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def poller(server: Server) -> Poller:
    return Poller(Idle(), server, threading.Event(), 1, "http://127.0.0.1", "i")  # type: ignore


def test_a_poll_follows_its_heartbeat_and_says_back_what_it_was_told(
    poller: Poller, server: Server
) -> None:
    poller._contact()
    poller._contact()
    first, second = server.asked
    assert list(first) == ["agent.heartbeat", "agent.poll"]
    assert list(second) == ["agent.poll"]
    assert [each["agent.poll"]["seat"] for each in server.asked] == [0, 60_000]
    assert {params["instance"] for each in server.asked for params in each.values()} == {"i"}


def test_who_is_refused_says_so_once_and_comes_again_with_all_there_is_to_say(
    poller: Poller, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "plumber.agent")
    poller._contact()
    assert server.asked[0]["agent.poll"]["doorbell"] == "none"
    server.refuses = True
    for _ in range(3):
        with pytest.raises(Refused):
            poller._contact()
    assert [SAID in text for text in caplog.messages].count(True) == 1
    server.refuses = False
    poller._heartbeat._not_before = 0
    poller._contact()
    last = server.asked[-1]
    assert last["agent.heartbeat"]["facts"] is not None, "those of the other may be known"
    assert (last["agent.poll"]["seat"], last["agent.poll"]["doorbell"]) == (0, "none")
    assert caplog.messages[-1] == "This process is the one that works under this identity now."


def test_who_is_at_work_says_once_who_was_refused(
    poller: Poller, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.conflict = {"hostname": "web-2", "address": "10.0.0.8"}
    for _ in range(2):
        poller._heartbeat.start_over()
        poller._contact()
    server.conflict = {"hostname": "web-3", "address": "10.0.0.9"}
    poller._heartbeat.start_over()
    poller._contact()
    assert ["web-2 (10.0.0.8)" in text for text in caplog.messages] == [True, False]
    assert "web-3 (10.0.0.9)" in caplog.messages[1]


def test_an_instance_is_a_journal_and_no_copy_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir(mode=0o700)
    made = Journal(tmp_path / "work", 1).instance()
    assert Journal(tmp_path / "work", 1).instance() == made
    shutil.copytree(tmp_path / "work", tmp_path / "copy")
    assert Journal(tmp_path / "copy", 1).instance() != made
    monkeypatch.setattr("plumber_agent.jobs.journal.boot_id", lambda: "another start")
    assert Journal(tmp_path / "work", 1).instance() != made


@pytest.mark.parametrize(("command", "leaves"), [("true", True), ("sleep 60", False)])
def test_an_agent_that_ends_leaves_unless_it_holds_a_job(
    plane: Plane, agent: Any, command: str, leaves: bool
) -> None:
    plane.offers = [plane.offer(command)]
    process = agent("--drain-seconds", "0")
    wait_until(lambda: plane.ends() if leaves else plane.said("job.start"))
    wait_until(lambda: plane.said("agent.poll")[-1]["leases"] == ([] if leaves else ["l1"]))
    process.terminate()
    process.communicate(timeout=SECONDS)
    left = plane.said("agent.leave")
    instance = plane.said("agent.poll")[0]["instance"]
    assert left == ([{"instance": instance}] if leaves else [])
