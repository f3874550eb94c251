"""Finding runs of the past. Run ids are ULIDs, so every index is in the order of time, and the id
of the last run that was looked at is the cursor. Nothing is scanned."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby, islice
from typing import Any

import msgspec

from chalicelib.dynamo import runs
from chalicelib.dynamo.run_items import JobItem, RunItem, month_of
from chalicelib.errors import BadParameter
from chalicelib.ids import instant_of, lowest_ulid
from chalicelib.run import Run, RunState, Trigger

LOOKED_AT = 500  # runs in one call, however few of them fit; the cursor goes on from there
PAGE = 100


class Filter(msgspec.Struct, frozen=True):
    """What runs must be, all together; None does not matter. From `begin` to before `end`."""

    task_id: str | None = None
    agent_id: str | None = None
    state: RunState | None = None
    trigger: Trigger | None = None
    begin: datetime | None = None
    end: datetime | None = None

    def fits(self, run: Run) -> bool:
        """Whether a run, found by one of the criteria, fulfils the others."""
        return (
            self.task_id in (None, run.task_id)
            and self.state in (None, run.state)
            and self.trigger in (None, run.trigger)
        )


def find(
    wanted: Filter, limit: int, cursor: str | None, now: datetime, days: int
) -> tuple[list[Run], str | None]:
    """A page of runs, newest first, back to `days` ago.

    It may hold fewer than `limit` and not be the last: the cursor is None only at the end. Raises
    BadParameter for a cursor that is none.
    """
    kept_since = now - timedelta(days=days)
    oldest = max(wanted.begin or kept_since, kept_since)
    just_now = now + timedelta(milliseconds=1)
    before = _cursor(cursor) or lowest_ulid(min(wanted.end or just_now, just_now))
    found: list[Run] = []
    last = before
    looked_at = 0
    for run in islice(_candidates(wanted, lowest_ulid(oldest), before), LOOKED_AT):
        looked_at += 1
        last = run.id
        if wanted.fits(run):
            found.append(run)
            if len(found) == limit:
                return found, last
    return found, last if looked_at == LOOKED_AT else None


def _cursor(text: str | None) -> str | None:
    if text is None:
        return None
    if len(text) != 26 or not text.isalnum() or not text.isascii():
        raise BadParameter("The cursor is not one that a list has answered.")
    return text.upper()


def _candidates(wanted: Filter, after: str, before: str) -> Iterator[Run]:
    """By the criterion that leaves the fewest runs."""
    if wanted.agent_id is not None:
        yield from _of_agent(wanted.agent_id, after, before)
    elif wanted.task_id is not None:
        yield from _query(RunItem.by_task, wanted.task_id, after, before)
    elif wanted.state is not None:
        yield from _query(RunItem.by_state, wanted.state.value, after, before)
    else:
        for month in _months(after, before):
            yield from _query(RunItem.by_month, month, after, before)


def _query(index: Any, key: str, after: str, before: str) -> Iterator[Run]:
    items = index.query(
        key, RunItem.run_id.between(after, before), scan_index_forward=False, page_size=PAGE
    )
    return (runs.value(item) for item in items if item.run_id != before)


def _of_agent(agent_id: str, after: str, before: str) -> Iterator[Run]:
    items = JobItem.by_agent.query(
        agent_id, JobItem.run_id.between(after, before), scan_index_forward=False, page_size=PAGE
    )
    ids = (run_id for run_id, _ in groupby(item.run_id for item in items) if run_id != before)
    while batch := list(islice(ids, PAGE)):
        yield from runs.get_many(batch)


def _months(after: str, before: str) -> Iterator[str]:
    """From the newest to the oldest that lie between two ids."""
    month, oldest = month_of(instant_of(before)), month_of(instant_of(after))
    while month >= oldest:
        yield month
        year, number = (int(part) for part in month.split("-"))
        month = f"{year - 1}-12" if number == 1 else f"{year}-{number - 1:02d}"
