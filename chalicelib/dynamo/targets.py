"""The targets' table: the index of agents by labels and group, and in the order of their names.

Each verb is one write or one read. `operations/fleet.py` says in which order they keep the index
whole, ADR 15 why that holds.
"""

from collections.abc import Sequence

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.agents.target_index import Entry, Place
from chalicelib.dynamo import rows
from chalicelib.dynamo.base import TableMeta, passed, table_name
from chalicelib.dynamo.transport import TableModel


class TargetItem(TableModel):
    """See `Entry`. `version` is that of the agent with which it was entered."""

    class Meta(TableMeta):
        table_name = table_name("targets")

    partition = UnicodeAttribute(hash_key=True)
    place = UnicodeAttribute(range_key=True)
    version = NumberAttribute()


_READ = (TargetItem.place, TargetItem.version)
_IS_FREE = TargetItem.partition.does_not_exist()


class Entered(msgspec.Struct, frozen=True):
    """An entry as it was found."""

    entry: Entry
    version: int


def enter(entry: Entry, version: int) -> bool:
    """Writes an entry; False when it is there already, with a later version."""
    item = TargetItem(entry.partition, entry.place, version=version)
    return passed(lambda: item.save(condition=_IS_FREE | (TargetItem.version <= version)))


def strike(entry: Entry, version: int) -> bool:
    """Deletes an entry, unless it was entered anew with a later version; False then."""
    item = TargetItem(entry.partition, entry.place)
    return passed(lambda: item.delete(condition=_IS_FREE | (TargetItem.version <= version)))


def look(place: Place, limit: int, after: str | None = None) -> tuple[Sequence[Entered], bool]:
    """At most `limit` entries of a place, of those that stand after a position in it; and whether
    there are more."""
    key = None
    if after is not None:
        key = {"partition": {"S": place.partition}, "place": {"S": place.start + after}}
    begins = TargetItem.place.startswith(place.start) if place.start else None
    results = rows.query(TargetItem, place.partition, begins, _READ, limit=limit + 1, after=key)
    found = [
        Entered(Entry(place.partition, rows.read(row, at)), rows.read_whole(row, version))
        for at, version in (_READ,)
        for row in results
    ]
    return found[:limit], len(found) > limit
