"""Kept-alive connections to one server: HTTP/1.1, as much of it as AWS's JSON services speak.

The standard library's client spends more time on an answer's headers than on everything else of a
call. A connection that the far side has closed meanwhile costs a new one, and is no error.
"""

import base64
import select
import socket
import ssl
import zlib
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from time import monotonic
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import msgspec
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    InvalidProxiesConfigError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)
from msgspec.structs import replace

IDLE_SECONDS = 45.0  # an older one may have been dropped on the way without a word
KEPT = 32  # connections that wait for work
MAX_HEAD_BYTES = 64 << 10
_RECEIVE_BYTES = 64 << 10


class Answer(msgspec.Struct, frozen=True):
    """What a server said. Headers are named in lower case; the body is as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Broken(Exception):
    """The connection ended, or what came is not HTTP. `began` says whether an answer had begun."""

    def __init__(self, what: str, began: bool) -> None:
        super().__init__(what)
        self.began = began


class Connection:
    """One connection, for one call at a time."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._left = b""  # what came after the last answer
        self._unused_since = monotonic()
        self.is_reusable = True

    def is_fresh(self) -> bool:
        """Whether it can be used again: not too old, and the far side has said nothing, not even
        that it is leaving."""
        if monotonic() - self._unused_since > IDLE_SECONDS:
            return False
        poller = select.poll()
        poller.register(self._socket, select.POLLIN | select.POLLHUP | select.POLLERR)
        return not poller.poll(0) or self._has_only_tickets()

    def _has_only_tickets(self) -> bool:
        """TLS 1.3 servers send session tickets after the handshake, which nobody reads before the
        first answer: what can be read is then no answer and no end."""
        if not isinstance(self._socket, ssl.SSLSocket):
            return False
        seconds = self._socket.gettimeout()
        self._socket.settimeout(0)
        try:
            self._socket.recv(1)
        except ssl.SSLWantReadError:
            self._socket.settimeout(seconds)
            return True
        except OSError:
            return False
        return False

    def exchange(self, request: bytes) -> Answer:
        """Sends a whole request. Raises Broken, TimeoutError or OSError; it is of no use then."""
        self._left = b""
        try:
            self._socket.sendall(request)
            self._left = self._receive()
        except ConnectionError as error:
            raise Broken(str(error), began=False) from error
        try:
            answer = self._answer()
        except ConnectionError as error:
            raise Broken(str(error), began=True) from error
        has_said_bye = answer.headers.get("connection", "").lower() == "close"
        self.is_reusable = not has_said_bye and not self._left
        self._unused_since = monotonic()
        return answer

    def _answer(self) -> Answer:
        while True:
            status, headers = _parsed(self._until(b"\r\n\r\n", MAX_HEAD_BYTES))
            if status >= 200:  # what is below says that the answer is still to come
                return Answer(status, headers, self._body(headers))

    def _receive(self) -> bytes:
        data = self._socket.recv(_RECEIVE_BYTES)
        if not data:
            raise ConnectionResetError("the server closed the connection")
        return data

    def _until(self, mark: bytes, limit: int) -> bytes:
        """All up to the mark, which is taken and not answered."""
        while (end := self._left.find(mark)) < 0:
            if len(self._left) > limit:
                raise Broken("what was sent is not HTTP", began=True)
            self._left += self._receive()
        found, self._left = self._left[:end], self._left[end + len(mark) :]
        return found

    def _exactly(self, count: int) -> bytes:
        parts, have = [self._left], len(self._left)
        while have < count:
            parts.append(self._receive())
            have += len(parts[-1])
        data = b"".join(parts)
        self._left = data[count:]
        return data[:count]

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunked()
        length = headers.get("content-length", "")
        if not length.isdigit() or "transfer-encoding" in headers:
            raise Broken("a body without a length", began=True)
        return self._exactly(int(length))

    def _chunked(self) -> bytes:
        body = b""
        while True:
            line = self._until(b"\r\n", MAX_HEAD_BYTES).partition(b";")[0]
            try:
                count = int(line, 16)
            except ValueError as error:
                raise Broken("what was sent is not HTTP", began=True) from error
            if count == 0:
                while self._until(b"\r\n", MAX_HEAD_BYTES):
                    continue  # trailers
                return body
            body += self._exactly(count + 2)[:-2]

    def close(self) -> None:
        self._socket.close()


def _parsed(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    if not version.startswith("HTTP/1.") or len(rest) < 3 or not rest[:3].isdigit():
        raise Broken("what was sent is not HTTP", began=True)
    headers = {}
    for line in lines:
        name, _, text = line.partition(":")
        headers[name.lower()] = text.strip()
    return int(rest[:3]), headers


class Pool:
    """The connections to one origin (`https://host:port`). For many threads.

    Raises botocore's exceptions, so that whoever judges faults finds those that it knows.
    """

    def __init__(self, origin: str, connect_seconds: float, read_seconds: float) -> None:
        self.origin = origin
        self._connect_seconds = connect_seconds
        self._read_seconds = read_seconds
        self._route = _route(origin)
        self._idle: deque[Connection] = deque(maxlen=KEPT)

    def exchange(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """One POST to `/`. A kept connection that turns out to be closed costs a new one."""
        lines = "".join([f"{name}: {text}\r\n" for name, text in headers.items()])
        route = self._route
        head = f"POST {route.prefix}/ HTTP/1.1\r\n{lines}{route.allowed}\r\n"
        request = head.encode("latin-1") + body
        kept = self._kept()
        if kept is not None:
            with suppress(_Unheard):
                return self._through(kept, request, is_kept=True)
        return self._through(self._connect(), request, is_kept=False)

    def _kept(self) -> Connection | None:
        """The one used last: the others may rest until they are too old."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if connection.is_fresh():
                return connection
            connection.close()

    def _through(self, connection: Connection, request: bytes, *, is_kept: bool) -> Answer:
        try:
            answer = connection.exchange(request)
        except BaseException as error:
            connection.close()
            if is_kept:
                self.close()  # what ended one may have ended all: the next attempt finds out anew
            if isinstance(error, TimeoutError):
                raise ReadTimeoutError(endpoint_url=self.origin, error=error) from error
            if is_kept and isinstance(error, Broken) and not error.began:
                raise _Unheard from error
            if isinstance(error, Broken | OSError):
                raise ConnectionClosedError(endpoint_url=self.origin, error=error) from error
            raise
        if connection.is_reusable and len(self._idle) < KEPT:
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    def warm(self) -> None:
        """Makes a connection and keeps it for the first call."""
        self._idle.append(self._connect())

    def close(self) -> None:
        """Closes what waits for work."""
        while self._idle:
            self._idle.pop().close()

    def _connect(self) -> Connection:
        route = self._route
        try:
            sock = socket.create_connection((route.host, route.port), self._connect_seconds)
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=self.origin, error=error) from error
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=self.origin, error=error) from error
        try:
            return Connection(self._prepared(sock))
        except ssl.SSLError as error:
            sock.close()
            raise SSLError(endpoint_url=self.origin, error=error) from error
        except TimeoutError as error:
            sock.close()
            raise ConnectTimeoutError(endpoint_url=self.origin, error=error) from error
        except ProxyConnectionError:  # an OSError too, as botocore has it
            sock.close()
            raise
        except (OSError, Broken) as error:
            sock.close()
            raise EndpointConnectionError(endpoint_url=self.origin, error=error) from error
        except BaseException:
            sock.close()
            raise

    def _prepared(self, sock: socket.socket) -> socket.socket:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self._route.tunnel is not None:
            self._open_tunnel(sock, self._route.tunnel)
        if self._route.is_tls:
            host = urlsplit(self.origin).hostname
            sock = _tls().wrap_socket(sock, server_hostname=host)
        sock.settimeout(self._read_seconds)
        return sock

    def _open_tunnel(self, sock: socket.socket, request: bytes) -> None:
        """Through a proxy to a server that speaks TLS."""
        sock.sendall(request)
        head = b""
        while not head.endswith(b"\r\n\r\n") and len(head) < MAX_HEAD_BYTES:
            # A byte at a time: what follows the answer belongs to TLS.
            if not (byte := sock.recv(1)):
                raise Broken("the proxy closed the connection", began=False)
            head += byte
        status, _ = _parsed(head.removesuffix(b"\r\n\r\n"))
        if status != 200:
            refusal = OSError(f"the proxy answered {status}")
            raise ProxyConnectionError(proxy_url=self._route.shown, error=refusal) from refusal


class _Unheard(Exception):
    """A kept connection ended before an answer began: the server had closed it."""


class _Route(msgspec.Struct, frozen=True):
    """How to reach an origin: where to connect, and what a proxy on the way wants to hear."""

    host: str
    port: int
    is_tls: bool
    prefix: str = ""  # before the path
    allowed: str = ""  # a header line with the proxy's password
    tunnel: bytes | None = None  # the request that opens one
    shown: str = ""  # the proxy, without its password


def _route(origin: str) -> _Route:
    """Through the environment's proxy where it names one for this host."""
    parts = urlsplit(origin)
    host, is_tls = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if is_tls else 80)
    proxy = getproxies().get(parts.scheme)
    if not proxy or proxy_bypass(parts.netloc):
        return _Route(host, port, is_tls)
    via = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    shown = f"{via.scheme}://{via.hostname}:{via.port or 80}"
    allowed = ""
    if via.username is not None:
        pair = f"{unquote(via.username)}:{unquote(via.password or '')}".encode()
        allowed = f"Proxy-Authorization: Basic {base64.b64encode(pair).decode()}\r\n"
    if via.scheme != "http":
        raise InvalidProxiesConfigError(error=f"{shown}: only proxies that speak HTTP are known")
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    tunnel = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{allowed}\r\n".encode("latin-1")
    near = _Route(via.hostname or "", via.port or 80, is_tls, shown=shown)
    if is_tls:
        return replace(near, tunnel=tunnel)
    return replace(near, prefix=origin, allowed=allowed)


@lru_cache(maxsize=1)  # reading the certificates takes longer than everything else of a connection
def _tls() -> ssl.SSLContext:
    """Trusts whom botocore trusts: `AWS_CA_BUNDLE`, or else the bundle that it brings."""
    from botocore.httpsession import get_cert_path

    from chalicelib.aws.account import session

    bundle = session().get_config_variable("ca_bundle")
    return ssl.create_default_context(cafile=bundle or get_cert_path(True))


def unpacked(answer: Answer) -> Answer:
    """Without its content encoding. Raises HTTPClientError when that is damaged."""
    if answer.headers.get("content-encoding", "").lower() != "gzip":
        return answer
    try:
        return replace(answer, body=zlib.decompress(answer.body, zlib.MAX_WBITS | 16))
    except zlib.error as error:
        raise HTTPClientError(error=error) from error
