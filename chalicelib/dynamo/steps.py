"""A run's frozen steps, and the agents that were chosen for them."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec.structs import replace
from pynamodb.expressions.update import Action

from chalicelib.access.scope import NOWHERE, Reach
from chalicelib.dynamo.base import passed
from chalicelib.dynamo.run_items import (
    PartitionItem,
    RosterItem,
    StepItem,
    roster_sort_key,
    step_sort_key,
)
from chalicelib.reader import Reader
from chalicelib.runs.run import RunStep
from chalicelib.tasks.task import Step

_STEP = Reader(Step)
FEW = 10  # agents that stand in the step's own item, which every claim reads: a kilobyte (ADR 7)
ROSTER_CHUNK = 100  # agents in one item: what the start of one more job reads
SHOWN_NAME_CHARACTERS = 64  # of an agent's name in a run; keeps an item of the roster small


def frozen(item: StepItem) -> RunStep:
    """The step that an item holds, without its agents if they are many."""
    step = _STEP.json(item.frozen)
    size = None if item.size is None else int(item.size)
    agents, reach = dict(item.agents or ()), item.reach or NOWHERE
    return RunStep(step, size, item.roster, agents, item.problem, reach)


class _Placed(msgspec.Struct, frozen=True):
    """A step's agents as they are stored: in its own item, or in parts under a name that follows
    from them."""

    few: list[list[str]] | None = None
    roster: str | None = None
    parts: Sequence[RosterItem] = ()


def _placed(run_id: str, number: int, agents: Mapping[str, str], expires_at: datetime) -> _Placed:
    pairs = [[agent_id, name[:SHOWN_NAME_CHARACTERS]] for agent_id, name in agents.items()]
    if len(pairs) <= FEW:
        return _Placed(few=pairs)
    name = hashlib.sha256(json.dumps(pairs).encode()).hexdigest()[:12]
    parts = [
        RosterItem(
            run_id,
            roster_sort_key(number, name, first // ROSTER_CHUNK),
            agents=pairs[first : first + ROSTER_CHUNK],
            ttl=expires_at,
        )
        for first in range(0, len(pairs), ROSTER_CHUNK)
    ]
    return _Placed(roster=name, parts=parts)


def freeze(run_id: str, steps: Iterable[RunStep], expires_at: datetime) -> bool:
    """Writes what the run's steps are, before the run itself exists, each once.

    False when somebody was first with one of them: then that is what the run does. Jobs are
    counted by their place in the roster, so a step never changes once it is there.
    """
    written = [_freeze(run_id, step, expires_at) for step in steps]  # all, whatever came before
    return all(written)


def _freeze(run_id: str, step: RunStep, expires_at: datetime) -> bool:
    text = msgspec.json.encode(step.step).decode()
    item = StepItem(run_id, step_sort_key(step.number), frozen=text, ttl=expires_at)
    if step.size is not None:
        placed = _placed(run_id, step.number, step.agents, expires_at)
        item.size, item.agents, item.roster = step.size, placed.few, placed.roster
        item.reach = None if step.reach == NOWHERE else step.reach
        _save(placed.parts)
    return passed(lambda: item.save(condition=StepItem.frozen.does_not_exist()))


def _save(parts: Sequence[RosterItem]) -> None:
    """Before the step that names them: what nobody names is never read."""
    with PartitionItem.batch_write() as batch:
        for part in parts:
            batch.save(part)


def resolve(
    run_id: str,
    step: RunStep,
    agents: Mapping[str, str],
    expires_at: datetime,
    reach: Reach = NOWHERE,
) -> bool:
    """Records the agents of a step that starts, once; False when it was done before.

    Items of their own are written first, under a name that follows from them: what a killed
    handler or the second of two leaves behind is never read.
    """
    placed = _placed(run_id, step.number, agents, expires_at)
    _save(placed.parts)
    chosen: list[Action] = [StepItem.size.set(len(agents))]
    chosen += [] if reach == NOWHERE else [StepItem.reach.set(reach)]
    chosen += [StepItem.agents.set(placed.few)] if placed.few is not None else []
    chosen += [StepItem.roster.set(placed.roster)] if placed.roster is not None else []
    return _resolve(run_id, step, chosen)


def refuse(run_id: str, step: RunStep, problem: str) -> bool:
    """Records why no agents can be chosen for a step, once; False when it was done before."""
    return _resolve(run_id, step, [StepItem.size.set(0), StepItem.problem.set(problem)])


def _resolve(run_id: str, step: RunStep, actions: list[Action]) -> bool:
    item = StepItem(run_id, step_sort_key(step.number))
    is_unresolved = StepItem.size.does_not_exist() & StepItem.frozen.exists()
    return passed(lambda: item.update(actions=actions, condition=is_unresolved))


def agent_at(run_id: str, step: RunStep, index: int) -> tuple[str, str]:
    """Id and name of the agent with this index, below the step's size."""
    if step.roster_id is None:
        return step.roster[index], step.agents[step.roster[index]]
    chunk, place = divmod(index, ROSTER_CHUNK)
    key = roster_sort_key(step.number, step.roster_id, chunk)
    agent_id, name = RosterItem.get(run_id, key, consistent_read=True).agents[place]
    return str(agent_id), str(name)


def agents_between(run_id: str, step: RunStep, indexes: range) -> dict[int, tuple[str, str]]:
    """Ids and names of the agents with these indexes, below the step's size, by index."""
    if step.roster_id is None:
        few = list(step.agents.items())
        return {index: few[index] for index in indexes}
    chunks = range(indexes.start // ROSTER_CHUNK, (indexes.stop - 1) // ROSTER_CHUNK + 1)
    keys = {roster_sort_key(step.number, step.roster_id, chunk): chunk for chunk in chunks}
    found: dict[int, tuple[str, str]] = {}
    for part in PartitionItem.batch_get([(run_id, key) for key in keys], consistent_read=True):
        assert isinstance(part, RosterItem)
        first = keys[part.item] * ROSTER_CHUNK
        found |= {first + at: (pair[0], pair[1]) for at, pair in enumerate(part.agents)}
    return {index: found[index] for index in indexes}


def with_agents(step: RunStep, parts: Iterable[RosterItem]) -> RunStep:
    """The step with those agents that were chosen for it, from all parts in their order."""
    if step.roster_id is None:
        return step
    wanted = roster_sort_key(step.number, step.roster_id, 0)[:-2]
    mine = (part for part in parts if part.item.startswith(wanted))
    agents = {agent_id: name for part in mine for agent_id, name in part.agents}
    return replace(step, agents=agents)
