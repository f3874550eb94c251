"""The presences' table: one small item an agent, so that a heartbeat is one small write."""

from collections.abc import Iterable
from datetime import datetime

from pynamodb.attributes import (
    BooleanAttribute,
    JSONAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.expressions.update import Action

from chalicelib.agents.agent import Presence
from chalicelib.dynamo.base import InstantAttribute, TableMeta, passed, table_name
from chalicelib.dynamo.transport import TableModel


class PresenceItem(TableModel):
    """See `Presence`. `cancels` are leases whose jobs the agent should end."""

    class Meta(TableMeta):
        table_name = table_name("presences")

    agent_id = UnicodeAttribute(hash_key=True)
    last_seen_at = InstantAttribute(null=True)
    offline_at = InstantAttribute(null=True)
    online = BooleanAttribute(default=False)
    running = NumberAttribute(default=0)
    metrics = JSONAttribute(null=True)
    cancels = UnicodeSetAttribute(null=True)


_IS_ONLINE = PresenceItem.online == True  # noqa: E712 - a DynamoDB condition


def _value(item: PresenceItem) -> Presence | None:
    if item.last_seen_at is None or item.offline_at is None:
        return None
    return Presence(
        agent_id=item.agent_id,
        last_seen_at=item.last_seen_at,
        offline_at=item.offline_at,
        online=item.online,
        running=int(item.running),
        cancels=frozenset(item.cancels or ()),
    )


def beat(
    agent_id: str,
    now: datetime,
    offline_at: datetime,
    running: int,
    metrics: dict[str, float] | None,
) -> frozenset[str]:
    """Notes that the agent is there, and until when that holds; answers the leases that it should
    cancel."""
    item = PresenceItem(agent_id)
    actions: list[Action] = [
        PresenceItem.last_seen_at.set(now),
        PresenceItem.offline_at.set(offline_at),
        PresenceItem.online.set(True),
        PresenceItem.running.set(running),
    ]
    if metrics is not None:
        actions.append(PresenceItem.metrics.set(metrics))
    item.update(actions=actions)
    return frozenset(item.cancels or ())


def add_cancel(agent_id: str, lease: str) -> None:
    """Tells the agent with its next heartbeat to end a job."""
    PresenceItem(agent_id).update(actions=[PresenceItem.cancels.add({lease})])


def drop_cancels(agent_id: str, leases: Iterable[str]) -> None:
    """Their jobs have ended."""
    PresenceItem(agent_id).update(actions=[PresenceItem.cancels.delete(set(leases))])


def get_many(agent_ids: Iterable[str]) -> dict[str, Presence]:
    """The presences of those agents that were heard of, by agent."""
    wanted = sorted(set(agent_ids))
    found = (_value(item) for item in PresenceItem.batch_get(wanted)) if wanted else ()
    return {presence.agent_id: presence for presence in found if presence is not None}


def silent(now: datetime) -> Iterable[Presence]:
    """Everybody who is online but was expected before. A scan: the table grows with the fleet only,
    and an index would make every heartbeat pay for two writes."""
    is_silent = (PresenceItem.offline_at < now) & _IS_ONLINE
    return [value for item in PresenceItem.scan(is_silent) if (value := _value(item)) is not None]


def mark_offline(presence: Presence) -> bool:
    """False when the agent was heard of meanwhile, or is marked already."""
    unchanged = PresenceItem.last_seen_at == presence.last_seen_at
    return passed(
        lambda: PresenceItem(presence.agent_id).update(
            actions=[PresenceItem.online.set(False)], condition=unchanged & _IS_ONLINE
        )
    )


def remove(agent_id: str) -> None:
    """Forgets a removed agent."""
    PresenceItem(agent_id).delete()
