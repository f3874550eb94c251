"""The agents' table: identity, labels, facts. Grows with the fleet, not with history."""

from collections.abc import Iterable, Iterator

from msgspec.structs import asdict
from pynamodb.attributes import (
    BooleanAttribute,
    JSONAttribute,
    NumberAttribute,
    UnicodeAttribute,
)
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.update import Action

from chalicelib.agents.agent import Agent, Candidate, Facts
from chalicelib.dynamo import rows
from chalicelib.dynamo.access_attributes import ByAttribute
from chalicelib.dynamo.base import InstantAttribute, TableMeta, passed, table_name
from chalicelib.dynamo.rows import Row
from chalicelib.dynamo.transport import TableModel


class AgentItem(TableModel):
    """See `Agent`."""

    class Meta(TableMeta):
        table_name = table_name("agents")

    agent_id = UnicodeAttribute(hash_key=True)
    name = UnicodeAttribute()
    created_at = InstantAttribute()
    secret_hash = UnicodeAttribute()
    facts = JSONAttribute()
    labels = JSONAttribute()
    group = UnicodeAttribute(null=True)
    disabled = BooleanAttribute(default=False)
    doorbell = BooleanAttribute(default=True)
    version = NumberAttribute()
    enrolled_by = ByAttribute(null=True)


# Of an agent that was removed the item stays, without its secret: nobody is enrolled under its id
# again.
_enrolled = AgentItem.secret_hash.exists()


def _value(item: AgentItem) -> Agent:
    return Agent(
        id=item.agent_id,
        name=item.name,
        created_at=item.created_at,
        secret_hash=item.secret_hash,
        facts=Facts(**item.facts),
        labels=item.labels,
        group=item.group,
        disabled=item.disabled,
        doorbell=item.doorbell,
        version=int(item.version),
        enrolled_by=item.enrolled_by,
    )


def enroll(agent: Agent) -> bool:
    """Lets a new agent in; False when the id is taken, or was. Its entries in the index come first:
    see `operations/fleet.py`."""
    item = AgentItem(
        agent.id,
        name=agent.name,
        created_at=agent.created_at,
        secret_hash=agent.secret_hash,
        facts=asdict(agent.facts),
        labels=dict(agent.labels),
        group=agent.group,
        disabled=agent.disabled,
        doorbell=agent.doorbell,
        version=agent.version,
        enrolled_by=agent.enrolled_by,
    )
    return passed(lambda: item.save(condition=AgentItem.agent_id.does_not_exist()))


def get(agent_id: str) -> Agent | None:
    """The agent, or None."""
    try:
        item = AgentItem.get(agent_id, consistent_read=True)
    except DoesNotExist:
        return None
    return _value(item) if _is_enrolled(item) else None


def was_removed(agent_id: str) -> bool:
    """Whether an agent once had this id."""
    try:
        return not _is_enrolled(AgentItem.get(agent_id, consistent_read=True))
    except DoesNotExist:
        return False


def _is_enrolled(item: AgentItem) -> bool:
    return bool(item.secret_hash)


def get_many(agent_ids: Iterable[str], *, as_of_now: bool = False) -> dict[str, Agent]:
    """Those of the agents that exist, by id; what was written a moment ago may be missing, unless
    they are read as of now."""
    wanted = sorted(set(agent_ids))
    found = AgentItem.batch_get(wanted, consistent_read=as_of_now) if wanted else ()
    return {item.agent_id: _value(item) for item in found if _is_enrolled(item)}


_DESCRIBED = (
    AgentItem.agent_id,
    AgentItem.name,
    AgentItem.labels,
    AgentItem.group,
    AgentItem.disabled,
    AgentItem.secret_hash,  # for whether it is enrolled
)


_READ = (*_DESCRIBED, AgentItem.version)


def _candidates(found: Iterable[Row]) -> Iterator[Candidate]:
    for row in found:
        agent_id, name, labels, group, disabled, secret_hash = (
            rows.read(row, attribute) for attribute in _DESCRIBED
        )
        if secret_hash:
            version = rows.read_whole(row, AgentItem.version)
            yield Candidate(agent_id, name, labels, group, bool(disabled), version)


def candidates(agent_ids: Iterable[str], *, as_of_now: bool = False) -> dict[str, Candidate]:
    """As `get_many`, and no more of them than is described."""
    wanted = sorted(set(agent_ids))
    found = rows.get_many(AgentItem, wanted, _READ, as_of_now=as_of_now)
    return {each.id: each for each in _candidates(found)}


def everybody() -> Iterator[Candidate]:
    """All agents, in no order, as of now. A scan: it reads what it answers, and no more."""
    return _candidates(rows.scan(AgentItem, _READ))


def update_facts(agent_id: str, facts: Facts) -> None:
    """Notes what the agent says of its machine; nothing for an agent that was removed."""
    passed(
        lambda: AgentItem(agent_id).update(
            actions=[AgentItem.facts.set(asdict(facts))],
            condition=_enrolled,
        )
    )


def change(old: Agent, new: Agent) -> bool:
    """Writes what people say of the agent anew; False when it was changed or removed meanwhile."""
    actions: list[Action] = [
        AgentItem.name.set(new.name),
        AgentItem.labels.set(dict(new.labels)),
        AgentItem.disabled.set(new.disabled),
        AgentItem.doorbell.set(new.doorbell),
        AgentItem.group.set(new.group) if new.group is not None else AgentItem.group.remove(),
        AgentItem.version.set(new.version),
    ]
    is_as_read = _enrolled & (AgentItem.version == old.version)
    return passed(lambda: AgentItem(old.id).update(actions=actions, condition=is_as_read))


def remove(agent: Agent) -> bool:
    """False when it was changed or removed meanwhile. Its id is not given again, for tasks may name
    it."""
    actions: list[Action] = [AgentItem.secret_hash.remove(), AgentItem.facts.set({})]
    is_as_read = _enrolled & (AgentItem.version == agent.version)
    return passed(lambda: AgentItem(agent.id).update(actions=actions, condition=is_as_read))
