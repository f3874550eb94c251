"""Log chunks as objects, and the compacted objects that take their place."""

from collections.abc import Iterator, Mapping
from functools import lru_cache

import msgspec

from chalicelib.logs.log import (
    MAX_CHUNK_BYTES,
    MAX_OBJECT_BYTES,
    CorruptChunk,
    Record,
    attempt_prefix,
    chunk_key,
    inflate,
    joined,
    records,
)
from chalicelib.logs.log_index import Index
from chalicelib.reader import Reader
from chalicelib.runs.job import JobKey
from chalicelib.s3 import objects

_INDEX = Reader(Index)


class PutUrl(msgspec.Struct, frozen=True):
    """A presigned PUT for exactly one chunk, and the headers that must go with it."""

    seq: int
    url: str
    headers: Mapping[str, str]


def put_url(key: JobKey, attempt: int, seq: int) -> PutUrl:
    """It writes once: what has arrived is not overwritten, by its own agent neither."""
    url = objects.presigned_put(chunk_key(key, attempt, seq), objects.ONCE)
    return PutUrl(seq, url, objects.ONCE)


def get(key: JobKey, attempt: int, seq: int) -> list[Record] | None:
    """The chunk's records, or None when it has not arrived, or has been compacted. Raises
    CorruptChunk."""
    try:
        chunk = objects.get(chunk_key(key, attempt, seq), MAX_OBJECT_BYTES)
    except objects.TooLarge as error:
        raise CorruptChunk("it is larger than a chunk may be") from error
    return None if chunk is None else list(records(chunk))


def numbers(key: JobKey, attempt: int) -> Iterator[int]:
    """Of the chunks that are there, ascending."""
    prefix = attempt_prefix(key, attempt)
    for name in objects.keys(prefix):
        if (number := name.removeprefix(prefix)).isdigit():
            yield int(number)


def delete(key: JobKey, attempt: int, up_to: int) -> None:
    """Removes the chunks up to a number. May be repeated."""
    there = [seq for seq in numbers(key, attempt) if seq <= up_to]
    objects.delete([chunk_key(key, attempt, seq) for seq in there])


def blank_too_large(key: JobKey, attempt: int) -> None:
    """Takes the room from chunks that nobody reads: in their place is what counts as damaged too,
    so that those behind it stay readable. May be repeated."""
    prefix = attempt_prefix(key, attempt)
    for name, size in objects.sizes(prefix):
        if size > MAX_OBJECT_BYTES and name.removeprefix(prefix).isdigit():
            objects.put(name, f"It had {size} bytes, more than a chunk may have.".encode())


def compacted_key(key: JobKey, attempt: int, name: str, chunks: int) -> str:
    """Where an object of the compacted form lies: see `log_index`."""
    return f"{attempt_prefix(key, attempt)}{name}-{chunks}"


def _index_key(key: JobKey, attempt: int) -> str:
    return f"{attempt_prefix(key, attempt)}index"


class _NoIndex(Exception):
    """The log has not been compacted yet."""


@lru_cache(maxsize=16)  # it never changes; a reader pages through one log for a while
def _index(key: JobKey, attempt: int) -> Index:
    stored = objects.get(_index_key(key, attempt))
    if stored is None:
        raise _NoIndex
    return _INDEX.json(stored)


def index(key: JobKey, attempt: int) -> Index | None:
    """Of a log that has been compacted; None for every other one."""
    try:
        return _index(key, attempt)
    except _NoIndex:
        return None


def put_index(key: JobKey, attempt: int, made: Index) -> None:
    """From here on the log is read from its compacted form."""
    objects.put(_index_key(key, attempt), msgspec.json.encode(made))


def get_compacted(key: JobKey, attempt: int, made: Index, seq: int) -> list[Record]:
    """What was chunk `seq`. Raises CorruptChunk when an object is gone or damaged."""
    of_order, of_data = made.ranges(seq)
    order = objects.get_range(compacted_key(key, attempt, "order", made.chunks), of_order)
    data = objects.get_range(compacted_key(key, attempt, made.interleaved, made.chunks), of_data)
    if order is None or data is None:
        raise CorruptChunk("an object of the compacted log is gone")
    return joined(inflate(order, MAX_CHUNK_BYTES), data)
