"""The agents' table: identity, labels, facts. Grows with the fleet, not with history."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace

from pynamodb.attributes import BooleanAttribute, JSONAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.agent import Agent, Facts
from chalicelib.dynamo.base import (
    InstantAttribute,
    TableMeta,
    decode_cursor,
    page,
    passed,
    table_name,
)
from chalicelib.dynamo.transport import TableModel

_EVERYBODY = "agent"


class ByName(GlobalSecondaryIndex["AgentItem"]):
    """All agents in the order of their names."""

    class Meta:
        index_name = "by_name"
        projection = AllProjection()

    listing = UnicodeAttribute(hash_key=True)
    name = UnicodeAttribute(range_key=True)


class AgentItem(TableModel):
    """See `Agent`."""

    class Meta(TableMeta):
        table_name = table_name("agents")

    agent_id = UnicodeAttribute(hash_key=True)
    listing = UnicodeAttribute(default=_EVERYBODY)
    name = UnicodeAttribute()
    created_at = InstantAttribute()
    secret_hash = UnicodeAttribute()
    facts = JSONAttribute()
    labels = JSONAttribute()
    group = UnicodeAttribute(null=True)
    disabled = BooleanAttribute(default=False)
    doorbell = BooleanAttribute(default=True)

    by_name = ByName()


# Of an agent that was removed the item stays, without these: nobody is enrolled under its id again.
_IDENTITY = (AgentItem.secret_hash, AgentItem.listing)
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
    )


def enroll(agent: Agent) -> bool:
    """Lets a new agent in; False when the id is taken, or was."""
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


def get_many(agent_ids: Iterable[str]) -> dict[str, Agent]:
    """Those of the agents that exist, by id."""
    wanted = sorted(set(agent_ids))
    found = AgentItem.batch_get(wanted) if wanted else ()
    return {item.agent_id: _value(item) for item in found if _is_enrolled(item)}


def search(limit: int, cursor: str | None) -> tuple[list[Agent], str | None]:
    """A page of all agents, by name."""
    found, following = page(
        AgentItem.by_name.query(_EVERYBODY, limit=limit, last_evaluated_key=decode_cursor(cursor))
    )
    return [_value(item) for item in found], following


def everybody(at_most: int) -> list[Agent]:
    """All agents, by name, up to a limit."""
    return [_value(item) for item in AgentItem.by_name.query(_EVERYBODY, limit=at_most)]


def update_facts(agent_id: str, facts: Facts) -> None:
    """Notes what the agent says of its machine; nothing for an agent that was removed."""
    passed(
        lambda: AgentItem(agent_id).update(
            actions=[AgentItem.facts.set(asdict(facts))],
            condition=_enrolled,
        )
    )


def change(
    agent: Agent,
    *,
    name: str,
    labels: Mapping[str, str],
    group: str | None,
    disabled: bool,
    doorbell: bool,
) -> Agent | None:
    """Changes what people say of the agent; None when it was removed meanwhile."""
    actions: list[Action] = [
        AgentItem.name.set(name),
        AgentItem.labels.set(dict(labels)),
        AgentItem.disabled.set(disabled),
        AgentItem.doorbell.set(doorbell),
        AgentItem.group.set(group) if group is not None else AgentItem.group.remove(),
    ]
    item = AgentItem(agent.id)
    if not passed(lambda: item.update(actions=actions, condition=_enrolled)):
        return None
    return replace(
        agent, name=name, labels=labels, group=group, disabled=disabled, doorbell=doorbell
    )


def remove(agent_id: str) -> bool:
    """False when there is no such agent. Its id is not given again, for tasks may name it."""
    actions: list[Action] = [each.remove() for each in _IDENTITY]
    actions.append(AgentItem.facts.set({}))
    return passed(lambda: AgentItem(agent_id).update(actions=actions, condition=_enrolled))
