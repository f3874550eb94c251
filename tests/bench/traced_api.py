"""The local API, which notes when requests come and are answered, and its calls of AWS.

`python -m tests.bench.traced_api --port …`; the notes go to the file that VARIABLE names.
"""

import json
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.aws.client import Client
from infra.local import api_server
from infra.local.api_server import PromptHandler

VARIABLE, FILE = "TRACE", "trace"


@dataclass(frozen=True)
class Note:
    """A request or a call, and who made it. Instants are seconds since the epoch; `processor` are
    seconds of one, what a request called included."""

    what: str
    thread: int
    began: float
    ended: float
    processor: float

    @property
    def is_call(self) -> bool:
        """Of AWS."""
        return self.what.startswith(("dynamodb ", "sqs "))


def notes(directory: Path) -> Sequence[Note]:
    """All that were made so far."""
    return [Note(*json.loads(line)) for line in (directory / FILE).read_text().splitlines()]


def install(file: Path) -> None:
    """Around each request and each call; a line of JSON each."""
    handle, send, lock = PromptHandler._generic_handle, Client.send, threading.Lock()

    def note(what: str, began: tuple[float, float]) -> None:
        at, used = began
        now, used_now = _now()
        line = json.dumps([what, threading.get_ident(), at, now, used_now - used])
        with lock, file.open("a") as opened:
            opened.write(f"{line}\n")

    def noted_handle(handler: PromptHandler) -> None:
        began = _now()
        handle(handler)
        handler.wfile.flush()
        note(f"{handler.command} {handler.path.partition('?')[0]}", began)

    def noted_send(client: Client, operation: str, body: bytes) -> bytes:
        began = _now()
        try:
            return send(client, operation, body)
        finally:
            note(_named(client.name, operation, json.loads(body)), began)

    for name in ("_generic_handle", "do_GET", "do_POST"):
        setattr(PromptHandler, name, noted_handle)
    Client.send = noted_send  # type: ignore[method-assign, assignment]


def _now() -> tuple[float, float]:
    """The clock that commands print, and this thread's processor time."""
    return time.time(), time.thread_time()  # noqa: TID251


def _named(service: str, operation: str, asked: dict[str, Any]) -> str:
    """With the table and its index."""
    table = str(asked.get("TableName", "")).rpartition("-")[2]
    index = f", {asked['IndexName']}" if "IndexName" in asked else ""
    return f"{service} {operation} {table}{index}".strip()


if __name__ == "__main__":
    install(Path(os.environ[VARIABLE]))
    api_server.main()
