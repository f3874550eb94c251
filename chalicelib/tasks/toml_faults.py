"""All that is wrong with a definition, found in one go: reading stops at the first fault, so what
is at fault is taken out, or something harmless put in its place, and the rest is read again. Pure.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from chalicelib.tasks.toml_table import InvalidDefinition

AT_MOST, AT_LEAST = 20, 3  # faults that are told: each costs reading once more
CHARACTERS = 1_000_000  # that are read in all: of a long definition fewer faults are told
# What has to be there, by its key: it stands for one that is missing or wrong.
_HARMLESS: Mapping[str, Any] = {
    "Name": "-",
    "CMD": "true",
    "ServerID": "00000000-0000-4000-8000-000000000000",
}

Read = Callable[[Mapping[str, Any]], object]


def found_with(
    first: InvalidDefinition, source: str, document: Mapping[str, Any], read: Read
) -> list[InvalidDefinition]:
    """The faults of a document, the first one among them, in the order of reading. `read` raises
    InvalidDefinition for the first fault of what it is given."""
    found, left = [first], deepcopy(dict(document))
    seen = {first.path}
    at_most = min(AT_MOST, max(AT_LEAST, CHARACTERS // max(1, len(source))))
    while len(found) < at_most and _mend(left, found[-1]):
        try:
            read(left)
        except InvalidDefinition as following:
            if following.path in seen:  # it is not the value that is wrong, so the rest is unknown
                break
            seen.add(following.path)
            found.append(following)
        else:
            break
    return found


def with_errors(first: InvalidDefinition, found: Sequence[InvalidDefinition]) -> InvalidDefinition:
    """The first fault, with all of them in its details, in the order of their lines."""
    errors = [error for each in found for error in each.details["errors"]]
    errors.sort(key=lambda each: each["line"] or 0)
    return InvalidDefinition(first.message, first.path, **{**first.details, "errors": errors})


def _mend(document: dict[str, Any], fault: InvalidDefinition) -> bool:
    """Takes a fault out of the document; False where it cannot be."""
    if not fault.path:
        return False
    around: Any = document
    for part in fault.path[:-1]:
        around = _within(around, part)
    key = fault.path[-1]
    if not isinstance(around, dict) or not isinstance(key, str):
        return False
    is_there, value = key in around, around.pop(key, None)
    if fault.meant is not None:
        around.setdefault(fault.meant, value)
    if key in _HARMLESS:
        around[key] = _HARMLESS[key]
        return True
    return is_there


def _within(around: Any, part: str | int) -> Any:
    if isinstance(around, list) and isinstance(part, int) and part < len(around):
        return around[part]
    return around.get(part) if isinstance(around, dict) else None
