"""Choosing the agents of a step: through the index of targets, reading those that can fit."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import islice
from typing import TypeVar

import msgspec

from chalicelib.access.scope import EVERYTHING, OutOfScope, Reach, Scope, reach_of
from chalicelib.agents.agent import Candidate
from chalicelib.agents.target_index import Place, sources
from chalicelib.dynamo import agents, targets
from chalicelib.dynamo.targets import Entered
from chalicelib.errors import BadParameter
from chalicelib.operations.agents import fleet
from chalicelib.tasks.target import Targets, in_order
from chalicelib.tasks.task import MAX_AGENTS_PER_STEP, MAX_CANDIDATES_PER_STEP

READ_AT_ONCE = 100  # agents; BatchGetItem's limit
READERS = 8  # side by side, where there are so many
FIRST_LOOK = 100  # entries of each source; then four times as many, and so on
Found = TypeVar("Found")

SHOWN_OUTSIDE = 3  # agents that a refusal names
LATER_LOOKS, MOST_AT_ONE_LOOK = 4, 6_400


class TooManyAgents(BadParameter):
    """More agents fit the targets of a step than a step may have."""


class Chosen(msgspec.Struct, frozen=True):
    """The agents of a step: their names by id, in their order, and their reach."""

    agents: Mapping[str, str]
    reach: Reach


def choose(wanted: Targets, now: datetime, scope: Scope = EVERYTHING) -> Chosen:
    """The agents that targets fit now. Raises TooManyAgents, and OutOfScope where some of them are
    outside of the scope: a step runs on all of its agents or on none."""
    if wanted.is_fixed:
        return chosen_by_name(wanted, named(wanted.agent_ids), scope)
    found: list[Candidate] = []
    for candidates in _candidates(wanted, now):
        found += wanted.fitting(candidates)
        if len(found) > MAX_AGENTS_PER_STEP:
            raise TooManyAgents(
                f"More than {MAX_AGENTS_PER_STEP:,} agents fit {wanted.describe()}, and a step has "
                f"at most {MAX_AGENTS_PER_STEP:,}. Narrow its targets, or make several steps."
            )
    if outside := [each for each in found if not scope.holds_agent(each.labels, each.group)]:
        raise OutOfScope(
            f"{wanted.describe()}: {len(outside):,} of the {len(found):,} agents that fit are "
            f"outside of the scope, which is {scope.describe()}. Narrow the targets."
        )
    return Chosen(in_order(found), reach_of((each.labels, each.group) for each in found))


def named(agent_ids: Iterable[str]) -> dict[str, Candidate]:
    """Those of the agents that there are, by id."""
    ids = sorted(set(agent_ids))
    parts = _side_by_side(lambda first: agents.candidates(ids[first : first + READ_AT_ONCE]), ids)
    return {agent_id: each for part in parts for agent_id, each in part.items()}


def _side_by_side(read: Callable[[int], Found], ids: Sequence[str]) -> Iterator[Found]:
    """What is read of these, `READ_AT_ONCE` by the place of the first of them. No further than the
    caller goes on asking."""
    starts = range(0, len(ids), READ_AT_ONCE)
    if len(starts) <= READERS // 2:
        yield from map(read, starts)
        return
    with ThreadPoolExecutor(READERS) as readers:
        for first in range(0, len(starts), READERS):
            yield from readers.map(read, starts[first : first + READERS])


def chosen_by_name(wanted: Targets, known: Mapping[str, Candidate], scope: Scope) -> Chosen:
    """The agents that targets name, given those of them that there are: one that was removed is in
    no scope that says anything of agents. Raises OutOfScope."""
    ids = wanted.agent_ids
    has = {each: _labels_and_group(known.get(each)) for each in ids}
    if outside := [each for each in ids if not scope.holds_agent(*has[each])]:
        shown = ", ".join(outside[:SHOWN_OUTSIDE]) + (", …" if len(outside) > SHOWN_OUTSIDE else "")
        raise OutOfScope(
            f"The targets name agents that are outside of the scope, which is {scope.describe()}: "
            f"{shown}."
        )
    names = {each: known[each].name if each in known else each for each in ids}
    return Chosen(names, reach_of(has.values()))


def _labels_and_group(agent: Candidate | None) -> tuple[Mapping[str, str], str | None]:
    return ({}, None) if agent is None else (agent.labels, agent.group)


def _candidates(wanted: Targets, now: datetime) -> Iterator[Iterable[Candidate]]:
    """All agents that may fit, each once, a few at a time."""
    ways = sources(wanted)
    if not ways:
        yield from _everybody(wanted)
        return
    by_agent: dict[str, list[Entered]] = {}  # who is being renamed has two entries
    for each in _shortest(ways, wanted):
        by_agent.setdefault(each.entry.agent_id, []).append(each)
    ids = list(by_agent)

    def read(first: int) -> Iterable[Candidate]:
        some = ids[first : first + READ_AT_ONCE]
        return fleet.candidates((each for one in some for each in by_agent[one]), now).values()

    yield from _side_by_side(read, ids)


def _everybody(wanted: Targets) -> Iterator[Iterable[Candidate]]:
    everybody, read = agents.everybody(), 0
    while some := list(islice(everybody, READ_AT_ONCE)):
        read += len(some)
        if read > MAX_CANDIDATES_PER_STEP:
            raise _too_many_candidates(wanted)
        yield some


def _shortest(ways: Sequence[Sequence[Place]], wanted: Targets) -> list[Entered]:
    """All entries of the source that has the fewest, about: all are read side by side, in looks
    that grow, until the first is at its end. Where there is one only, it is read at once."""
    first_look = FIRST_LOOK if len(ways) > 1 else MOST_AT_ONE_LOOK
    reading = [(_looks(places, first_look), list[Entered]()) for places in ways]
    while reading:
        for each in list(reading):
            looks, found = each
            some, is_end = next(looks)
            found += some
            if len(found) > MAX_CANDIDATES_PER_STEP:
                reading.remove(each)
            elif is_end:
                return found
    raise _too_many_candidates(wanted)


def _looks(places: Sequence[Place], limit: int) -> Iterator[tuple[Sequence[Entered], bool]]:
    """The entries of places one after the other, and with each look whether it is the last."""
    for place in places:
        after, are_more = None, True
        while are_more:
            found, are_more = targets.look(place, limit, after)
            if found:
                after = place.position(found[-1].entry)
            yield found, place is places[-1] and not are_more
            limit = min(limit * LATER_LOOKS, MOST_AT_ONE_LOOK)


def _too_many_candidates(wanted: Targets) -> TooManyAgents:
    return TooManyAgents(
        f"More than {MAX_CANDIDATES_PER_STEP:,} agents would have to be looked at to find those "
        f"that fit {wanted.describe()}. Name a label or a group that fewer have."
    )
