"""The presences' table: one small item an agent, so that a heartbeat is one small write."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pynamodb.attributes import (
    Attribute,
    BooleanAttribute,
    JSONAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.constants import STRING
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.agents.absence import Absence, Absences, gone
from chalicelib.agents.agent import Presence
from chalicelib.agents.seat import KNOCK, Heard, SecondProcess
from chalicelib.dynamo.base import (
    InstantAttribute,
    TableMeta,
    instant,
    milliseconds,
    passed,
    table_name,
)
from chalicelib.dynamo.transport import TableModel


class AbsencesAttribute(Attribute[Absences]):
    """As `[since, until, since, …]` in milliseconds: the same absences are the same text."""

    attr_type = STRING

    def serialize(self, value: Absences) -> str:
        ends = [milliseconds(end) for each in value for end in (each.since, each.until)]
        return json.dumps(ends, separators=(",", ":"))

    def deserialize(self, value: str) -> Absences:
        ends = [instant(each) for each in json.loads(value)]
        pairs = zip(ends[::2], ends[1::2], strict=True)
        return tuple(Absence(since, until) for since, until in pairs if since is not None)


class PresenceItem(TableModel):
    """See `Presence`. `cancels` are leases whose jobs the agent should end; `instance` holds the
    seat until `seat_until`, and others have asked for it since `knocked_at`: see ADR 25."""

    class Meta(TableMeta):
        table_name = table_name("presences")

    agent_id = UnicodeAttribute(hash_key=True)
    last_seen_at = InstantAttribute(null=True)
    offline_at = InstantAttribute(null=True)
    online = BooleanAttribute(default=False)
    running = NumberAttribute(default=0)
    metrics = JSONAttribute(null=True)
    cancels = UnicodeSetAttribute(null=True)
    instance = UnicodeAttribute(null=True)
    seat_until = InstantAttribute(null=True)
    knocked_at = InstantAttribute(null=True)
    conflict = JSONAttribute(null=True)
    absences = AbsencesAttribute(null=True)


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
        conflict=_conflict(item.conflict),
        instance=item.instance,
        absences=item.absences or (),
    )


def _conflict(kept: dict[str, Any] | None) -> SecondProcess | None:
    at = instant(kept["at"]) if kept else None
    return SecondProcess(kept["hostname"], kept["address"], at) if kept and at else None


def _holds_seat(instance: str) -> Condition:
    """Whoever held it last keeps it until somebody else takes it, and the first one gets it."""
    has_it: Condition = PresenceItem.instance.does_not_exist()
    has_it |= PresenceItem.instance == instance
    return has_it


def _seat(instance: str, until: datetime) -> list[Action]:
    return [
        PresenceItem.instance.set(instance),
        PresenceItem.seat_until.set(until),
        PresenceItem.knocked_at.remove(),
    ]


def beat(
    agent_id: str,
    instance: str,
    now: datetime,
    offline_at: datetime,
    seat_until: datetime,
    running: int,
    metrics: dict[str, float] | None,
) -> Heard | None:
    """Notes that the agent is there, and until when that holds; None when another instance has the
    seat."""
    item = PresenceItem(agent_id)
    actions: list[Action] = [
        PresenceItem.last_seen_at.set(now),
        PresenceItem.offline_at.set(offline_at),
        PresenceItem.online.set(True),
        PresenceItem.running.set(running),
        *_seat(instance, seat_until),
    ]
    if metrics is not None:
        actions.append(PresenceItem.metrics.set(metrics))
    if not passed(lambda: item.update(actions=actions, condition=_holds_seat(instance))):
        return None
    cancels, absences = frozenset(item.cancels or ()), item.absences or ()
    return Heard(cancels, _conflict(item.conflict), absences)


def note_back(agent_id: str, before: Absences, after: Absences) -> bool:
    """Notes that an absence has ended; False when that, or another one, was noted meanwhile."""
    unchanged = PresenceItem.absences == before
    return passed(
        lambda: PresenceItem(agent_id).update(
            actions=[PresenceItem.absences.set(after)], condition=unchanged
        )
    )


def keep_seat(agent_id: str, instance: str, until: datetime) -> bool:
    """False when another instance has it."""
    actions = _seat(instance, until)
    return passed(
        lambda: PresenceItem(agent_id).update(actions=actions, condition=_holds_seat(instance))
    )


def take_seat(agent_id: str, instance: str, now: datetime, until: datetime) -> bool:
    """For another instance than before, which let the seat lapse, and is offline or did not come
    for `KNOCK` after it was rung; False otherwise. That this one was refused until then is no news
    any more."""
    has_lapsed = PresenceItem.seat_until <= now
    did_not_come = (PresenceItem.knocked_at <= now - KNOCK) | (PresenceItem.offline_at <= now)
    actions = [*_seat(instance, until), PresenceItem.conflict.remove()]
    return passed(
        lambda: PresenceItem(agent_id).update(actions=actions, condition=has_lapsed & did_not_come)
    )


def leave_seat(agent_id: str, instance: str) -> None:
    """Whoever comes next has it at once."""
    is_own = PresenceItem.instance == instance
    passed(
        lambda: PresenceItem(agent_id).update(
            actions=[PresenceItem.instance.remove()], condition=is_own
        )
    )


def note_refused(
    agent_id: str, instance: str, who: SecondProcess, now: datetime
) -> datetime | None:
    """Notes that an instance was refused the seat; answers until when another one has it, and None
    when it has none meanwhile."""
    item = PresenceItem(agent_id)
    kept = {"hostname": who.hostname, "address": who.address, "at": milliseconds(who.at)}
    actions: list[Action] = [
        PresenceItem.conflict.set(kept),
        PresenceItem.knocked_at.set(PresenceItem.knocked_at | now),  # the first knock counts
    ]
    is_others = PresenceItem.instance.exists() & (PresenceItem.instance != instance)
    if not passed(lambda: item.update(actions=actions, condition=is_others)):
        return None
    return item.seat_until


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


def everybody() -> dict[str, Presence]:
    """All presences, by agent. A scan: of a small item for each agent."""
    found = (_value(item) for item in PresenceItem.scan())
    return {presence.agent_id: presence for presence in found if presence is not None}


def silent(now: datetime) -> Iterable[Presence]:
    """Everybody who is online but was expected before. A scan: the table grows with the fleet only,
    and an index would make every heartbeat pay for two writes."""
    is_silent = (PresenceItem.offline_at < now) & _IS_ONLINE
    return [value for item in PresenceItem.scan(is_silent) if (value := _value(item)) is not None]


def mark_offline(presence: Presence) -> bool:
    """Begins an absence. False when the agent was heard of meanwhile, or is marked already."""
    unchanged = PresenceItem.last_seen_at == presence.last_seen_at
    actions: list[Action] = [
        PresenceItem.online.set(False),
        PresenceItem.absences.set(gone(presence.absences, presence.last_seen_at)),
    ]
    return passed(
        lambda: PresenceItem(presence.agent_id).update(
            actions=actions, condition=unchanged & _IS_ONLINE
        )
    )


def remove(agent_id: str) -> None:
    """Forgets a removed agent."""
    PresenceItem(agent_id).delete()
