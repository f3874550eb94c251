"""The sweeps' table: one item that says since when the sweeper has been watching."""

from datetime import datetime, timedelta

from pynamodb.attributes import UnicodeAttribute

from chalicelib.dynamo.base import InstantAttribute, TableMeta, passed, table_name
from chalicelib.dynamo.transport import TableModel


class SweepItem(TableModel):
    """`watching_since` moves on when the sweeper was away: silence before it proves nothing."""

    class Meta(TableMeta):
        table_name = table_name("sweeps")

    name = UnicodeAttribute(hash_key=True)
    swept_at = InstantAttribute()
    watching_since = InstantAttribute()


def watch(now: datetime, gap: timedelta) -> datetime:
    """Notes a sweep; answers since when there was one at least every `gap`.

    Never sets back what a sweeper with a later clock has noted.
    """
    item = SweepItem("sweeper")
    is_watched = SweepItem.swept_at.between(now - gap, now)
    is_alone = SweepItem.swept_at.does_not_exist() | (SweepItem.swept_at < now - gap)
    noted = SweepItem.swept_at.set(now)
    since_now = SweepItem.watching_since.set(now)
    if passed(lambda: item.update(actions=[noted], condition=is_watched)):
        return _since(item)
    if passed(lambda: item.update(actions=[noted, since_now], condition=is_alone)):
        return _since(item)
    return _since(SweepItem.get("sweeper", consistent_read=True))  # of somebody who came first


def _since(item: SweepItem) -> datetime:
    since: datetime = item.watching_since
    return since
