"""Choosing the agents of a step: through the index of targets, reading those that can fit."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import islice

from chalicelib.agents.agent import Agent
from chalicelib.agents.target_index import Place, sources
from chalicelib.dynamo import agents, targets
from chalicelib.dynamo.targets import Entered
from chalicelib.errors import BadParameter
from chalicelib.operations.agents import fleet
from chalicelib.tasks.target import Targets, in_order
from chalicelib.tasks.task import MAX_AGENTS_PER_STEP, MAX_CANDIDATES_PER_STEP

READ_AT_ONCE = 100  # agents; BatchGetItem's limit
READERS = 4  # side by side, where there are so many: reading 5,000 one after the other is a second
FIRST_LOOK = 100  # entries of each source; then four times as many, and so on
LATER_LOOKS, MOST_AT_ONE_LOOK = 4, 6_400


class TooManyAgents(BadParameter):
    """More agents fit the targets of a step than a step may have."""


def choose(wanted: Targets, now: datetime) -> dict[str, str]:
    """Names of the agents that targets fit now, by id, in their order. Raises TooManyAgents."""
    if wanted.is_fixed:
        known = agents.get_many(wanted.agent_ids)
        return {each: known[each].name if each in known else each for each in wanted.agent_ids}
    found: list[Agent] = []
    for candidates in _candidates(wanted, now):
        found += wanted.fitting(candidates)
        if len(found) > MAX_AGENTS_PER_STEP:
            raise TooManyAgents(
                f"More than {MAX_AGENTS_PER_STEP:,} agents fit {wanted.describe()}, and a step has "
                f"at most {MAX_AGENTS_PER_STEP:,}. Narrow its targets, or make several steps."
            )
    return in_order(found)


def _candidates(wanted: Targets, now: datetime) -> Iterator[Iterable[Agent]]:
    """All agents that may fit, each once, a few at a time."""
    ways = sources(wanted)
    if not ways:
        yield from _everybody(wanted)
        return
    by_agent: dict[str, list[Entered]] = {}  # who is being renamed has two entries
    for each in _shortest(ways, wanted):
        by_agent.setdefault(each.entry.agent_id, []).append(each)
    ids = list(by_agent)

    def read(first: int) -> Iterable[Agent]:
        some = ids[first : first + READ_AT_ONCE]
        return fleet.as_of_now((each for one in some for each in by_agent[one]), now).values()

    starts = range(0, len(ids), READ_AT_ONCE)
    if len(starts) <= READERS:
        yield from map(read, starts)
        return
    with ThreadPoolExecutor(READERS) as readers:
        for first in range(0, len(starts), READERS):  # no further than the caller wants to know
            yield from readers.map(read, starts[first : first + READERS])


def _everybody(wanted: Targets) -> Iterator[Iterable[Agent]]:
    everybody, read = agents.everybody(), 0
    while some := list(islice(everybody, READ_AT_ONCE)):
        read += len(some)
        if read > MAX_CANDIDATES_PER_STEP:
            raise _too_many_candidates(wanted)
        yield some


def _shortest(ways: Sequence[Sequence[Place]], wanted: Targets) -> list[Entered]:
    """All entries of the source that has the fewest, about: all are read side by side, in looks
    that grow, until the first is at its end."""
    reading = [(_looks(places), list[Entered]()) for places in ways]
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


def _looks(places: Sequence[Place]) -> Iterator[tuple[Sequence[Entered], bool]]:
    """The entries of places one after the other, and with each look whether it is the last."""
    limit = FIRST_LOOK
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
