"""The due-queue: what has its time, by when (ADR 18).

An entry is no item of its own. It stands on the item that has its time (a run, a job, a schedule),
in three attributes that this module alone names, and in a sparse index of that item's table. So
what becomes due costs no write that was not made anyhow.

| kind | is due | on |
| --- | --- | --- |
| `RUN` | a run that has not ended, to be brought on | `RunItem` |
| `CLAIMED` | a job that its agent has: to be given up, or its agent to be looked at | `JobItem` |
| `QUEUED` | a job that was not fetched in time | `JobItem` |
| `LOG` | the log of a job that has ended, to be compacted | `JobItem` |
| `GIVEN_UP_LOG` | nothing: a log was given up then; nobody claims it | `JobItem` |
| `SCHEDULE` | a schedule's next due time | `ScheduleItem` |

Whoever wants to see to an entry claims it first, by one write that puts it off on the condition
that nobody else has: so any number may work on the same queue, and what ends its handler stands in
nobody's way. Each try waits longer for the next one; how many there may be is the kind's patience,
and what then becomes visible is for whoever works on it.
"""

import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex
from pynamodb.models import Model

from chalicelib.dynamo.base import InstantAttribute, passed
from chalicelib.dynamo.transport import TableModel

_Item = TypeVar("_Item", bound=Model)

Key = tuple[str, ...]  # of an item: its hash key and, where it has one, its range key


class DueIndex(GlobalSecondaryIndex[_Item]):
    """The base of a table's index. Its `Meta` has `INDEX_NAME`, and projects `due_tries` and what
    tells the table's items apart."""

    due_queue = UnicodeAttribute(hash_key=True)
    due_at = InstantAttribute(range_key=True)


INDEX_NAME = "due"


class DueItem(TableModel):
    """What a model has whose items may be due."""

    due_queue = UnicodeAttribute(null=True)
    due_at = InstantAttribute(null=True)
    due_tries = NumberAttribute(null=True)

    def due_key(self) -> Key:
        """The item's own key."""
        names = (self._hash_keyname, self._range_keyname)
        return tuple(getattr(self, name) for name in names if name is not None)


class Patience(msgspec.Struct, frozen=True):
    """How long a try is waited for: doubled with each, up to the longest; and how many there are.

    The first wait should outlast the work, or two will do it; and be no longer than the minute
    between two rounds where nothing should stay undone for longer.
    """

    first: timedelta
    longest: timedelta
    tries: int

    def wait(self, tries: int) -> timedelta:
        """From the beginning of a try, the first of which is 1, until it counts as failed."""
        doubled: timedelta = self.first * 2 ** min(tries - 1, 20)
        return min(doubled, self.longest)


class Kind(msgspec.Struct, frozen=True):
    """What becomes due. A shard takes 1,000 writes a second; each costs a round one query."""

    name: str
    shards: int
    patience: Patience

    def queue(self, key: Key) -> str:
        """The partition of the index. By the item's whole key: the jobs of one run are spread."""
        return f"{self.name}#{zlib.crc32('/'.join(key).encode()) % self.shards}"

    @property
    def queues(self) -> list[str]:
        """All partitions."""
        return [f"{self.name}#{shard}" for shard in range(self.shards)]


_SOON, _QUARTER = timedelta(seconds=30), timedelta(minutes=15)
RUN = Kind("run", 2, Patience(_SOON, _QUARTER, tries=20))  # given up after four hours
CLAIMED = Kind("claimed", 4, Patience(_SOON, _QUARTER, tries=20))
QUEUED = Kind("queued", 4, Patience(_SOON, _QUARTER, tries=20))
LOG = Kind("log", 2, Patience(timedelta(minutes=5), timedelta(hours=1), tries=27))  # a day
# Not worked on: that a log was given up is found here, for as long as its job is kept.
GIVEN_UP_LOG = Kind("given up log", 1, LOG.patience)
# Given up within the five minutes in which a due time is on time: later it would be called missed.
SCHEDULE = Kind("schedule", 2, Patience(timedelta(seconds=15), timedelta(minutes=2), tries=4))


class Entry(msgspec.Struct, frozen=True):
    """Something that was due when the index was read, which may be late."""

    kind: Kind
    key: Key
    at: datetime
    tries: int = 0  # that were begun

    def __str__(self) -> str:
        return f"{self.kind.name} {' '.join(self.key)}"

    @property
    def queue(self) -> str:
        """The partition of the index in which it stands."""
        return self.kind.queue(self.key)

    def claimed(self, now: datetime) -> "Entry":
        """As a claim leaves it."""
        tries = self.tries + 1
        return Entry(self.kind, self.key, now + self.kind.patience.wait(tries), tries)


# --- what verbs of tables write


def stand(kind: Kind, key: Key, at: datetime) -> list[Action]:
    """The item is due then, and was not tried yet."""
    return [
        DueItem.due_queue.set(kind.queue(key)),
        DueItem.due_at.set(at),
        DueItem.due_tries.remove(),
    ]


def stands(kind: Kind, key: Key, at: datetime) -> dict[str, Any]:
    """The same, as attributes of a new item."""
    return {"due_queue": kind.queue(key), "due_at": at}


def leave() -> list[Action]:
    """The item waits for nothing more."""
    return [DueItem.due_queue.remove(), DueItem.due_at.remove(), DueItem.due_tries.remove()]


def again(at: datetime) -> list[Action]:
    """A try went well, and the item is due again."""
    return [DueItem.due_at.set(at), DueItem.due_tries.remove()]


def stands_at(kind: Kind, key: Key, at: datetime | None) -> Condition:
    """Nobody has moved the entry. Its time alone would not say so: of two kinds it may be the
    same."""
    is_there = DueItem.due_queue == kind.queue(key)
    is_same: Condition = is_there & (DueItem.due_at == at)
    return is_same


# --- what reads and claims


def found(index: GlobalSecondaryIndex[Any], kind: Kind, until: datetime, limit: int) -> list[Entry]:
    """What of the kind is due until then, at most `limit` of each shard; the oldest first."""
    is_due = DueItem.due_at <= until
    items: Iterable[DueItem] = (
        item for queue in kind.queues for item in index.query(queue, is_due, limit=limit)
    )
    entries = (Entry(kind, item.due_key(), item.due_at, int(item.due_tries or 0)) for item in items)
    return sorted(entries, key=lambda entry: entry.at)


def latest(
    index: GlobalSecondaryIndex[Any], kind: Kind, since: datetime, limit: int
) -> list[Entry]:
    """What of the kind stands there since then, the latest first; a query for each shard."""
    is_recent = DueItem.due_at >= since
    items: Iterable[DueItem] = (
        item
        for queue in kind.queues
        for item in index.query(queue, is_recent, scan_index_forward=False, limit=limit)
    )
    entries = (Entry(kind, item.due_key(), item.due_at) for item in items)
    return sorted(entries, key=lambda entry: entry.at, reverse=True)[:limit]


def claim(item: DueItem, entry: Entry, now: datetime) -> bool:
    """Puts the entry off until this try counts as failed; the item is then as it is stored.

    False when it is not due any more, or somebody else has claimed it.
    """
    after = entry.claimed(now)
    actions: list[Action] = [DueItem.due_at.set(after.at), DueItem.due_tries.set(after.tries)]
    is_mine = stands_at(entry.kind, entry.key, entry.at)
    return passed(lambda: item.update(actions=actions, condition=is_mine))
