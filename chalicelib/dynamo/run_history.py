"""Finding runs of the past. Run ids are ULIDs, so every index is in the order of time, and the id
of the last run that was looked at is the cursor. Nothing is scanned."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby, islice
from typing import Any

import msgspec

from chalicelib.access.scope import EVERYTHING, Scope
from chalicelib.dynamo import runs
from chalicelib.dynamo.run_items import JobItem, RunItem, month_of
from chalicelib.errors import BadParameter
from chalicelib.ids import instant_of, lowest_ulid
from chalicelib.runs.run import Run, RunState, Trigger

LOOKED_AT = 500  # runs in one call, however few of them fit; the cursor goes on from there
PAGE = 100
MONTHS = 6  # looked into in one call: a query each, even where it finds nothing
AGENTS_JOBS = 1_000  # of an agent looked at in one call: several of them may be of one run


class Filter(msgspec.Struct, frozen=True):
    """What runs must be, all together; None does not matter. From `begin` to before `end`."""

    task_id: str | None = None
    agent_id: str | None = None
    state: RunState | None = None
    trigger: Trigger | None = None
    begin: datetime | None = None
    end: datetime | None = None
    scope: Scope = EVERYTHING

    def fits(self, run: Run) -> bool:
        """Whether a run, found by one of the criteria, fulfils the others."""
        return (
            self.task_id in (None, run.task_id)
            and self.state in (None, run.state)
            and self.trigger in (None, run.trigger)
            and self.scope.holds_run(run.task_id, run.reach)
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
    newest = min(wanted.end or just_now, just_now)
    if newest <= oldest:
        return [], None
    after, before = lowest_ulid(oldest), lowest_ulid(newest)
    if cursor is not None:
        before = min(before, _cursor(cursor))
    if before <= after:
        return [], None
    found: list[Run] = []
    for looked_at, candidate in enumerate(_candidates(wanted, after, before), 1):
        if isinstance(candidate, str):
            return found, candidate
        if wanted.fits(candidate):
            found.append(candidate)
        if len(found) == limit or looked_at == LOOKED_AT:
            return found, candidate.id
    return found, None


def _cursor(text: str) -> str:
    """Raises BadParameter for what is no ULID."""
    try:
        instant_of(text.upper())
    except (ValueError, OverflowError) as error:
        raise BadParameter("The cursor is not one that a list has answered.") from error
    return text.upper()


def _candidates(wanted: Filter, after: str, before: str) -> Iterator[Run | str]:
    """By the criterion that leaves the fewest runs. Ends with a cursor where there may be more,
    but it has cost enough calls."""
    if wanted.agent_id is not None:
        yield from _of_agent(wanted.agent_id, after, before)
    elif wanted.task_id is not None:
        yield from _query(RunItem.by_task, wanted.task_id, after, before)
    elif wanted.state is not None:
        yield from _query(RunItem.by_state, wanted.state.value, after, before)
    else:
        months = list(_months(after, before))
        for month in months[:MONTHS]:
            yield from _query(RunItem.by_month, month, after, before)
        if len(months) > MONTHS:
            yield lowest_ulid(_begin_of(months[MONTHS - 1]))


def _query(index: Any, key: str, after: str, before: str) -> Iterator[Run]:
    items = index.query(
        key, RunItem.run_id.between(after, before), scan_index_forward=False, page_size=PAGE
    )
    return (runs.value(item) for item in items if item.run_id != before)


def _of_agent(agent_id: str, after: str, before: str) -> Iterator[Run | str]:
    items = JobItem.by_agent.query(
        agent_id,
        JobItem.run_id.between(after, before),
        scan_index_forward=False,
        page_size=PAGE,
        limit=AGENTS_JOBS,
    )
    ids = (run_id for run_id, _ in groupby(item.run_id for item in items) if run_id != before)
    last = before
    while batch := list(islice(ids, PAGE)):
        last = batch[-1]
        yield from runs.get_many(batch)
    if items.last_evaluated_key is not None:
        yield last


def _begin_of(month: str) -> datetime:
    return datetime.strptime(f"{month} +0000", "%Y-%m %z")


def _months(after: str, before: str) -> Iterator[str]:
    """From the newest to the oldest that lie between two ids."""
    month, oldest = month_of(instant_of(before)), month_of(instant_of(after))
    while month >= oldest:
        yield month
        year, number = (int(part) for part in month.split("-"))
        month = f"{year - 1}-12" if number == 1 else f"{year}-{number - 1:02d}"
