"""A job whose log a test writes, through the real wire and with real objects."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
import requests

from chalicelib import clock
from chalicelib.logs.log import Record, Stream, encode
from chalicelib.operations.logs import compaction
from chalicelib.runs.job import JobKey
from tests.api.conftest import Clock, People, definition, named
from tests.stack.shifts import shift

NOW = clock.read()
_NUMBERS = count(1)


def record(stream: Stream, data: bytes, seconds: float = 0) -> Record:
    return Record(stream, NOW + timedelta(seconds=seconds), data)


def put(address: Mapping[str, Any], body: bytes) -> None:
    """As an agent does with an address for a chunk."""
    sent = requests.put(address["url"], data=body, headers=address["headers"], timeout=10)
    sent.raise_for_status()


class Logged:
    """A job whose log a test writes."""

    def __init__(self, admin: People, agent: Any) -> None:
        self.agent = agent
        name = f"task {next(_NUMBERS)}"
        source = definition(agent.id, name=name)
        task = admin.data("POST", "/tasks", {"definition": source})["task"]["id"]
        self.run_id = admin.data("POST", f"/tasks/{task}/execute")["id"]
        (self.job,) = agent.poll()["jobs"]
        self.key = JobKey(self.run_id, 1, agent.id)
        self.path = f"/runs/{self.run_id}/jobs/{self.job['job_id']}/log"
        self.admin = admin
        self._bytes = dict.fromkeys(Stream, b"")
        self.count = 0

    def put_chunk(self, body: bytes) -> None:
        """The next chunk, as the agent ships it."""
        self.count += 1
        more = {"from": self.count, "count": 1}
        put(self.agent.result("job.log_urls", **named(self.job), **more)["urls"][0], body)

    def put(self, *records: Record, packed: bool = False) -> None:
        """The next chunk, of these records."""
        self.put_chunk(encode(list(records), packed=packed))
        for each in records:
            self._bytes[each.stream] += each.data

    def finish(self, promised: int | None = None, *, truncated: bool = False) -> None:
        streams = {
            stream.word: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for stream, data in self._bytes.items()
            if stream is not Stream.PLUMBER
        }
        summary = {"chunks": promised or self.count, "streams": streams, "truncated": truncated}
        self.agent.finish(self.job, log=summary)

    def pages(self, query: str = "") -> Iterator[Any]:
        """All of them, in turn."""
        cursor = ""
        for _ in range(1_000):
            page = self.admin.data("GET", f"{self.path}?cursor={cursor}{query}")
            yield page
            cursor = page["next"]
            if page["state"] in ("complete", "incomplete"):
                return

    def download(self, name: str) -> bytes:
        found = self.admin.data("GET", f"{self.path}/download?stream={name}&redirect=false")
        content = requests.get(found["url"], timeout=10).content
        assert len(content) == found["bytes"]
        return content


@pytest.fixture
def logged(admin: People, agent: Any) -> Logged:
    return Logged(admin, agent())


def data_of(page: Any) -> bytes:
    return b"".join(base64.b64decode(each["data"]) for each in page["records"])


def out(text: str, seconds: float = 0) -> Record:
    return record(Stream.STDOUT, text.encode(), seconds)


def err(text: str, seconds: float = 0) -> Record:
    return record(Stream.STDERR, text.encode(), seconds)


def due(travel: Clock, seconds: float = 60) -> int:
    return compaction.compact_due(shift(travel.after(seconds)))


def fill(logged: Logged, count: int = 6) -> bytes:
    for number in range(1, count + 1):
        logged.put(out(f"out {number}\n", number), err(f"err {number}\n", number))
    return b"".join(b"out %d\nerr %d\n" % (n, n) for n in range(1, count + 1))
