"""Reading logs: pages by position while they grow, and whole streams afterwards."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib import log
from chalicelib.dynamo import jobs
from chalicelib.errors import Conflict, NotFound
from chalicelib.job import Job, JobKey
from chalicelib.log import LogState, Position, Record, Stream
from chalicelib.s3 import chunks

PAGE_BYTES = 512 << 10  # of output; base64 and JSON stay well below the 6 MB of a Lambda's answer
PAGE_RECORDS = 4_000  # a record costs some 100 bytes of JSON, however short it is


@dataclass(frozen=True)
class LogPage:
    """A part of a log, and where to go on."""

    records: list[Record]
    next: Position
    state: LogState
    job: Job


def existing_job(run_id: str, job_id: str, attempt: int | None = None) -> Job:
    """The job, as it was in one of its attempts or is in the last. Raises NotFound."""
    key = JobKey.parse(run_id, job_id)
    job = jobs.get(key) if key else None
    if job is None:
        raise NotFound(f"There is no job '{job_id}' in the run '{run_id}', or it has not begun.")
    if attempt in (None, job.attempt):
        return job
    for earlier in job.earlier:
        if earlier.number == attempt:
            return replace(
                job,
                attempt=earlier.number,
                state=earlier.state,
                ended_at=earlier.ended_at,
                log=earlier.log,
                reported=earlier.log is not None,
            )
    raise NotFound(f"The job has no attempt number {attempt}; it has had {job.attempt}.")


def read(job: Job, position: Position, stream: Stream | None, now: datetime) -> LogPage:
    """The records from `position` on, of one stream or of both, up to a page."""
    found: list[Record] = []
    size = 0
    while True:
        chunk = chunks.get(job.key, job.attempt, position.seq)
        if chunk is None:
            return LogPage(found, position, log.state(job, position, now), job)
        for index, record in enumerate(log.records(chunk)):
            if index < position.index:
                continue
            if size >= PAGE_BYTES or len(found) >= PAGE_RECORDS:
                here = Position(position.seq, index)
                return LogPage(found, here, log.state(job, here, now), job)
            if stream in (None, record.stream):
                found.append(record)
                size += len(record.data)
        position = Position(position.seq + 1)


@dataclass(frozen=True)
class Download:
    """A presigned address of a whole stream."""

    url: str
    file_name: str
    size: int
    expires_in_seconds: int


def download(job: Job, stream: Stream) -> Download:
    """Puts one stream together as an object, once, and answers where it is.

    Raises Conflict while the job goes on or bytes are still coming: its tail is readable then.
    """
    promised = log.reported_chunks(job.log)
    if not job.state.is_terminal:
        raise Conflict("The job has not ended yet. Read its log page by page until it has.")
    count = promised if promised is not None else _chunks_there(job)
    size = chunks.whole_stream_bytes(job.key, job.attempt, stream.word, count)
    if size is None:
        pieces = _pieces(job, stream, count)
        size = chunks.put_whole_stream(job.key, job.attempt, stream.word, count, pieces)
    name = f"{job.key.run_id}-{job.key.step}-{job.key.agent_id[:8]}.{stream.word}.log"
    url = chunks.whole_stream_url(job.key, job.attempt, stream.word, count, name)
    return Download(url, name, size, chunks.URL_SECONDS)


def _chunks_there(job: Job) -> int:
    seq = 0
    while chunks.get(job.key, job.attempt, seq + 1) is not None:
        seq += 1
    return seq


def _pieces(job: Job, stream: Stream, count: int) -> Iterator[bytes]:
    for seq in range(1, count + 1):
        chunk = chunks.get(job.key, job.attempt, seq)
        if chunk is None:
            raise Conflict("Parts of this log have not arrived yet. Try again a little later.")
        yield from (record.data for record in log.records(chunk) if record.stream is stream)
