"""Connections: kept, renewed, shared by threads, over TLS and through proxies."""

import base64
import datetime
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    InvalidProxiesConfigError,
    ProxyConnectionError,
    SSLError,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chalicelib.aws import client as aws
from chalicelib.aws import connections
from chalicelib.aws.client import Client
from chalicelib.dynamo.transport import DYNAMODB
from tests.transport.conftest import Serve
from tests.transport.far_side import ITEM, FarSide, Line, answer, echo, hang_up, silence, then_close

Ours = Callable[[], Client]


def ask(client: Client) -> Any:
    return json.loads(client.send("GetItem", b"{}"))


def used(far: FarSide) -> list[int]:
    """On which connection each request came."""
    return [heard.connection for heard in far.heard]


# --- kept and renewed


def test_a_connection_serves_many_calls(serve: Serve, ours: Ours) -> None:
    far = serve(answer())
    for _ in range(5):
        ask(ours())
    assert used(far) == [1] * 5


def test_one_that_the_server_closed_meanwhile_costs_a_new_one_and_no_error(
    serve: Serve, ours: Ours, pauses: list[float]
) -> None:
    far = serve(then_close(answer()), answer())
    assert [ask(ours()) for _ in range(3)] == [ITEM] * 3
    assert used(far) == [1, 2, 2]
    assert pauses == []


def test_nor_does_one_that_is_closed_while_the_request_is_under_way(
    serve: Serve, ours: Ours, pauses: list[float]
) -> None:
    """Between our look and its arrival; Node does so after five idle seconds."""
    far = serve(answer(), hang_up, answer())
    assert [ask(ours()) for _ in range(2)] == [ITEM] * 2
    assert used(far) == [1, 1, 2]
    assert pauses == []


def test_when_one_has_died_silently_the_others_are_not_tried_too(serve: Serve) -> None:
    """Or a few dead ones would use up all attempts, and all their time."""
    kept = 4
    meeting = threading.Barrier(kept)

    def together(line: Line) -> bool:
        meeting.wait(10)
        return answer()(line)

    far = serve(*[together] * kept, silence, answer())
    client = aws.client(aws.Service("dynamodb", DYNAMODB.target, 2, 1, 0.1))
    with ThreadPoolExecutor(kept) as callers:
        list(callers.map(lambda _: ask(client), range(kept)))
    assert ask(client) == ITEM
    assert far.connections == kept + 1
    assert used(far)[-1] == kept + 1


def test_a_new_one_that_is_closed_at_once_is_a_fault(
    serve: Serve, ours: Ours, pauses: list[float]
) -> None:
    far = serve(hang_up, answer())
    assert ask(ours()) == ITEM
    assert (used(far), len(pauses)) == ([1, 2], 1)


def test_one_that_rested_too_long_is_not_used_again(
    serve: Serve, ours: Ours, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A box on the way may have forgotten it, and would swallow the request."""
    far = serve(answer())
    now = [1_000.0]
    monkeypatch.setattr(connections, "monotonic", lambda: now[0])
    for rests in (0.0, connections.IDLE_SECONDS, connections.IDLE_SECONDS + 0.001):
        now[0] += rests
        ask(ours())
    assert used(far) == [1, 1, 2]


def test_threads_share_connections_and_get_their_own_answers(serve: Serve, ours: Ours) -> None:
    far = serve(echo)
    client = ours()

    def call(number: int) -> bool:
        body = json.dumps({"n": number}).encode()
        return client.send("GetItem", body) == body

    with ThreadPoolExecutor(16) as callers:
        assert all(callers.map(call, range(400)))
    assert sorted(json.loads(heard.body)["n"] for heard in far.heard) == list(range(400))
    assert far.connections <= 16


def test_many_threads_that_come_first_make_one_client(serve: Serve) -> None:
    serve(answer())
    start = threading.Barrier(8)

    def first(_: int) -> int:
        start.wait()
        return id(aws.client(DYNAMODB))

    with ThreadPoolExecutor(8) as callers:
        assert len(set(callers.map(first, range(8)))) == 1


def test_a_warmed_client_has_connected_before_its_first_call(serve: Serve, ours: Ours) -> None:
    far = serve(answer())
    ours().warm()
    ask(ours())
    assert (far.connections, used(far)) == (1, [1])


def test_warming_leaves_faults_to_the_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1")
    aws.forget()
    aws.client(DYNAMODB).warm()
    aws.forget()


def test_a_server_that_does_not_accept_is_told(pauses: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:  # fills the queue of those that wait to be accepted
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        pool = connections.Pool(f"http://127.0.0.1:{port}", 0.1, 0.1)
        with pytest.raises(ConnectTimeoutError):
            pool.exchange({}, b"")
        for each in waiting:
            each.close()


# --- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 127.0.0.1, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "far side")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = datetime.datetime.now(datetime.timezone.utc)  # noqa: TID251  a certificate's
    day = datetime.timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    place = tmp_path_factory.mktemp("tls") / "both.pem"
    place.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return place


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    connections._tls.cache_clear()
    yield
    connections._tls.cache_clear()


def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.mark.usefixtures("trusted")
def test_calls_go_over_tls_on_one_connection(serve: Serve, ours: Ours, certificate: Path) -> None:
    far = serve(answer(), tls=tls(certificate))
    ours().warm()
    for _ in range(3):
        assert ask(ours()) == ITEM
    assert (far.connections, used(far)) == (1, [1, 1, 1])


@pytest.mark.usefixtures("trusted")
def test_a_closed_tls_connection_is_renewed(serve: Serve, ours: Ours, certificate: Path) -> None:
    far = serve(then_close(answer()), answer(), tls=tls(certificate))
    assert [ask(ours()), ask(ours())] == [ITEM, ITEM]
    assert used(far) == [1, 2]


def test_a_server_that_nobody_vouches_for_is_told_nothing(
    serve: Serve, ours: Ours, certificate: Path
) -> None:
    connections._tls.cache_clear()
    far = serve(answer(), tls=tls(certificate))
    with pytest.raises(SSLError, match="certificate verify failed"):
        ask(ours())
    assert far.heard == []


@pytest.mark.usefixtures("trusted")
def test_a_certificate_of_another_host_is_refused(certificate: Path, serve: Serve) -> None:
    far = FarSide([answer()], tls=tls(certificate))
    with far.serving() as origin:
        pool = connections.Pool(origin.replace("127.0.0.1", "localhost"), 2, 2)
        with pytest.raises(SSLError):
            pool.exchange({}, b"")


# --- proxies


@pytest.fixture
def through(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A factory: sets the environment's proxy."""

    def choose(scheme: str, url: str) -> None:
        for name in ("no_proxy", "NO_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(f"{scheme}_proxy", url)

    return choose


def test_a_proxy_gets_the_whole_address_and_its_password(serve: Serve, through: Any) -> None:
    proxy = FarSide([answer()])
    with proxy.serving() as origin:
        through("http", origin.replace("http://", "http://ann:p%40ss@"))
        pool = connections.Pool("http://dynamodb.example", 2, 2)
        assert json.loads(pool.exchange({"host": "dynamodb.example"}, b"").body) == ITEM
        pool.close()
    heard = proxy.heard[0]
    assert heard.line == "POST http://dynamodb.example/ HTTP/1.1"
    assert heard.headers["host"] == "dynamodb.example"
    expected = base64.b64encode(b"ann:p@ss").decode()
    assert heard.headers["proxy-authorization"] == f"Basic {expected}"


def test_a_host_that_needs_no_proxy_is_asked_directly(
    serve: Serve, ours: Ours, through: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    through("http", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    serve(answer())
    assert ask(ours()) == ITEM


def tunnel(listener: socket.socket, asked: list[bytes], refusal: bytes | None) -> None:
    sock, _ = listener.accept()
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += sock.recv(1)
    asked.append(head)
    if refusal is not None:
        sock.sendall(refusal)
        sock.close()
        return
    host, port = head.split()[1].decode().split(":")
    far = socket.create_connection((host, int(port)))
    sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")

    def pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    back = threading.Thread(target=pump, args=(far, sock), daemon=True)
    back.start()
    pump(sock, far)
    back.join(10)
    for end in (sock, far):
        end.close()


@pytest.mark.usefixtures("trusted")
def test_tls_goes_through_a_tunnel(certificate: Path, through: Any) -> None:
    far, asked = FarSide([answer()], tls=tls(certificate)), []
    with far.serving() as origin, socket.create_server(("127.0.0.1", 0)) as proxy:
        threading.Thread(target=tunnel, args=(proxy, asked, None), daemon=True).start()
        through("https", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        pool = connections.Pool(origin, 2, 2)
        assert json.loads(pool.exchange({"host": "h"}, b"").body) == ITEM
        pool.close()
    target = origin.removeprefix("https://").encode()
    assert asked[0].startswith(b"CONNECT " + target + b" HTTP/1.1\r\nHost: " + target)
    assert far.heard[0].line == "POST / HTTP/1.1"


def test_a_proxy_that_refuses_is_told_without_its_password(through: Any) -> None:
    refusal = b"HTTP/1.1 407 Who are you\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        threading.Thread(target=tunnel, args=(proxy, [], refusal), daemon=True).start()
        through("https", f"http://ann:secret@127.0.0.1:{proxy.getsockname()[1]}")
        pool = connections.Pool("https://dynamodb.example", 2, 2)
        with pytest.raises(ProxyConnectionError) as caught:
            pool.exchange({}, b"")
    assert "407" in str(caught.value.__cause__)
    assert "secret" not in str(caught.value)


def test_a_proxy_that_speaks_tls_is_refused_at_once(through: Any) -> None:
    """Its password would go to it in clear."""
    through("https", "https://ann:secret@127.0.0.1:1")
    with pytest.raises(InvalidProxiesConfigError) as caught:
        connections.Pool("https://dynamodb.example", 2, 2)
    assert "secret" not in str(caught.value)


def test_a_proxy_that_is_not_there_is_told(through: Any) -> None:
    through("https", "http://127.0.0.1:1")
    with pytest.raises(EndpointConnectionError):
        connections.Pool("https://dynamodb.example", 2, 2).exchange({}, b"")
