"""Logs: chunks and reports of an evil agent, and then every way to read them, before and after they
are put together."""

import hashlib
import json
import time
import zlib
from collections import deque
from collections.abc import Mapping
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import msgspec
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from chalicelib.logs.log import COMPACTED_AFTER, HEADER, MAGIC, PACKED_MAGIC
from tests.fuzz.asking import Asker
from tests.fuzz.odd import TEXT, damaged
from tests.fuzz.wire import Connection, Sent

READ_AGAIN_SECONDS = COMPACTED_AFTER.total_seconds() + 10.0  # by then it was put together, or not
RUN, LOG = "/api/v1/runs/@run@", "/api/v1/runs/@run@/jobs/@job@/log"
# Every reader; those of pages are followed to their end.
PAGED = (
    f"{LOG}?",
    f"{LOG}?stream=stdout",
    f"{LOG}/search?pattern=l",
    f"{LOG}/search?pattern=.*&regex=true&stream=stderr",
    f"{RUN}/search?pattern=l&ignore_case=true",
)
TAIL, LONG_TAIL = f"{LOG}?tail=10", f"{LOG}?tail=10000&stream=stderr"
OTHERS = (
    TAIL,
    LONG_TAIL,
    f"{LOG}?since=2000-01-01T00:00:00Z",
    f"{LOG}?since=2200-01-01T00:00:00Z",
    f"{LOG}?cursor=3.0",
    f"{LOG}?cursor=99999999.0",
    f"{LOG}/download?stream=stdout",
    f"{LOG}/download?stream=stderr&redirect=false",
    f"{LOG}/download?stream=all&redirect=false",
    f"{RUN}/outputs",
    RUN,
    f"{RUN}/jobs/@job@",
)
PAGES_AT_MOST = 10
AGAIN = 6  # logs are read once more before a batch
NOW, DAY = 1_767_225_600_000, 86_400_000  # milliseconds


def _record(stream: int, milliseconds: int, data: bytes, length: int | None = None) -> bytes:
    return HEADER.pack(stream, milliseconds, len(data) if length is None else length) + data


def _packed(records: bytes, level: int = 6) -> bytes:
    return PACKED_MAGIC + zlib.compress(records, level)


PLAIN_TEXT = st.sampled_from([b"line 1\nline 2\n", b"l", b"\n"])
DATA = st.binary(max_size=200) | st.sampled_from(
    [b"", b"\n" * 1_000, b"l" * 65_536, b"l" * 65_537, b"\xff\xfe\x00", b"\xc3\xa9\x1b[2J"]
)
GOOD = st.builds(_record, st.sampled_from([1, 2, 3]), st.integers(NOW, NOW + DAY), PLAIN_TEXT)
ODD = st.builds(
    _record,
    st.sampled_from([1, 1, 1, 2, 2, 3, 0, 9, 255]),
    st.sampled_from([0, 1, NOW, 2**63 - 1, 253_402_300_800_000]) | st.integers(0, 2**64 - 1),
    DATA | PLAIN_TEXT,
    st.sampled_from([*[None] * 8, 0, 1, 65_536, 65_537, 2**31, 2**32 - 1]),
)
RECORDS = st.lists(GOOD | ODD, max_size=8).map(b"".join)
WHOLE = st.lists(GOOD, min_size=1, max_size=8).map(lambda each: MAGIC + b"".join(each))
PACKED = st.builds(_packed, RECORDS, st.integers(0, 9))
MANY = HEADER.pack(1, 0, 0) * 80_000
EVIL = st.sampled_from([
    b"", b"P", b"hello", b"PLB2" + bytes(20), MAGIC, PACKED_MAGIC, MAGIC + b"\1",
    MAGIC + bytes(1 << 20), MAGIC + bytes((1 << 20) + 5_000), MAGIC + MANY, _packed(MANY),
    _packed(bytes(1 << 20)), _packed(bytes(64 << 20)), _packed(zlib.compress(b"x")),
    _packed(b"")[:-1], _packed(_record(1, 0, b"one\n")) * 3,
])  # fmt: skip
CHUNKS = st.one_of(
    WHOLE, WHOLE, RECORDS.map(lambda records: MAGIC + records), PACKED, damaged(PACKED),
    damaged(WHOLE), EVIL,
)  # fmt: skip
COUNTS = st.sampled_from([0, 1, 2**31, 2**53 - 1]) | st.integers(0, 5_000)
SUMMARIES = st.fixed_dictionaries(
    {"bytes": COUNTS, "sha256": st.sampled_from(["0" * 64, hashlib.sha256(b"").hexdigest()])},
    optional={"missing": COUNTS},
)
LIES = st.fixed_dictionaries(
    {
        "chunks": st.sampled_from([0, 1, 2, 3, 5, 6, 1_000, 10**8 - 1]),
        "streams": st.dictionaries(st.sampled_from(["stdout", "stderr"]), SUMMARIES, max_size=2),
    },
    optional={"truncated": st.booleans(), "reason": TEXT},
)
OUTCOMES = ["exited", "exited", "timed_out", "cancelled", "not_started", "lost"]
REPORTS = st.fixed_dictionaries(
    {"outcome": st.sampled_from(OUTCOMES), "exit_code": st.integers(0, 255)},
    optional={"reason": TEXT, "log": LIES},
)


class Case(msgspec.Struct, frozen=True):
    """Chunks that are put at these numbers, and a report in JSON, whose log `is_true` or is what
    it says."""

    chunks: tuple[tuple[int, bytes], ...]
    report: bytes
    is_true: bool


class Chunks:
    """Of jobs that an evil agent was really given."""

    name = "chunks"
    kind = Case

    def __init__(self) -> None:
        self._later: deque[tuple[float, Case, Mapping[str, str]]] = deque()

    def cases(self) -> SearchStrategy[Case]:
        numbers = st.lists(CHUNKS, max_size=7).map(lambda found: tuple(enumerate(found, 1)))
        odd = st.lists(st.tuples(st.integers(1, 9), CHUNKS), max_size=4).map(tuple)
        return st.builds(Case, numbers | odd, REPORTS.map(_json), st.booleans())

    def prepare(self, asker: Asker) -> None:
        """Reads a few again that were put together since."""
        for _ in range(AGAIN):
            if not self._later or self._later[0][0] > time.monotonic():
                break
            _, case, words = self._later.popleft()
            asker.trial = msgspec.structs.replace(asker.trial, case=case)
            asker.stage.words |= words
            self._read(asker)
        while len(self._later) > AGAIN:  # the newest are enough
            self._later.popleft()
        asker.stage.renew()

    def try_one(self, asker: Asker, case: Case) -> None:
        asker.stage.renew()
        words = asker.stage.words
        self._put(asker, case)
        self._read(asker, (TAIL, LONG_TAIL))  # while it goes on
        self._finish(asker, case)
        self._read(asker)
        kept = {name: words[name] for name in ("run", "job")}
        self._later.append((time.monotonic() + READ_AGAIN_SECONDS, case, kept))

    def _put(self, asker: Asker, case: Case) -> None:
        """As an agent does: with addresses that it has asked for."""
        for number, chunk in case.chunks:
            answer = asker.ask(_call("job.log_urls", **NAMED, **{"from": number, "count": 1}))
            address = json.loads(answer.body)["result"]["urls"][0]
            place = urlsplit(address["url"])
            with closing(Connection(f"{place.scheme}://{place.netloc}")) as s3:
                s3.send("PUT", f"{place.path}?{place.query}", address["headers"], chunk)

    def _finish(self, asker: Asker, case: Case) -> None:
        report = json.loads(case.report)
        if case.is_true:
            report |= {"log": _truth(case)}
        answer = asker.ask(_call("job.finish", **NAMED, duration_ms=5, **report))
        if b'"error"' in answer.body:  # refused for its form: it ends all the same
            asker.ask(_call("job.finish", **NAMED, duration_ms=5, outcome="lost"))

    def _read(self, asker: Asker, others: tuple[str, ...] = OTHERS) -> None:
        for path in PAGED:
            self._follow(asker, path)
        for path in others:
            asker.ask(Sent("viewer", "GET", path))

    def _follow(self, asker: Asker, path: str) -> None:
        """To its end."""
        cursor = ""
        for _ in range(PAGES_AT_MOST):
            answer = asker.ask(Sent("viewer", "GET", f"{path}&cursor={cursor}"))
            if answer.status != 200:
                return
            found = json.loads(answer.body)["data"]
            if not found["next"] or found["next"] == cursor or found.get("state") == "complete":
                return
            cursor = found["next"]


NAMED = {"run_id": "@run@", "job_id": "@job@", "lease": "@lease@"}


def _call(method: str, **params: Any) -> Sent:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return Sent("evil", "POST", "/rpc", _json(body))


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _truth(case: Case) -> dict[str, Any]:
    """A report that says what an honest agent would, so far as chunks can be read."""
    streams = {1: b"", 2: b""}
    for _, chunk in case.chunks:
        for stream, data in _read_records(chunk):
            if stream in streams:
                streams[stream] += data
    said = {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in zip(("stdout", "stderr"), streams.values(), strict=True)
    }
    return {"chunks": max((number for number, _ in case.chunks), default=0), "streams": said}


def _read_records(chunk: bytes) -> list[tuple[int, bytes]]:
    body = chunk[4:]
    if chunk[:4] == PACKED_MAGIC:
        try:
            body = zlib.decompressobj().decompress(body, 1 << 20)
        except zlib.error:
            return []
    found, place = [], 0
    while place + HEADER.size <= len(body):
        stream, _, length = HEADER.unpack_from(body, place)
        data = body[place + HEADER.size : place + HEADER.size + length]
        found.append((stream, data))
        place += HEADER.size + length
    return found
