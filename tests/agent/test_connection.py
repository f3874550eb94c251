"""Connections: kept alive, not trusted after a silence, and nothing of `~/.netrc` on them."""

import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from plumber_agent.machine import connection, facts
from plumber_agent.machine.connection import IDLE_SECONDS, KEEPALIVE, Connection
from plumber_agent.machine.doorbell import Doorbell
from plumber_agent.machine.facts import RESOLVED_SECONDS, Facts
from plumber_agent.machine.wire import Wire
from plumber_cli.client import Client
from plumber_cli.config import Target
from tests.agent.plane import SECONDS, Plane, wait_until


class Clock:
    """Goes on when the test says so."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").touch(mode=0o600)
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login ann password wrong\n")
    monkeypatch.setenv("HOME", str(tmp_path))


def test_a_netrc_does_not_replace_the_token(plane: Plane, netrc: None) -> None:
    Wire(plane.url, "secret").call("agent.heartbeat", {})
    Wire(plane.url, None).call("agent.enroll", {})
    assert [token for *_, token in plane.calls] == ["Bearer secret", None]


def test_a_netrc_does_not_spoil_signed_addresses(plane: Plane, netrc: None) -> None:
    stop = threading.Event()
    bell = Doorbell(stop.set, lambda: None, stop)  # until the first ring
    bell.take({"url": plane.url, "expires_in_seconds": 900, "wait_seconds": 1}, "none")
    bell.start()
    assert stop.wait(SECONDS)
    assert b"".join(Client(Target(plane.url, "token")).download(plane.url)) == b"<Message>"
    assert len(plane.signed) >= 2
    assert {authorization for _, authorization in plane.signed} == {None}


def test_a_real_agent_is_let_in_and_ships_whatever_netrc_says(
    plane: Plane, agent: Any, netrc: None
) -> None:
    agent()
    plane.offers = [plane.offer("echo x")]
    wait_until(lambda: plane.chunks and plane.ends())
    assert {token for *_, token in plane.calls} == {"Bearer secret"}
    assert plane.signed[0] == ("PUT", None)


def test_a_connection_is_kept_while_it_is_used_and_renewed_after_a_silence(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(connection, "time", clock)
    with Connection() as session:
        made = []
        for seconds in (0.0, IDLE_SECONDS - 5, IDLE_SECONDS - 5, IDLE_SECONDS + 1, 0.0):
            clock.ahead += seconds
            session.get(plane.url)
            made.append(plane.connections)
    assert made == [1, 1, 1, 2, 2]


def test_the_kernel_watches_over_connections(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    sockets = []
    connect = socket.socket.connect

    def noted(self: socket.socket, *arguments: Any) -> None:
        sockets.append(self)
        connect(self, *arguments)

    monkeypatch.setattr(socket.socket, "connect", noted)
    with Connection() as session:
        session.get(plane.url)
        (used,) = sockets
        assert used.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        for name, value in KEEPALIVE.items():
            assert used.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) == value


def test_the_control_planes_name_is_not_looked_up_at_each_wake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, lookups = Clock(), []

    def resolve(host: str) -> str:
        lookups.append(host)
        if len(lookups) == 1:
            raise socket.gaierror
        return "127.0.0.1"

    monkeypatch.setattr(facts, "time", clock)
    monkeypatch.setattr(socket, "gethostbyname", resolve)
    known = Facts("https://plane.example:8443/api")
    assert [known.now()["address"] for _ in range(3)] == ["", "", ""]
    clock.ahead += RESOLVED_SECONDS + 1
    assert [known.now()["address"] for _ in range(3)] == ["127.0.0.1"] * 3
    assert lookups == ["plane.example"] * 2
