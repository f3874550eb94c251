"""HTTP connections of the agent's: kept alive, and given up before somebody between has forgotten
them."""

import socket
import time
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

# Gateways forget silent connections after a minute or more, often without a word; a request on such
# a one hangs until it times out.
IDLE_SECONDS = 45.0
# While a request waits for its answer: the kernel asks whether the other side is there.
KEEPALIVE = {
    "TCP_KEEPIDLE": 15,  # seconds of silence before the first question
    "TCP_KEEPINTVL": 5,
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": 20_000,  # milliseconds for which what was sent may stay unconfirmed
}


class Connection(requests.Session):
    """A session for one thread. Proxies and authorities of the environment hold; what `~/.netrc`
    says of the host does not: it would take the place of the token, or spoil a signed address."""

    def __init__(self, token: str | None = None) -> None:
        super().__init__()
        self.auth = _Authorization(token)
        for scheme in ("http://", "https://"):
            self.mount(scheme, _KeptAlive())
        self._used_at = time.monotonic()

    def request(self, *arguments: Any, **keys: Any) -> requests.Response:
        """As `requests.Session.request`; over a new connection after a silence."""
        if time.monotonic() - self._used_at > IDLE_SECONDS:
            self.close()
        try:
            return super().request(*arguments, **keys)
        finally:
            self._used_at = time.monotonic()

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """Who is redirected carries no token along."""
        prepared_request.headers.pop("Authorization", None)


class _Authorization(requests.auth.AuthBase):
    """The token, or none."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _KeptAlive(HTTPAdapter):
    def init_poolmanager(self, *arguments: Any, **keys: Any) -> None:
        super().init_poolmanager(*arguments, socket_options=_options(), **keys)

    def proxy_manager_for(self, *arguments: Any, **keys: Any) -> Any:
        return super().proxy_manager_for(*arguments, socket_options=_options(), **keys)


def _options() -> list[tuple[int, int, int]]:
    """What of it this machine's kernel knows."""
    known = [
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in KEEPALIVE.items()
        if hasattr(socket, name)
    ]
    return [
        *HTTPConnection.default_socket_options,
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        *known,
    ]
