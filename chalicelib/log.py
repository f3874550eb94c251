"""A job's log: the format of its chunks, and what a reader may say of it. See docs/wire.md."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import Enum

from chalicelib.job import Job, JobKey, JobState

MAGIC = b"PLB1"
_HEADER = struct.Struct(">BQI")
MAX_RECORD_BYTES = 65_536
MAX_LOG_BYTES = 1 << 30  # per job; then the command goes on and the log says where it was cut
SHIPPING_PATIENCE = timedelta(minutes=15)  # after a job's end, before a missing chunk is missed
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Stream(Enum):
    """Which of a command's outputs; the value is the one in a record's header."""

    STDOUT = 1
    STDERR = 2

    @property
    def word(self) -> str:
        """As spelled on the wire."""
        return self.name.lower()


class LogState(str, Enum):
    """What a reader can expect of a log."""

    STREAMING = "streaming"  # the job goes on
    SHIPPING = "shipping"  # it has ended, bytes are still coming
    COMPLETE = "complete"  # everything that the agent reported is there
    INCOMPLETE = "incomplete"  # it has ended and something is missing


class CorruptChunk(ValueError):
    """A log chunk is not in the format of docs/wire.md."""


@dataclass(frozen=True)
class Record:
    """A piece of output. `at` is the agent's clock, for display only."""

    stream: Stream
    at: datetime
    data: bytes


def chunk_key(key: JobKey, attempt: int, seq: int) -> str:
    """Where the chunk lies in the bucket."""
    return f"{attempt_prefix(key, attempt)}{seq:08d}"


def attempt_prefix(key: JobKey, attempt: int) -> str:
    """Where everything of an attempt's log lies."""
    return f"logs/{key.run_id}/{key.step:03d}/{key.agent_id}/{attempt}/"


def records(chunk: bytes) -> Iterator[Record]:
    """Raises CorruptChunk where the format ends."""
    if chunk[: len(MAGIC)] != MAGIC:
        raise CorruptChunk("no magic")
    at = len(MAGIC)
    while at < len(chunk):
        if at + _HEADER.size > len(chunk):
            raise CorruptChunk("a record's header is cut off")
        number, milliseconds, length = _HEADER.unpack_from(chunk, at)
        at += _HEADER.size
        if number not in (1, 2) or length > MAX_RECORD_BYTES or at + length > len(chunk):
            raise CorruptChunk("a record's header is wrong")
        instant = _EPOCH + timedelta(milliseconds=min(milliseconds, 253_402_300_799_999))
        yield Record(Stream(number), instant, chunk[at : at + length])
        at += length


def encode(chunk: list[Record]) -> bytes:
    """The inverse of `records`."""
    return MAGIC + b"".join(
        _HEADER.pack(each.stream.value, _milliseconds(each.at), len(each.data)) + each.data
        for each in chunk
    )


def _milliseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(milliseconds=1)


@dataclass(frozen=True)
class Position:
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


def reported_chunks(summary: Mapping[str, object] | None) -> int | None:
    """How many chunks the final report promised; None without one."""
    chunks = None if summary is None else summary.get("chunks")
    return chunks if isinstance(chunks, int) else None


def state(job: Job, position: Position, now: datetime) -> LogState:
    """What a reader who has read everything up to `position` can expect."""
    if not job.state.is_terminal:
        return LogState.STREAMING
    promised = reported_chunks(job.log)
    if promised is None:
        return LogState.INCOMPLETE if _may_have_written(job) else LogState.COMPLETE
    if position.seq > promised:
        return LogState.COMPLETE
    patient = job.ended_at is None or now - job.ended_at < SHIPPING_PATIENCE
    return LogState.SHIPPING if patient else LogState.INCOMPLETE


def _may_have_written(job: Job) -> bool:
    return job.claimed_at is not None and job.state is not JobState.UNDELIVERED
