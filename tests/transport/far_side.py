"""A server that does to each request what the test tells it: the far side of the transport."""

import gzip
import json
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

from chalicelib.aws import account

PATIENCE_SECONDS = 10.0
ITEM = {"Item": {"id": {"S": "one"}}}


@dataclass(frozen=True)
class Heard:
    """A request as it arrived."""

    line: str
    headers: dict[str, str]
    body: bytes
    connection: int


Act = Callable[["Line"], bool]  # says whether the connection stays open


class Line:
    """A connection to answer on, and the request that came last."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.body = b""

    def sendall(self, data: bytes) -> None:
        self.socket.sendall(data)


def answer(document: object = ITEM, status: int = 200, **more: Any) -> Act:
    """An answer as DynamoDB gives it. `more` are headers, with `_` for `-`; None leaves one out."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    headers: dict[str, Any] = {
        "Content-Type": "application/x-amz-json-1.0",
        "Content-Length": len(body),
        "x-amzn-RequestId": "R1",
        "x-amz-crc32": zlib.crc32(body),
        **{name.replace("_", "-"): text for name, text in more.items()},
    }
    lines = "".join(f"{name}: {text}\r\n" for name, text in headers.items() if text is not None)
    return raw(f"HTTP/1.1 {status} Whatever\r\n{lines}\r\n".encode() + body)


def refusal(code: str, status: int = 400, **more: Any) -> Act:
    """An error of DynamoDB's."""
    said = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": f"{code}, alas"}
    return answer(said, status, **more)


def packed(document: object = ITEM) -> Act:
    """An answer that travels as gzip."""
    return answer(gzip.compress(json.dumps(document).encode()), Content_Encoding="gzip")


def chunked(document: object = ITEM) -> Act:
    body = json.dumps(document).encode()
    parts = [body[:5], body[5:]]
    text = b"".join(b"%x;note=1\r\n%s\r\n" % (len(part), part) for part in parts)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return raw(head + text + b"0\r\nTrailer: x\r\n\r\n")


def raw(data: bytes, *, stays: bool = True) -> Act:
    def act(line: Line) -> bool:
        line.sendall(data)
        return stays

    return act


def then_close(act: Act) -> Act:
    """Closes the connection after an answer that did not say so."""

    def both(line: Line) -> bool:
        act(line)
        return False

    return both


def truncated(act: Act, missing: int) -> Act:
    """All of an answer but its last bytes."""

    class Short(Line):
        def sendall(self, data: bytes) -> None:
            self.socket.sendall(data[:-missing])

    def cut(line: Line) -> bool:
        act(Short(line.socket))
        return False

    return cut


def echo(line: Line) -> bool:
    """Answers what was sent."""
    return answer(line.body)(line)


def hang_up(line: Line) -> bool:
    """Reads the request and closes without a word."""
    return False


def silence(line: Line) -> bool:
    """Never answers; goes when the caller has gone."""
    with suppress(OSError):
        line.socket.recv(1)
    return False


def of_tomorrow() -> str:
    """A `Date` header that is far from ours."""
    return format_datetime(account.now() + timedelta(days=1), usegmt=True)


@dataclass
class FarSide:
    """Does one act a request, in order; the last one for all that come after."""

    acts: Sequence[Act]
    tls: ssl.SSLContext | None = None
    heard: list[Heard] = field(default_factory=list)
    connections: int = 0
    accepted: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _listener: socket.socket = field(init=False)
    _open: list[socket.socket] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Answers its origin."""
        with socket.create_server(("127.0.0.1", 0)) as self._listener:
            self._start(self._accept)
            scheme = "http" if self.tls is None else "https"
            try:
                yield f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
            finally:
                # Each thread closes its own: a number that is closed under it may be another's.
                for sock in (self._listener, *self._open):
                    with suppress(OSError):
                        sock.shutdown(socket.SHUT_RDWR)
                for thread in self._threads:
                    thread.join(PATIENCE_SECONDS)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                self._open.append(sock)
                self.accepted.release()
                self._start(self._serve, sock, self.connections)

    def _start(self, work: Callable[..., None], *given: Any) -> None:
        self._threads.append(threading.Thread(target=work, args=given, daemon=True))
        self._threads[-1].start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        sock.settimeout(PATIENCE_SECONDS)
        try:
            if self.tls is not None:
                sock = self.tls.wrap_socket(sock, server_side=True)
                self._open.append(sock)
            while self._one(sock, number):
                continue
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the caller has gone, or the test is over
        finally:
            sock.close()

    def _one(self, sock: socket.socket, number: int) -> bool:
        answering, data = Line(sock), b""
        while b"\r\n\r\n" not in data:
            if not (more := sock.recv(65536)):
                return False
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        line, *rest = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): text.strip() for name, _, text in (r.partition(":") for r in rest)}
        while len(body) < int(headers.get("content-length", 0)):
            body += sock.recv(65536)
        with self._lock:
            act = self.acts[min(len(self.heard), len(self.acts) - 1)]
            self.heard.append(Heard(line, headers, body, number))
        answering.body = body
        return act(answering)
