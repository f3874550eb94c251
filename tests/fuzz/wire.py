"""Requests as bytes, over a connection that is kept, and their answers as they came."""

import http.client
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

JSON, TOML = "application/json", "application/toml"
TIME_OUT_SECONDS = 60.0
NO_ANSWER = 0  # the status where the connection ended without one


class Sent(msgspec.Struct, frozen=True):
    """A request. `by` is a role of the stage; words in `@` stand for ids of the stage."""

    by: str
    method: str
    path: str
    body: bytes = b""
    content_type: str = JSON


class Answer(msgspec.Struct, frozen=True):
    """`headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


class Connection:
    """To one server; of one thread. To be closed."""

    def __init__(self, url: str) -> None:
        self._place = urlsplit(url).netloc
        self._kept: http.client.HTTPConnection | None = None

    def close(self) -> None:
        """May be repeated, and may be used again after."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Once more over a new connection where a kept one was closed meanwhile."""
        if self._kept is not None:
            try:
                return self._once(self._kept, method, path, headers, body)
            except (OSError, http.client.HTTPException):
                self.close()
        self._kept = http.client.HTTPConnection(self._place, timeout=TIME_OUT_SECONDS)
        began = time.monotonic()
        try:
            return self._once(self._kept, method, path, headers, body)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return Answer(NO_ANSWER, {}, repr(error).encode(), time.monotonic() - began)

    def _once(
        self,
        kept: http.client.HTTPConnection,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> Answer:
        began = time.monotonic()
        kept.request(method, path, body or None, dict(headers))
        answer = kept.getresponse()
        read = answer.read()
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, named, read, time.monotonic() - began)
