"""The local API server beside what Chalice's own does."""

import gzip
import http.client
import json
import socket
import threading
from functools import partial

import pytest
from chalice.config import Config

from app import app as chalice_app
from infra.local.connections import Callers, Connections, GatewayRefusal
from infra.local.gateway import AsOnAws
from tests.stack.live import LiveControlPlane


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "GOT"])
def test_an_unknown_method_is_refused_like_one_that_a_path_does_not_have(
    live_api: LiveControlPlane, method: str
) -> None:
    connection = http.client.HTTPConnection(live_api.url.removeprefix("http://"), timeout=20)
    told = []
    for each in (method, "DELETE"):
        connection.request(each, "/api/v1/health")
        answer = connection.getresponse()
        document = json.load(answer) | {"timestamp": None}
        told.append((answer.status, answer.headers["Content-Type"], document))
    connection.close()
    assert told[0][:2] == (405, "application/json")
    assert str(told[0]).replace(method, "DELETE") == str(told[1])


@pytest.mark.parametrize("method", ["GET", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND"])
@pytest.mark.parametrize(
    ("path", "status"), [("/api/v1/nothing", 404), ("/nothing", 404), ("/api/v1/tasks/x/plan", 405)]
)
def test_what_no_route_has_is_refused_in_the_envelope_and_the_connection_lives_on(
    live_api: LiveControlPlane, method: str, path: str, status: int
) -> None:
    connection = http.client.HTTPConnection(live_api.url.removeprefix("http://"), timeout=20)
    connection.request(method, path, headers={"Authorization": "Bearer plb_x_y"})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Content-Type"]) == (status, "application/json")
    said = answer.read()
    if method != "HEAD":
        code, data = (json.loads(said)[key] for key in ("code", "data"))
        assert (code, data) in ((1004, None), (1001, None), (1004, {"request_id": "local"}))
    connection.request("GET", "/api/v1/health")
    assert connection.getresponse().status == 200
    connection.close()


def test_pages_are_compressed_for_who_takes_it_and_json_is_not(live_api: LiveControlPlane) -> None:
    connection = http.client.HTTPConnection(live_api.url.removeprefix("http://"), timeout=20)

    def get(path: str, accepts: str) -> tuple[str | None, bytes]:
        connection.request("GET", path, headers={"Accept-Encoding": accepts})
        answer = connection.getresponse()
        return answer.headers["Content-Encoding"], answer.read()

    encoding, packed = get("/api/v1/docs-assets/docs.js", "gzip, deflate, br")
    assert encoding == "gzip"
    assert (None, gzip.decompress(packed)) == get("/api/v1/docs-assets/docs.js", "br")
    assert get("/api/v1/openapi.json", "gzip")[0] is None
    connection.close()


# --- what it takes of its callers


def send(plane: LiveControlPlane, said: bytes) -> bytes:
    """Raw bytes; answers what comes back first."""
    host, port = plane.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 20) as sock:
        sock.sendall(said)
        return sock.recv(65536)


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (b"Content-Length: 10000001", 413),
        (b"Content-Length: " + b"9" * 5_000, 413),
        (b"Content-Length: -5", 400),
        (b"Content-Length: some", 400),
        (b"Transfer-Encoding: chunked", 411),
    ],
)
def test_a_body_that_is_too_large_is_refused_before_it_is_read(
    live_api: LiveControlPlane, header: bytes, status: int
) -> None:
    """Without a token too: ten of 300 MB took the API to 3 GB."""
    answer = send(live_api, b"POST /rpc HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n\r\n")
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert json.loads(answer.rpartition(b"\r\n\r\n")[2])["code"] == 1001


def test_the_calls_of_one_caller_at_once_are_counted() -> None:
    callers = Callers(at_once=2)
    with callers.call("Bearer a"), callers.call("Bearer a"):
        with pytest.raises(GatewayRefusal) as refused, callers.call("Bearer a"):
            pass
        assert (refused.value.CODE, json.loads(refused.value.body)["code"]) == (429, 1006)
        with callers.call("Bearer b"):
            pass
    with callers.call("Bearer a"):
        assert len(callers._calls) == 1


def test_followers_of_one_token_keep_no_other_caller_waiting() -> None:
    """Each call of a follower lasts as long as it may wait."""
    called, held = threading.Event(), threading.Event()
    callers = Callers(at_once=1)

    def answered(event: object, context: object) -> dict[str, object]:
        called.set()
        held.wait(10)
        return {}

    gateway = AsOnAws(chalice_app, Config(), callers)
    gateway._app_object = answered  # type: ignore[assignment]
    ask = partial(gateway.handle_request, "GET", "/api/v1/me", body=None)
    follower = threading.Thread(target=ask, kwargs={"headers": {"Authorization": "Bearer a"}})
    follower.start()
    assert called.wait(10)
    with pytest.raises(GatewayRefusal):
        ask(headers={"authorization": "Bearer a"})
    held.set()
    assert ask(headers={"authorization": "Bearer b"}) == {}
    follower.join()
    assert ask(headers={"authorization": "Bearer a"}) == {}


def test_who_connects_and_says_nothing_makes_room() -> None:
    connections = Connections(most=2)
    pairs = [socket.socketpair() for _ in range(4)]
    (busy, _), (silent, its_end), *later = pairs
    connections.opened(busy)
    connections.asked(busy)
    connections.opened(silent)
    its_end.settimeout(10)
    for ours, _ in later:
        connections.opened(ours)
        assert its_end.recv(1) == b""  # closed: that of the call which is answered is not
        its_end = pairs[pairs.index((ours, _))][1]
        its_end.settimeout(10)
    connections.answered(busy)
    connections.closed(later[-1][0])
    pairs[0][1].setblocking(False)
    with pytest.raises(BlockingIOError):
        pairs[0][1].recv(1)
    for pair in pairs:
        for each in pair:
            each.close()
