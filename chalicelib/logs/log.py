"""A job's log: the format of its chunks, and what a reader may say of it. See docs/wire.md."""

import hashlib
import re
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Any

import msgspec
from msgspec.structs import replace

from chalicelib.runs.job import Ending, Job, JobKey, JobState

MAGIC, PACKED_MAGIC = b"PLB1", b"PLZ1"
HEADER = struct.Struct(">BQI")
MAX_RECORD_BYTES = 65_536
RECORD_COSTS = 64  # bytes of output that take as long to read as a record that has none
MAX_CHUNK_BYTES = 1 << 20  # of records, headers included
MAX_OBJECT_BYTES = MAX_CHUNK_BYTES + 4_096  # what zlib may add to bytes that cannot be packed
MAX_LOG_BYTES = 1 << 30  # per job; then the command goes on and the log keeps head and tail
SHIPPING_PATIENCE = timedelta(minutes=15)  # after a job's end, before a missing chunk is missed
COMPACTED_AFTER = timedelta(seconds=30)  # the end; the last chunks are mostly there by then
COMPACTED_FROM_CHUNKS = 5  # fewer objects are not worth copying
COMPACTED_UP_TO_CHUNKS = 100_000  # an index of them has 2 MB; more stay as they came
FOLLOWED_FOR = timedelta(seconds=15)  # after a reader's call the agent ships each second
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Stream(Enum):
    """Which of a command's outputs; the value is the one in a record's header.

    `PLUMBER` is neither: a mark by the agent, such as of what is missing at this place.
    """

    STDOUT = 1
    STDERR = 2
    PLUMBER = 3

    @property
    def word(self) -> str:
        """As spelled on the wire."""
        return self.name.lower()


_GONE = re.compile(rb"\[plumber\] [\d,]+ bytes were removed here\.\n")


class LogState(str, Enum):
    """What a reader can expect of a log."""

    STREAMING = "streaming"  # the job goes on
    SHIPPING = "shipping"  # it has ended, bytes are still coming
    COMPLETE = "complete"  # everything that the agent reported is there
    INCOMPLETE = "incomplete"  # it has ended and something is missing


class CorruptChunk(ValueError):
    """A log chunk is not in the format of docs/wire.md."""


class Record(msgspec.Struct, frozen=True):
    """A piece of output. `at` is the agent's clock, for display only."""

    stream: Stream
    at: datetime
    data: bytes


def chunk_key(key: JobKey, attempt: int, seq: int) -> str:
    """Where the chunk lies in the bucket."""
    return f"{attempt_prefix(key, attempt)}{seq:08d}"


def attempt_prefix(key: JobKey, attempt: int) -> str:
    """Where everything of an attempt's log lies.

    S3 takes 3,500 PUTs a second below a prefix that it has split off, and the ids of runs begin
    with the time: the byte before them spreads what is written at the same time.
    """
    spread = hashlib.sha256(key.run_id.encode()).hexdigest()[:2]
    return f"logs/{spread}/{key.run_id}/{key.step:03d}/{key.agent_id}/{attempt}/"


def records(chunk: bytes) -> Iterator[Record]:
    """Raises CorruptChunk where the format ends."""
    body = _unpacked(chunk)
    at = 0
    while at < len(body):
        if at + HEADER.size > len(body):
            raise CorruptChunk("a record's header is cut off")
        stream, instant, length = _header(body, at)
        at += HEADER.size
        if at + length > len(body):
            raise CorruptChunk("a record is cut off")
        yield Record(stream, instant, body[at : at + length])
        at += length


def weight(found: Sequence[Record]) -> int:
    """What reading these records costs, in bytes of output: a megabyte of empty ones takes as long
    as five of long ones."""
    return sum(RECORD_COSTS + len(record.data) for record in found)


def _unpacked(chunk: bytes) -> bytes:
    magic, body = chunk[: len(MAGIC)], chunk[len(MAGIC) :]
    if magic == MAGIC:
        return body
    if magic != PACKED_MAGIC:
        raise CorruptChunk("no magic")
    return inflate(body, MAX_CHUNK_BYTES)


def inflate(packed: bytes, at_most: int) -> bytes:
    """What zlib packed. Raises CorruptChunk when it is not whole, or more than `at_most` bytes."""
    unpacker = zlib.decompressobj()
    try:
        body = unpacker.decompress(packed, at_most)
    except zlib.error as error:
        raise CorruptChunk("it cannot be unpacked") from error
    if not unpacker.eof:
        raise CorruptChunk("it is cut off, or unpacks to more than is allowed")
    return body


def _header(data: bytes, at: int) -> tuple[Stream, datetime, int]:
    """Stream, time and length of the record whose header stands there. Raises CorruptChunk."""
    number, milliseconds, length = HEADER.unpack_from(data, at)
    if number not in _NUMBERS or length > MAX_RECORD_BYTES:
        raise CorruptChunk("a record's header is wrong")
    instant = EPOCH + timedelta(milliseconds=min(milliseconds, 253_402_300_799_999))
    return Stream(number), instant, length


def damage(seq: int, at: datetime) -> Record:
    """What a reader gets in place of a chunk that cannot be read."""
    return Record(Stream.PLUMBER, at, f"[plumber: part {seq} of this log is damaged]\n".encode())


def encode(chunk: list[Record], *, packed: bool = False) -> bytes:
    """The inverse of `records`."""
    body = b"".join(header(each) + each.data for each in chunk)
    return PACKED_MAGIC + zlib.compress(body) if packed else MAGIC + body


def header(record: Record) -> bytes:
    """What stands before a record's bytes."""
    return HEADER.pack(record.stream.value, milliseconds(record.at), len(record.data))


def joined(headers: bytes, data: bytes) -> list[Record]:
    """Records whose headers were kept apart from their bytes. Raises CorruptChunk."""
    found, begin = [], 0
    for at in range(0, len(headers) - HEADER.size + 1, HEADER.size):
        stream, instant, length = _header(headers, at)
        found.append(Record(stream, instant, data[begin : begin + length]))
        begin += length
    if begin != len(data) or len(headers) % HEADER.size:
        raise CorruptChunk("headers and bytes do not belong together")
    return found


def milliseconds(instant: datetime) -> int:
    """Since 1970, as in a record's header."""
    return (instant - EPOCH) // timedelta(milliseconds=1)


_NUMBERS = frozenset(stream.value for stream in Stream)


class Position(msgspec.Struct, frozen=True):
    """Where a reader stands: the chunk to read next, and how many of its records to pass over."""

    seq: int = 1
    index: int = 0

    def __str__(self) -> str:
        return f"{self.seq}.{self.index}"

    @classmethod
    def parse(cls, text: str) -> "Position | None":
        """None when it is not one that a page has answered."""
        if not text:
            return cls()
        seq, dot, index = text.partition(".")
        if not dot or not all(part.isascii() and part.isdigit() for part in (seq, index)):
            return None
        if len(seq) > 8 or len(index) > 8 or int(seq) < 1:
            return None
        return cls(int(seq), int(index))


def says_what_is_gone(record: Record) -> bool:
    """Whether it is the agent's mark in place of output that was removed from its disk."""
    return record.stream is Stream.PLUMBER and _GONE.fullmatch(record.data) is not None


def reported_chunks(summary: Mapping[str, object] | None) -> int | None:
    """How many chunks the final report promised; None without one."""
    chunks = None if summary is None else summary.get("chunks")
    return chunks if isinstance(chunks, int) else None


class Missing(msgspec.Struct, frozen=True):
    """What is not in a log that has ended. `chunks` were promised and have not arrived."""

    chunks: int = 0
    stdout_bytes: int = 0
    stderr_bytes: int = 0
    reason: str = ""


def state(job: Job, position: Position, now: datetime) -> LogState:
    """What a reader who has read everything up to `position` can expect."""
    if not job.state.is_terminal:
        return LogState.STREAMING
    promised = reported_chunks(job.log)
    if promised is None:
        return LogState.INCOMPLETE if _may_have_written(job) else LogState.COMPLETE
    if position.seq > promised:
        is_whole = not _is_cut(job.log) and job.log_problem is None
        return LogState.COMPLETE if is_whole else LogState.INCOMPLETE
    patient = job.ended_at is None or now - job.ended_at < SHIPPING_PATIENCE
    return LogState.SHIPPING if patient else LogState.INCOMPLETE


def missing(job: Job, position: Position, now: datetime) -> Missing | None:
    """What an incomplete log lacks; None for every other one."""
    if state(job, position, now) is not LogState.INCOMPLETE:
        return None
    promised = reported_chunks(job.log)
    if promised is None:
        return Missing(reason="The agent was lost; its last output may not have arrived.")
    late = max(0, promised - position.seq + 1)
    reason = job.log_problem or _cut_reason(job.log)
    reason = "The agent has not delivered it yet." if late else reason
    return Missing(late, _cut_bytes(job.log, "stdout"), _cut_bytes(job.log, "stderr"), reason)


def damaged(missing: Missing | None, chunks: int) -> Missing:
    """What a page lacks that has damaged chunks, beside what is missing otherwise."""
    missing = missing or Missing()
    reason = f"Parts of it are damaged: {chunks}. {missing.reason}".strip()
    return replace(missing, chunks=missing.chunks + chunks, reason=reason)


def _is_cut(summary: Mapping[str, Any] | None) -> bool:
    return bool(summary and summary.get("truncated"))


def _cut_reason(summary: Mapping[str, Any] | None) -> str:
    return str((summary or {}).get("reason") or "The log's limit was reached.")


def _cut_bytes(summary: Mapping[str, Any] | None, stream: str) -> int:
    return int(((summary or {}).get("streams") or {}).get(stream, {}).get("missing") or 0)


def compaction_time(job: Job, ending: Ending, now: datetime) -> datetime | None:
    """When the log of a job that ends so is first looked at for compaction; None where it is not
    worth it. Of a lost job nobody knows how long its log is."""
    promised = [reported_chunks(each) for each in (ending.log, *(e.log for e in job.earlier))]
    is_long = any(chunks is not None and chunks >= COMPACTED_FROM_CHUNKS for chunks in promised)
    is_unknown = ending.log is None and job.claimed_at is not None
    if is_long or is_unknown:
        return now + (COMPACTED_AFTER if is_long else SHIPPING_PATIENCE)
    return None


def _may_have_written(job: Job) -> bool:
    return job.claimed_at is not None and job.state is not JobState.UNDELIVERED
