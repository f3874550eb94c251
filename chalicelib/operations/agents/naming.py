"""Agents that are called by their names."""

from collections.abc import Iterable
from datetime import datetime

from chalicelib.access.scope import Scope
from chalicelib.agents.target_index import named
from chalicelib.dynamo import targets
from chalicelib.operations.agents import fleet

LOOKED_AT = 20  # entries of one name in each place: a name that so many bear is none to go by


def ids_named(names: Iterable[str], scope: Scope, now: datetime) -> dict[str, list[str]]:
    """The ids of the agents that bear each name, of those inside of the scope; five calls for each
    name."""
    return {name: _ids_of(name, scope, now) for name in names}


def _ids_of(name: str, scope: Scope, now: datetime) -> list[str]:
    found = [each for place in named(name) for each in targets.look(place, LOOKED_AT)[0]]
    known = fleet.as_of_now(found, now).values() if found else ()
    # Whoever is being renamed has two entries for a moment.
    bear = (each for each in known if each.name == name)
    return sorted(each.id for each in bear if scope.holds_agent(each.labels, each.group))
