"""The sweeps' table: one item that says since when the sweeper has been watching."""

from datetime import datetime, timedelta

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.dynamo.base import InstantAttribute, TableMeta, table_name
from chalicelib.dynamo.transport import TableModel


class SweepItem(TableModel):
    """`watching_since` moves on when the sweeper was away: silence before it proves nothing."""

    class Meta(TableMeta):
        table_name = table_name("sweeps")

    name = UnicodeAttribute(hash_key=True)
    swept_at = InstantAttribute()
    watching_since = InstantAttribute()


def watch(now: datetime, gap: timedelta) -> datetime:
    """Notes a sweep; answers since when there was one at least every `gap`."""
    try:
        last = SweepItem.get("sweeper", consistent_read=True)
    except DoesNotExist:
        last = SweepItem("sweeper", swept_at=now, watching_since=now)
    since: datetime = last.watching_since if now - last.swept_at <= gap else now
    SweepItem("sweeper", swept_at=now, watching_since=since).save()
    return since
