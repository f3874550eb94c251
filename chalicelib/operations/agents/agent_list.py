"""Lists of agents, in the order of their names, through the index of targets."""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.agents.agent import Agent, Presence
from chalicelib.agents.agent_filter import AgentFilter
from chalicelib.agents.target_index import Place, entries
from chalicelib.dynamo import presences, targets
from chalicelib.dynamo.base import decode_cursor, encode_cursor
from chalicelib.dynamo.targets import Entered
from chalicelib.errors import BadParameter
from chalicelib.operations.agents import fleet

READ_AT_ONCE = 100  # agents, of whom a filter may leave few; BatchGetItem's limit
LOOKS = 5  # for one page; what is left is for the next one
MAX_POSITION_BYTES = 700  # a name has 512 at most, an id 36

Listed = tuple[Agent, Presence | None]


def search(
    wanted: AgentFilter, limit: int, cursor: str | None, now: datetime
) -> tuple[list[Listed], str | None]:
    """A page of agents, and the cursor of the next one. A page may be short, and even empty, while
    more follow: it reads 500 agents at most. Raises InvalidSelector, and BadParameter for a cursor.
    """
    requirements = wanted.requirements()
    ways, position = wanted.ways(), _position(cursor)
    found: list[Listed] = []
    for _ in range(LOOKS):
        at_once = limit - len(found) if wanted.is_empty else READ_AT_ONCE
        entered, are_more = _shortest(ways, at_once, position)
        known = fleet.as_of_now((each for _, each in entered), now)
        seen = presences.get_many(known)
        for number, (position, each) in enumerate(entered, 1):
            agent = known.get(each.entry.agent_id)
            # While its name changes, an agent has two entries: one of them is its own.
            if agent is None or each.entry not in entries(agent):
                continue
            if wanted.fits(agent, seen.get(agent.id), requirements, now):
                found.append((agent, seen.get(agent.id)))
            if len(found) == limit:
                is_end = number == len(entered) and not are_more
                return found, None if is_end else _cursor(position)
        if not are_more:
            return found, None
    return found, _cursor(position)


Looked = tuple[list[tuple[str, Entered]], bool]


def _shortest(ways: Sequence[Sequence[Place]], limit: int, after: str | None) -> Looked:
    """What comes next by the way that is at its end first, else by the first one."""
    first: Looked | None = None
    for places in ways:
        entered, are_more = _merged(places, limit, after)
        if not are_more:
            return entered, False
        first = first or (entered, are_more)
    assert first is not None
    return first


def _merged(places: Sequence[Place], limit: int, after: str | None) -> Looked:
    """The next entries of several places in one order, each with its position."""
    entered: list[tuple[str, Entered]] = []
    is_left = False
    for place in places:
        found, are_more = targets.look(place, limit, after)
        entered += [(place.position(each.entry), each) for each in found]
        is_left |= are_more
    entered.sort(key=lambda each: each[0])
    return entered[:limit], is_left or len(entered) > limit


def _position(cursor: str | None) -> str | None:
    key = decode_cursor(cursor)
    if key is None:
        return None
    position = str(key.get("after", {}).get("S", ""))
    try:
        size = len(position.encode())
    except UnicodeEncodeError:  # half a surrogate pair
        size = 0
    if not 1 <= size <= MAX_POSITION_BYTES:
        raise BadParameter("The cursor is not one that a list has answered.")
    return position


def _cursor(position: str | None) -> str | None:
    return encode_cursor(None if position is None else {"after": {"S": position}})
