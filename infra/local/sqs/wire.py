"""HTTP/1.1 as far as SQS's clients speak it: kept-alive connections, bodies of a known length."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

HEAD_BYTES = 32 * 1024
BODY_BYTES = 2 << 20  # a batch of 256 KiB in which every character is escaped


@dataclass(frozen=True)
class Request:
    """A request as it came: `query` is not decoded, the headers' names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What is answered, and of what type that is."""

    status: int
    body: bytes = b""
    kind: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        named = {"Content-Type": self.kind, "Content-Length": str(len(self.body)), **self.headers}
        lines = "".join(f"{name}: {text}\r\n" for name, text in named.items())
        phrase = HTTPStatus(self.status).phrase
        return f"HTTP/1.1 {self.status} {phrase}\r\n{lines}\r\n".encode() + self.body


class Unreadable(Exception):
    """What came is no request that could be answered; the answer is this status, and the end."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(status)


class Connection(asyncio.Protocol):
    """Answers one request after the other. When the client goes away, so does what it waits for:
    a message is not given to nobody."""

    def __init__(self, answer: Callable[[Request], Awaitable[Answer]]) -> None:
        self._answer = answer
        self._received = bytearray()
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport  # asyncio has set TCP_NODELAY

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._go_on()

    def connection_lost(self, error: Exception | None) -> None:
        if self._task is not None:
            self._task.cancel()

    def _go_on(self) -> None:
        if len(self._received) > HEAD_BYTES + BODY_BYTES:
            self._end(413)
        elif self._task is None:
            try:
                request = take_request(self._received)
            except Unreadable as fault:
                self._end(fault.status)
                return
            if request is not None:
                self._task = asyncio.get_running_loop().create_task(self._serve(request))

    async def _serve(self, request: Request) -> None:
        answer = await self._answer(request)
        self._transport.write(answer.encode())
        self._task = None
        if request.headers.get("connection", "").lower() == "close":
            self._transport.close()
        else:
            self._go_on()

    def _end(self, status: int) -> None:
        self._transport.write(Answer(status, headers={"Connection": "close"}).encode())
        self._transport.close()


def take_request(received: bytearray) -> Request | None:
    """Takes the first request off what was received; None while it is not all there."""
    end = received.find(b"\r\n\r\n")
    if end > HEAD_BYTES or (end < 0 and len(received) > HEAD_BYTES):
        raise Unreadable(431)
    if end < 0:
        return None
    first, *lines = received[:end].decode("latin-1").split("\r\n")
    try:
        method, target, _ = first.split(" ")
        pairs = [line.split(":", 1) for line in lines]
        headers = {name.lower(): text.strip() for name, text in pairs}
        length = int(headers.get("content-length", "0"))
    except ValueError as error:
        raise Unreadable(400) from error
    if "transfer-encoding" in headers:
        raise Unreadable(411)
    if not 0 <= length <= BODY_BYTES:
        raise Unreadable(413)
    begin = end + 4
    if len(received) < begin + length:
        return None
    body = bytes(received[begin : begin + length])
    del received[: begin + length]
    path, _, query = target.partition("?")
    return Request(method, path, query, headers, body)
