"""Reading logs: pages by position while they grow, and whole streams afterwards."""

from datetime import datetime

import msgspec
from msgspec.structs import replace

from chalicelib.access.scope import EVERYTHING, Scope
from chalicelib.errors import Conflict, NotFound
from chalicelib.logs import log
from chalicelib.logs.line_count import Lines
from chalicelib.logs.log import (
    CorruptChunk,
    LogState,
    Missing,
    Position,
    Record,
    Stream,
)
from chalicelib.logs.log_index import Index
from chalicelib.operations.logs import compaction
from chalicelib.operations.logs.log_source import LogSource
from chalicelib.operations.runs.existing import existing_job
from chalicelib.runs.job import Job, JobKey
from chalicelib.s3 import chunks, objects

PAGE_BYTES = 512 << 10  # of output; base64 and JSON stay well below the 6 MB of a Lambda's answer
PAGE_RECORDS = 4_000  # a record costs some 100 bytes of JSON, however short it is
TAIL_BYTES = 4 << 20  # so far back the last lines are looked for
# For a page, with what records cost, and of other streams: more than what a tail looks at, and the
# heaviest chunk, so that the page of a tail comes to its end.
LOOKED_AT_BYTES = 10 << 20
CHUNKS_AT_ONCE = 200  # looked at in one call: they may be empty, or of another stream
DAMAGED = "A part of this log is damaged, so it is not given as a whole. Read it page by page."
PUT_TOGETHER_CHUNKS = 64  # of a megabyte: what a handler can do while somebody waits


class LogPage(msgspec.Struct, frozen=True):
    """A part of a log, and where to go on; `has_more` when that was as much as fits a page.
    `lines_before` where a line was asked for, `line_count` of a log that has been compacted."""

    records: list[Record]
    next: Position
    has_more: bool
    state: LogState
    missing: Missing | None
    job: Job
    line_count: int | None = None
    lines_before: Lines | None = None


def job_of(key: JobKey, attempt: int | None = None, scope: Scope = EVERYTHING) -> Job:
    """The job, as it was in one of its attempts or is in the last. Raises NotFound, also for one
    outside of the scope."""
    job = existing_job(key, scope)
    if attempt in (None, job.attempt):
        return job
    for earlier in job.earlier:
        if earlier.number == attempt:
            return job.as_it_was(earlier)
    raise NotFound(f"The job has no attempt number {attempt}; it has had {job.attempt}.")


def read(
    job: Job, position: Position, stream: Stream | None, now: datetime, skip: int = 0
) -> LogPage:
    """The records from `position` on, of one stream or of both, up to a page. `skip` bytes of the
    first one are left out."""
    return _read(LogSource(job, tolerant=True), position, stream, now, skip)


def read_tail(job: Job, lines: int, stream: Stream | None, now: datetime) -> LogPage:
    """The last lines that are there, as far as they are in the last `TAIL_BYTES` and
    `CHUNKS_AT_ONCE`."""
    source = LogSource(job, tolerant=True)
    position, skip = source.last_lines(lines, stream, TAIL_BYTES, CHUNKS_AT_ONCE)
    return _read(source, position, stream, now, skip)


def read_since(job: Job, since: datetime, stream: Stream | None, now: datetime) -> LogPage:
    """From the first record of that time on, by the agent's clock."""
    source = LogSource(job, tolerant=True)
    return _read(source, source.first_at_or_after(log.milliseconds(since)), stream, now, 0)


def read_line(job: Job, number: int, stream: Stream | None, now: datetime) -> LogPage:
    """From the record on in which this line begins, counted from 1 over both streams; of a log
    that has not been compacted from its beginning."""
    source = LogSource(job, tolerant=True)
    position, before = source.at_line(number)
    return replace(_read(source, position, stream, now, 0), lines_before=before)


def _read(
    source: LogSource, position: Position, stream: Stream | None, now: datetime, skip: int
) -> LogPage:
    found: list[Record] = []
    size = looked_at = 0
    source.damaged.clear()  # what was looked at to find the position is no part of the page
    for _ in range(CHUNKS_AT_ONCE):
        chunk = source.chunk(position.seq)
        if chunk is None:
            return _page(source, found, position, now, has_more=False)
        for index in range(position.index, len(chunk)):
            record = chunk[index]
            if size >= PAGE_BYTES or len(found) >= PAGE_RECORDS:
                return _page(source, found, Position(position.seq, index), now, has_more=True)
            if stream in (None, record.stream):
                found.append(replace(record, data=record.data[skip:]) if skip else record)
                size += len(record.data)
                skip = 0
        position = Position(position.seq + 1)
        looked_at += log.weight(chunk)
        if looked_at >= LOOKED_AT_BYTES:
            break
    return _page(source, found, position, now, has_more=True)


def _page(
    source: LogSource, found: list[Record], position: Position, now: datetime, *, has_more: bool
) -> LogPage:
    job = source.job
    state, missing = log.state(job, position, now), log.missing(job, position, now)
    if source.damaged and job.state.is_terminal:
        state, missing = LogState.INCOMPLETE, log.damaged(missing, len(source.damaged))
    return LogPage(found, position, has_more, state, missing, job, source.line_count)


class Download(msgspec.Struct, frozen=True):
    """A presigned address of a whole stream, or of all of them in their order (`all`)."""

    url: str
    file_name: str
    size: int
    expires_in_seconds: int


def download(job: Job, name: str) -> Download:
    """Where the whole stream lies as one object. `name` is stdout, stderr or all.

    A log that has not been compacted yet is put together now, up to `PUT_TOGETHER_CHUNKS`. Raises
    Conflict while the job goes on, while bytes are still coming, for a larger one, and for one that
    is damaged.
    """
    if not job.state.is_terminal:
        raise Conflict("The job has not ended yet. Read its log page by page until it has.")
    made = chunks.index(job.key, job.attempt) or _put_together(job)
    stored = made.interleaved if name == "all" else name
    key = chunks.compacted_key(job.key, job.attempt, stored, made.chunks)
    file_name = f"{job.key.run_id}-{job.key.step}-{job.key.agent_id[:8]}.{name}.log"
    url = objects.presigned_get(key, file_name)
    return Download(url, file_name, made.sizes[stored], objects.URL_SECONDS)


def _put_together(job: Job) -> Index:
    source = LogSource(job)
    promised = log.reported_chunks(job.log)
    try:
        count = source.end()
    except CorruptChunk as error:
        raise Conflict(DAMAGED) from error
    if promised is not None and count < promised:
        raise Conflict("Parts of this log have not arrived yet. Try again a little later.")
    if job.log_problem is not None:
        raise Conflict(f"{job.log_problem} Read it page by page.")
    if count > PUT_TOGETHER_CHUNKS:
        raise Conflict("This log is being put together. Try again in a minute.")
    try:
        return compaction.build(source, count)
    except (CorruptChunk, compaction.Unsound) as error:
        raise Conflict(DAMAGED) from error
