"""The index of targets: where an agent is entered, and where targets look for it. Pure, see ADR 15.

An agent is entered under each of its labels' keys, under its group, and in the list of everybody.
An entry only says where to look: whether the agent fits is judged by the agent itself.
"""

import hashlib
import zlib
from datetime import datetime, timedelta, timezone

import msgspec

from chalicelib.agents.agent import Described
from chalicelib.tasks.target import Operator, Requirement, Targets

LIST_SHARDS = 4  # of the list of everybody: DynamoDB takes 1,000 writes a second to a partition
MAX_PLACES = 8  # that are looked at for one requirement; with more values, all of its key
MAX_SOURCES = 8  # of one step's targets that are compared
HASH_CHARACTERS = 16
# Below everything that is printed, so that the order of places is the order of names.
_END = "\x1f"
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Entry(msgspec.Struct, frozen=True):
    """An agent in the index. Places of a partition sort by the agents' names."""

    partition: str
    place: str

    @property
    def agent_id(self) -> str:
        """Whose entry it is."""
        return self.place.rpartition(_END)[2]


class Place(msgspec.Struct, frozen=True):
    """Where entries are looked for: a partition, or what begins with `start` in it. Its entries are
    in the order of the agents' names, if `by_name`."""

    partition: str
    start: str = ""
    by_name: bool = True

    def position(self, entry: Entry) -> str:
        """Where in the order of this place an entry stands: the same in all that are by name."""
        return entry.place.removeprefix(self.start)


def entries(agent: Described) -> frozenset[Entry]:
    """All entries that the agent has to have."""
    places = [
        everybody()[zlib.crc32(agent.id.encode()) % LIST_SHARDS],
        *(label(key, value) for key, value in agent.labels.items()),
    ]
    if agent.group is not None:
        places.append(group(agent.group))
    who = f"{agent.name}{_END}{agent.id}"
    return frozenset(Entry(place.partition, place.start + who) for place in places)


def everybody() -> tuple[Place, ...]:
    """The shards of the list of all agents."""
    return tuple(Place(f"all#{shard}") for shard in range(LIST_SHARDS))


def named(name: str) -> tuple[Place, ...]:
    """The agents of exactly this name, in the order of their ids."""
    return tuple(Place(shard.partition, name + _END, by_name=False) for shard in everybody())


def group(name: str) -> Place:
    """The agents of a group."""
    return Place(f"group#{name}")


def label(key: str, value: str | None = None) -> Place:
    """The agents with a label of this key, and of this value if one is given.

    A value stands as its hash: a sort key has 1,024 bytes, and a value and a name may have more.
    """
    partition = f"label#{key}"
    if value is None:
        return Place(partition, by_name=False)
    hashed = hashlib.sha256(value.encode()).hexdigest()[:HASH_CHARACTERS]
    return Place(partition, hashed + _END)


def sources(targets: Targets) -> list[tuple[Place, ...]]:
    """The ways to all agents that may fit, of which any one suffices.

    None where nothing says what an agent has, as in `All` and `env!=prod`: everybody may fit.
    """
    found: list[tuple[Place, ...]] = []
    if targets.group is not None:
        found.append((group(targets.group),))
    found += [places for each in targets.requirements() if (places := _source(each))]
    return found[:MAX_SOURCES]


def _source(requirement: Requirement) -> tuple[Place, ...]:
    match requirement.operator:
        case Operator.IN if len(requirement.values) <= MAX_PLACES:
            return tuple(label(requirement.key, value) for value in sorted(requirement.values))
        case Operator.IN | Operator.EXISTS:
            return (label(requirement.key),)
        case Operator.NOT_IN | Operator.MISSING:
            return ()


# --- versions, by which entries that are left behind are told from those that come


LET_IN_WITHIN = timedelta(minutes=1)  # from the first entry of an agent to the agent itself


def version(now: datetime, before: int = 0) -> int:
    """Of an agent that is let in or changed now: milliseconds since 1970, and more than before."""
    return max((now - _EPOCH) // timedelta(milliseconds=1), before + 1)


def is_left_behind(entry: Entry, entered: int, agent: Described | None, now: datetime) -> bool:
    """Whether nobody will want an entry any more, whose agent has been read after it.

    One with a later version than its agent may belong to a change that is under way, and a young
    one without an agent to an agent that is being let in.
    """
    if agent is None:
        return entered < version(now - LET_IN_WITHIN)
    return entered <= agent.version and not has(agent, entry)


def has(agent: Described, entry: Entry) -> bool:
    """Whether the entry is one of the agent's. Without making all of them: a wide step asks this of
    thousands."""
    kind, _, key = entry.partition.partition("#")
    if kind != "label":
        return entry in entries(agent)
    value = agent.labels.get(key)
    who = f"{agent.name}{_END}{agent.id}"
    return value is not None and entry.place == label(key, value).start + who
