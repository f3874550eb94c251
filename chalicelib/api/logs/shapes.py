"""The shapes of jobs' logs."""

from datetime import datetime
from typing import Literal

from chalicelib.api.runs.shapes import JobState
from chalicelib.api.shapes import Shape

StreamName = Literal["stdout", "stderr", "plumber"]
LogState = Literal["streaming", "shipping", "complete", "incomplete"]


class LogRecord(Shape, frozen=True):
    """A piece of output, as the command wrote it: `data` is base64. The stream `plumber` holds
    marks by the agent, such as of what is missing at that place."""

    stream: StreamName
    at: datetime
    data: bytes


class Missing(Shape, frozen=True):
    """What an incomplete log lacks: chunks that have not arrived, and bytes that were cut out."""

    chunks: int
    stdout_bytes: int
    stderr_bytes: int
    reason: str


class LinesBefore(Shape, frozen=True):
    """How many lines have begun before the first record, and of each stream the number of the one
    that this record goes on with; 0: of none."""

    begun: int
    stdout: int
    stderr: int
    plumber: int


class LogPage(Shape, frozen=True):
    """A part of a job's log, and the cursor from which to go on: at once when it `has_more`.
    `line_count` is null until the log has been put together, `lines_before` where no line was
    asked for."""

    records: list[LogRecord]
    next: str
    has_more: bool
    state: LogState
    missing: Missing | None
    job_state: JobState
    line_count: int | None
    lines_before: LinesBefore | None


class LogDownload(Shape, frozen=True):
    """A presigned address of one whole stream. It answers range requests."""

    url: str
    file_name: str
    bytes: int
    expires_at: datetime


class LogMatch(Shape, frozen=True):
    """A line that matches, or the part of it around the match; `start` and `end` are characters of
    `text`. `line` counts from 1 over all streams, in the order of the lines' first bytes."""

    job_id: str
    agent_id: str
    agent_name: str
    step: int
    line: int
    stream: StreamName
    at: datetime
    text: str
    start: int
    end: int


class LogMatches(Shape, frozen=True):
    """What a bounded piece of a search has found. Call again with `next` until it is null."""

    matches: list[LogMatch]
    next: str | None
    searched_bytes: int


class OutputJob(Shape, frozen=True):
    """One of the jobs of a group."""

    job_id: str
    agent_id: str
    agent_name: str
    state: JobState
    exit_code: int | None


class OutputSample(Shape, frozen=True):
    """The beginning of what a group's jobs printed."""

    job_id: str
    text: str
    is_cut: bool


class OutputGroup(Shape, frozen=True):
    """Jobs that ended in the same way and printed the same, byte for byte. `reason` is the first
    one's. `sample` is null where there are too many groups to show them all at once."""

    state: JobState
    exit_code: int | None
    reason: str | None
    count: int
    jobs: list[OutputJob]
    stdout_bytes: int
    stderr_bytes: int
    sample: OutputSample | None


class Outputs(Shape, frozen=True):
    """A step's outputs, those of jobs that did not succeed first and the most common before others,
    and the jobs that have not ended."""

    groups: list[OutputGroup]
    pending: list[OutputJob]
