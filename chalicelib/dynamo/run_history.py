"""Finding runs of the past. Run ids are ULIDs, so every index is in the order of time, and the id
of the last run that was looked at is the cursor. Nothing is scanned.

An index answers entries: what lists choose by. The runs that may fit are then read themselves.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from heapq import merge
from itertools import groupby, islice
from typing import Any

import msgspec

from chalicelib.access.scope import EVERYTHING, Scope
from chalicelib.dynamo import runs
from chalicelib.dynamo.run_items import (
    HISTORY_SHARDS,
    STATE_SHARDS,
    JobItem,
    RunItem,
    state_partition,
)
from chalicelib.errors import BadParameter
from chalicelib.ids import instant_of, lowest_ulid
from chalicelib.runs.run import Run, RunState, Trigger

PAGE, ROUNDS = 100, 5  # entries looked at together, and how often in one call
LOOKED_AT = (
    PAGE * ROUNDS
)  # runs in one call, however few of them fit; the cursor goes on from there
AGENTS_JOBS = 1_000  # of an agent looked at in one call: several of them may be of one run
AGENTS_PAGE = 250
STATES_AT_ONCE = 3  # that are looked for in their index; with more, in that of all runs
# Queries and batches of one call at most: a query for each shard, one more for each page of entries
# that has been looked at, and a batch for each round.
CALLS_AT_MOST = max(len(HISTORY_SHARDS), STATES_AT_ONCE * len(STATE_SHARDS)) + 2 * ROUNDS


class Entry(msgspec.Struct, frozen=True):
    """What an index says of a run; None where it does not."""

    run_id: str
    trigger: str | None = None


class Filter(msgspec.Struct, frozen=True):
    """What runs must be, all together; None does not matter, and neither do no `states`. From
    `begin` to before `end`. `text` is a part of the task's name, of the run's id, or of the name of
    whoever triggered it; `by` is the whole name or the id of the latter."""

    task_id: str | None = None
    agent_id: str | None = None
    states: tuple[RunState, ...] = ()
    trigger: Trigger | None = None
    by: str | None = None
    begin: datetime | None = None
    end: datetime | None = None
    text: str = ""
    scope: Scope = EVERYTHING

    def may_fit(self, entry: Entry) -> bool:
        """Whether it is worth reading the run of an entry."""
        return self.trigger in (None, entry.trigger) or entry.trigger is None

    def fits(self, run: Run) -> bool:
        """Whether a run, found by one of the criteria, fulfils all."""
        return (
            self.task_id in (None, run.task_id)
            and (not self.states or run.state in self.states)
            and self.trigger in (None, run.trigger)
            and self.by in (None, run.triggered_by.name, run.triggered_by.id)
            and self._has_text(run)
            and self.scope.holds_run(run.task_id, run.reach)
        )

    @property
    def is_by_one(self) -> bool:
        """Whether nearly all that the index answers fits."""
        criteria = (self.task_id, self.agent_id, self.states or None, self.trigger)
        is_narrow = self.trigger is not None or self.by is not None or bool(self.text)
        is_narrow |= not self.scope.is_everything
        return not is_narrow and criteria.count(None) >= len(criteria) - 1

    def _has_text(self, run: Run) -> bool:
        text = self.text.casefold()
        parts = (run.task_name, run.id, run.triggered_by.name)
        return not text or any(text in part.casefold() for part in parts)


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
    return _page(wanted, limit, _entries(wanted, limit, after, before))


def newest_of_task(task_id: str, count: int) -> list[str]:
    """The ids of a task's newest runs; one query."""
    items = RunItem.by_task.query(task_id, scan_index_forward=False, limit=count)
    return [item.run_id for item in items]


def _page(
    wanted: Filter, limit: int, entries: Iterator[Entry | str]
) -> tuple[list[Run], str | None]:
    found: list[Run] = []
    for _ in range(ROUNDS):
        size = min(PAGE, limit - len(found)) if wanted.is_by_one else PAGE
        seen = list(islice(entries, size))
        batch = [entry for entry in seen if isinstance(entry, Entry)]
        for run in _runs(wanted, batch):
            found.append(run)
            if len(found) == limit:
                return found, run.id
        if len(batch) < size:  # the index has no more, or it has cost enough and says where it is
            return found, next((cursor for cursor in seen if isinstance(cursor, str)), None)
    return found, batch[-1].run_id


def _runs(wanted: Filter, batch: Iterable[Entry]) -> Iterator[Run]:
    ids = [entry.run_id for entry in batch if wanted.may_fit(entry)]
    read = runs.get_many(ids) if ids else ()
    return (run for run in read if wanted.fits(run))


def _cursor(text: str) -> str:
    """Raises BadParameter for what is no ULID."""
    try:
        instant_of(text.upper())
    except (ValueError, OverflowError) as error:
        raise BadParameter("The cursor is not one that a list has answered.") from error
    return text.upper()


def _entries(wanted: Filter, limit: int, after: str, before: str) -> Iterator[Entry | str]:
    """By the criterion that leaves the fewest runs, newest first. Ends with a cursor where there
    may be more, but it has cost enough calls."""
    size = min(PAGE, limit + 1) if wanted.is_by_one else PAGE
    if wanted.agent_id is not None:
        return _of_agent(wanted.agent_id, after, before)
    if wanted.task_id is not None:
        return _merged(RunItem.by_task, [wanted.task_id], after, before, size)
    if 1 <= len(wanted.states) <= STATES_AT_ONCE:
        shards = [(state, shard) for state in wanted.states for shard in STATE_SHARDS]
        of_states = [state_partition(state.value, shard) for state, shard in shards]
        return _merged(RunItem.by_state, of_states, after, before, size)
    return _merged(RunItem.by_time, HISTORY_SHARDS, after, before, size)


def _merged(
    index: Any, partitions: Iterable[str | int], after: str, before: str, page_size: int
) -> Iterator[Entry]:
    """One of each partition is known before the first is answered: a query for each of them."""
    found = [_query(index, partition, after, before, page_size) for partition in partitions]
    return merge(*found, key=lambda entry: entry.run_id, reverse=True)


def _query(
    index: Any, partition: str | int, after: str, before: str, page_size: int
) -> Iterator[Entry]:
    items = index.query(
        partition,
        RunItem.run_id.between(after, before),
        scan_index_forward=False,
        page_size=page_size,
    )
    return (Entry(item.run_id, item.trigger) for item in items if item.run_id != before)


def _of_agent(agent_id: str, after: str, before: str) -> Iterator[Entry | str]:
    items = JobItem.by_agent.query(
        agent_id,
        JobItem.run_id.between(after, before),
        scan_index_forward=False,
        page_size=AGENTS_PAGE,
        limit=AGENTS_JOBS,
    )
    last = before
    for run_id, _ in groupby(item.run_id for item in items):
        last = run_id
        if run_id != before:
            yield Entry(run_id)
    if items.last_evaluated_key is not None:
        yield last
