"""Searching logs: a bounded piece of work a call, so that the first matches come at once."""

from collections.abc import Callable, Sequence

import msgspec

from chalicelib.errors import BadParameter
from chalicelib.logs.log import Position, Stream
from chalicelib.logs.log_search import Cursor, Match, Needle, Scan
from chalicelib.operations.logs.log_source import LogSource
from chalicelib.runs.job import Job

BYTES_AT_ONCE = 16 << 20  # of output
MATCHES_AT_ONCE = 200


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
        for index in range(position.index, len(chunk)):
            if budget.is_spent:
                found += scan.shorten()
                after = scan.cursor(Position(position.seq, index))
                return Found(_of(job, found, stream), str(after), searched)
            matches = list(scan.take(chunk[index]))
            found += matches
            size = len(chunk[index].data)
            searched += size
            budget.bytes -= size
            budget.matches -= len(matches)
        position = Position(position.seq + 1)
    found += scan.finish()
    return Found(_of(job, found, stream), None, searched)


def _of(job: Job, found: Sequence[Match], stream: Stream | None) -> list[tuple[Job, Match]]:
    return [(job, match) for match in found if stream in (None, match.stream)]


def search_jobs(
    jobs: Sequence[Job], needle: Needle, stream: Stream | None, cursor: str, budget: Budget
) -> Found:
    """Looks through the logs of several jobs, one after the other. Raises BadParameter."""
    number, within = _parse(cursor)
    found: list[tuple[Job, Match]] = []
    searched = 0
    for index in range(number, len(jobs)):
        if budget.is_spent:
            return Found(found, f"{index}:", searched)
        part = search(jobs[index], needle, stream, within, budget)
        within = ""
        found += part.matches
        searched += part.searched_bytes
        if part.next is not None:
            return Found(found, f"{index}:{part.next}", searched)
    return Found(found, None, searched)


def _parse(cursor: str) -> tuple[int, str]:
    number, colon, within = cursor.partition(":")
    if not cursor:
        return 0, ""
    if not (colon and number.isascii() and number.isdigit() and len(number) <= 6):
        raise BadParameter("The cursor is not one that a search has answered.")
    return int(number), within
