"""Searching logs: a bounded piece of work a call, so that the first matches come at once."""

from collections.abc import Callable, Sequence

import msgspec

from chalicelib.dynamo import job_pages
from chalicelib.errors import BadParameter
from chalicelib.logs.log import RECORD_COSTS, Position, Stream
from chalicelib.logs.log_search import Cursor, Match, Needle, Scan
from chalicelib.operations.logs.log_source import LogSource
from chalicelib.runs.job import Job

BYTES_AT_ONCE = 16 << 20  # of output
CHUNK_COSTS = 16 << 10  # of them: to get one takes as long as to look through so much
MATCHES_AT_ONCE = 200
PAGES_AT_ONCE = 5  # of a run's jobs


class Budget(msgspec.Struct):
    """What is left of a call's work."""

    is_late: Callable[[], bool]
    bytes: int = BYTES_AT_ONCE
    matches: int = MATCHES_AT_ONCE

    @property
    def is_spent(self) -> bool:
        """Whether to answer what was found so far."""
        return self.bytes <= 0 or self.matches <= 0 or self.is_late()


class Found(msgspec.Struct, frozen=True):
    """Matches with their jobs, and where to go on; None when everything that is there was
    searched."""

    matches: Sequence[tuple[Job, Match]]
    next: str | None
    searched_bytes: int


def search(job: Job, needle: Needle, stream: Stream | None, cursor: str, budget: Budget) -> Found:
    """Looks through one attempt's log, from `cursor` on. Raises BadParameter."""
    source, begin = LogSource(job, tolerant=True), Cursor.parse(cursor)
    scan, position = Scan(needle, begin), begin.position
    found: list[Match] = []
    searched = 0
    while (chunk := source.chunk(position.seq)) is not None:
        if budget.is_spent and position != begin.position:
            found += scan.shorten()
            return Found(_of(job, found, stream), str(scan.cursor(position)), searched)
        for index in range(position.index, len(chunk)):
            if budget.is_spent:
                found += scan.shorten()
                after = scan.cursor(Position(position.seq, index))
                return Found(_of(job, found, stream), str(after), searched)
            matches = list(scan.take(chunk[index]))
            found += matches
            size = len(chunk[index].data)
            searched += size
            budget.bytes -= size + RECORD_COSTS
            budget.matches -= len(matches)
        position = Position(position.seq + 1)
        budget.bytes -= CHUNK_COSTS  # there may be nothing in it
    found += scan.finish()
    return Found(_of(job, found, stream), None, searched)


def _of(job: Job, found: Sequence[Match], stream: Stream | None) -> list[tuple[Job, Match]]:
    return [(job, match) for match in found if stream in (None, match.stream)]


def search_run(
    run_id: str,
    step: int | None,
    needle: Needle,
    stream: Stream | None,
    cursor: str,
    budget: Budget,
) -> Found:
    """Looks through the logs of a run's jobs, of one step or of all, one after the other.

    The cursor is a job's id and where to go on within its log. However many jobs have no output,
    a call reads `PAGES_AT_ONCE` pages of them. Raises BadParameter.
    """
    begin, colon, within = cursor.partition(":")
    if cursor and not colon:
        raise BadParameter("The cursor is not one that a search has answered.")
    following: str | None = begin or None
    found: list[tuple[Job, Match]] = []
    searched = 0
    for _ in range(PAGES_AT_ONCE):
        page, following = job_pages.begun(run_id, step, following)
        for job in page:
            if budget.is_spent:
                return Found(found, f"{job.key.job_id}:", searched)
            here = within if job.key.job_id == begin else ""
            part = search(job, needle, stream, here, budget)
            found += part.matches
            searched += part.searched_bytes
            if part.next is not None:
                return Found(found, f"{job.key.job_id}:{part.next}", searched)
        if following is None:
            return Found(found, None, searched)
    return Found(found, f"{following}:", searched)
