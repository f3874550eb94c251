"""Compaction: a long log's chunks become one object per stream and an index (see `log_index`).

Safe to interrupt and to repeat, and for several at once: every object is made of the same chunks,
so it has the same bytes each time; the index is written once all were read back and compared, and
only then do the chunks go.
"""

import hashlib
import zlib
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from msgspec.structs import replace

from chalicelib.dynamo import due, jobs
from chalicelib.logs import log
from chalicelib.logs.line_count import Lines
from chalicelib.logs.log import Record, Stream
from chalicelib.logs.log_index import Entry, Index
from chalicelib.operations.logs.log_source import LogSource
from chalicelib.operations.shift import Shift, try_once
from chalicelib.runs.job import Job, JobKey
from chalicelib.s3 import chunks, objects

AT_ONCE = 50  # read with one query, of each shard
HANDS = 4  # at once: each holds up to four objects' parts in memory
ARRIVES_WITHIN = timedelta(days=1)  # then what has not arrived of a log is waited for no longer
BAD_TRIES_AT_MOST = 5  # with a log that is not what it should be; each reads all of it
SHORTEST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)


class Unsound(Exception):
    """What was put together is not what the agent reported, or not what S3 gives back."""


class _Marked(Exception):
    """A stream that should have been all there is has a mark by the agent in it."""


def compact_due(shift: Shift) -> int:
    """Compacts the logs whose time has come, until none is left or the shift is over; answers how
    many. A fault leaves one for later, and one that stays bad is given up after some tries: it is
    logged as an error, and readers are told."""
    some = replace(shift, hands=min(shift.hands, HANDS))
    return sum(some.work(lambda now: jobs.due(due.LOG, now, AT_ONCE), _claim_and_compact))


def _claim_and_compact(entry: due.Entry, now: datetime) -> bool:
    """Claimed before the work: a log that fails, or ends its handler, stands in nobody's way."""
    return jobs.claim_due(entry, now) is not None and compact_one(jobs.key_of(entry), now)


def compact_one(key: JobKey, now: datetime) -> bool:
    """All attempts of a job that has ended, for whoever has claimed its log; whether it is done
    with. May be repeated."""
    job = jobs.get(key)
    if job is None or not job.state.is_terminal or job.due_at is None or job.log_problem:
        return False

    def allowed(error: Exception | None) -> int:
        is_bad = isinstance(error, Unsound | log.CorruptChunk)
        return BAD_TRIES_AT_MOST if is_bad else due.LOG.patience.tries

    return try_once(
        f"The log of {key}",
        job.due_tries,
        allowed,
        lambda: _work(job, now),
        partial(_give_up, job, now),
    )


def _work(job: Job, now: datetime) -> bool:
    age = now - (job.ended_at or now)
    waiting = [each for each in job.attempts() if not _compact(each)]
    if waiting and age < ARRIVES_WITHIN:
        # Nothing is wrong with it: its agent is still shipping, or has yet to come back.
        jobs.compact_later(job, now + min(max(age, SHORTEST_WAIT), LONGEST_WAIT))
        return False
    return jobs.mark_compacted(job)


def _give_up(job: Job, now: datetime, problem: str) -> bool:
    for attempt in job.attempts():
        chunks.blank_too_large(attempt.key, attempt.attempt)
    jobs.give_up_compaction(job, f"The log could not be put together: {problem}.", now)
    return False


def _compact(attempt: Job) -> bool:
    """One attempt's log; False while some of its chunks have not arrived."""
    source = LogSource(attempt)
    promised = log.reported_chunks(attempt.log)
    made = chunks.index(attempt.key, attempt.attempt)
    if made is None:
        count = source.end()
        if promised is not None and count < promised:
            return False
        if count < log.COMPACTED_FROM_CHUNKS:
            return True
        if count > log.COMPACTED_UP_TO_CHUNKS:
            raise Unsound(f"it has {count} chunks, and {log.COMPACTED_UP_TO_CHUNKS} is the most")
        made = build(source, count)
        _compare_with_report(made, source)
        _verify(made, attempt)
        chunks.put_index(attempt.key, attempt.attempt, made)
    chunks.delete(attempt.key, attempt.attempt, made.chunks)
    return True


class _Builder:
    """One of the objects: its bytes so far, counted and hashed."""

    def __init__(self, key: str) -> None:
        self.writer = objects.Writer(key)
        self.hash = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self.writer.write(data)
        self.hash.update(data)


def build(source: LogSource, count: int) -> Index:
    """Writes the objects of the first `count` chunks. Raises Unsound when one of them is gone."""
    try:
        return _build(source, count, _interleaved(source.job))
    except _Marked:
        return _build(source, count, "all")


def _build(source: LogSource, count: int, interleaved: str) -> Index:
    job = source.job
    names = {"order", "stdout", "stderr", interleaved}
    made = {
        name: _Builder(chunks.compacted_key(job.key, job.attempt, name, count)) for name in names
    }
    entries, lines = [], Lines()
    try:
        for seq in range(1, count + 1):
            found = source.chunk(seq)
            if found is None:
                raise Unsound(f"chunk {seq} is gone")
            entries.append(_entry(made, interleaved, found, lines))
            _append(made, interleaved, found)
            for record in found:
                lines = lines.after(record)
        entries.append(_entry(made, interleaved, [], lines))
        for each in made.values():
            each.writer.close()
    except BaseException:
        for each in made.values():
            each.writer.abort()
        raise
    return Index(
        interleaved=interleaved,
        entries=entries,
        sizes={name: each.writer.size for name, each in made.items()},
        sha256={name: each.hash.hexdigest() for name, each in made.items()},
    )


def _interleaved(job: Job) -> str:
    """Which object has the bytes of all records: where the agent reported that one stream is all
    there is, that stream's."""
    streams: dict[str, Any] = (job.log or {}).get("streams") or {}
    filled = [name for name, summary in streams.items() if summary.get("bytes")]
    is_single = len(filled) == 1 and not (job.log or {}).get("truncated")
    return filled[0] if is_single else "all"


def _entry(made: dict[str, _Builder], interleaved: str, found: list[Record], lines: Lines) -> Entry:
    first_ms = log.milliseconds(found[0].at) if found else 0
    return Entry(first_ms, made["order"].writer.size, made[interleaved].writer.size, lines)


def _append(made: dict[str, _Builder], interleaved: str, found: list[Record]) -> None:
    made["order"].write(zlib.compress(b"".join(map(log.header, found))))
    for record in found:
        if record.stream is not Stream.PLUMBER:
            made[record.stream.word].write(record.data)
        if interleaved == "all":
            made["all"].write(record.data)
        elif record.stream is Stream.PLUMBER:
            raise _Marked
        elif record.stream.word != interleaved:
            raise Unsound(f"there is output on {record.stream.word} that was not reported")


def _compare_with_report(made: Index, source: LogSource) -> None:
    reported: dict[str, Any] = (source.job.log or {}).get("streams") or {}
    for name, summary in reported.items():
        if summary["sha256"] != made.sha256[name] and not _says_what_is_gone(source, made.chunks):
            raise Unsound(f"{name} has another SHA-256 than its agent reported")


def _says_what_is_gone(source: LogSource, count: int) -> bool:
    """Whether the agent found bytes removed from its disk that it had counted: it says so in their
    place, and the rest is as sound as it can be."""
    found = (source.chunk(seq) or () for seq in range(1, count + 1))
    return any(log.says_what_is_gone(record) for records in found for record in records)


def _verify(made: Index, attempt: Job) -> None:
    """Reads everything back. Raises Unsound when S3 has other bytes than were written."""
    for name, expected in made.sha256.items():
        found = hashlib.sha256()
        for piece in objects.stream(
            chunks.compacted_key(attempt.key, attempt.attempt, name, made.chunks)
        ):
            found.update(piece)
        if found.hexdigest() != expected:
            raise Unsound(f"the object {name} is not what was written")
