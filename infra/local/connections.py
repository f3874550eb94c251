"""What the local API takes of its callers: as much as API Gateway does, so that none of them
keeps it from all others.

Every process and every web page of the machine reaches its port. Requests are bounded before they
are read, calls of one caller at once are counted, and who connects and says nothing makes room.
"""

import hashlib
import socket
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from chalice.local import LocalGatewayException

from chalicelib.errors import BadParameter
from infra import gateway

MOST_BODY_BYTES = (
    10_000_000  # https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
)
AT_ONCE = 64  # calls of one caller; a follower's waits for ten seconds, and is one too
MOST_CONNECTIONS = 1_000
SILENT_SECONDS = 75  # longer than clients keep a silent connection


class GatewayRefusal(LocalGatewayException):
    """What API Gateway answers by itself, and so does this."""

    def __init__(self, status: int, code: int, message: str) -> None:
        said = gateway.body(code, message).replace("$context.requestId", "local")
        super().__init__({"Content-Type": "application/json"}, said.encode())
        self.CODE = status


def refusal(headers: Mapping[str, str]) -> GatewayRefusal | None:
    """Why a request is not even read, by its headers; None for one that is."""
    length = headers.get("content-length", "0").strip()
    if headers.get("transfer-encoding"):
        return GatewayRefusal(411, BadParameter.code, "Say how long the body is: Content-Length.")
    if not (length.isascii() and length.isdigit()):
        return GatewayRefusal(400, BadParameter.code, gateway.REFUSED)
    if len(length) > 9 or int(length) > MOST_BODY_BYTES:
        return GatewayRefusal(413, BadParameter.code, gateway.TOO_LARGE)
    return None


class Callers:
    """How many calls each caller has under way, known by its token."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._lock = threading.Lock()
        self._calls: Counter[bytes] = Counter()

    @contextmanager
    def call(self, authorization: str) -> Iterator[None]:
        """One of them. Raises GatewayRefusal for one too many."""
        who = hashlib.sha256(authorization.encode(errors="replace")).digest()
        with self._lock:
            if self._calls[who] >= self._at_once:
                raise GatewayRefusal(429, gateway.TOO_MANY_CODE, gateway.TOO_MANY)
            self._calls[who] += 1
        try:
            yield
        finally:
            with self._lock:
                self._calls[who] -= 1
                if not self._calls[who]:
                    del self._calls[who]


class Connections:
    """Those that are open. Where there are too many, the one that has been silent for the longest
    is closed: whoever says something is answered, however many say nothing."""

    def __init__(self, most: int = MOST_CONNECTIONS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._silent: dict[socket.socket, None] = {}  # in the order in which they fell silent
        self._answered: set[socket.socket] = set()

    def opened(self, connection: socket.socket) -> None:
        """Makes room for it, if need be."""
        with self._lock:
            if len(self._silent) + len(self._answered) >= self._most and self._silent:
                longest = next(iter(self._silent))
                del self._silent[longest]
                _close(longest)
            self._silent[connection] = None

    def asked(self, connection: socket.socket) -> None:
        """A whole request has come, and is answered now."""
        with self._lock:
            self._silent.pop(connection, None)
            self._answered.add(connection)

    def answered(self, connection: socket.socket) -> None:
        """It waits for the next one."""
        with self._lock:
            self._answered.discard(connection)
            self._silent[connection] = None

    def closed(self, connection: socket.socket) -> None:
        """It is gone. May be repeated."""
        with self._lock:
            self._silent.pop(connection, None)
            self._answered.discard(connection)


def _close(connection: socket.socket) -> None:
    """Its thread reads the end of what comes, and ends."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it was closed already
