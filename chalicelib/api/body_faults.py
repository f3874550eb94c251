"""What is wrong with a body, in words for people: msgspec's own are for programmers."""

import re
from collections.abc import Callable

import msgspec

_KINDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}
_WHERE = re.compile(r"(.*?)(?: - at `(?:key in )?\$\.?(.*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
_LENGTH = re.compile(r"Expected `(str|array|object)` of length (>=|<=|==) (\d+)")
_SIZE = re.compile(r"Expected `(?:int|float)` (>=|<=|>|<) (\S+)")
_KIND = re.compile(r"Expected `(.*)`, got `(.*)`")
_WORD = re.compile(r"Invalid enum value (.*)", re.DOTALL)
_PARTS = {"str": "character", "array": "entry", "object": "entry"}
_BOUNDS = {">=": "at least", "<=": "at most", "==": "exactly", ">": "more than", "<": "less than"}


def in_words(error: msgspec.ValidationError, takes: type[msgspec.Struct]) -> str:
    """A sentence that names what is wrong, where, and what it may be."""
    problem, field = _split(str(error))
    where = field or "the body"
    for pattern, tell in _TELLS:
        if found := pattern.fullmatch(problem):
            return f"{tell(where, found)}{_choices(field, takes)}"
    return f"The body does not fit: {error}.{_choices(field, takes)}"


def _split(text: str) -> tuple[str, str]:
    found = _WHERE.fullmatch(text)
    return (found[1], found[2] or "") if found else (text, "")


def _inside(where: str, name: str) -> str:
    return name if where == "the body" else f"{where}.{name}"


def _tell_length(where: str, found: "re.Match[str]") -> str:
    number, part = int(found[3]), _PARTS[found[1]]
    many = part if number == 1 else f"{part}s".replace("entrys", "entries")
    return f"{where} must have {_BOUNDS[found[2]]} {number:,} {many}."


def _tell_kind(where: str, found: "re.Match[str]") -> str:
    wanted = " or ".join(_KINDS.get(each.strip(), each.strip()) for each in found[1].split("|"))
    return f"{where} must be {wanted}, not {_KINDS.get(found[2], found[2])}."


_TELLS: tuple[tuple["re.Pattern[str]", Callable[[str, "re.Match[str]"], str]], ...] = (
    (_MISSING, lambda where, found: f"{_inside(where, found[1])} is missing."),
    (_UNKNOWN, lambda where, found: f"{_inside(where, found[1])} is not known here."),
    (_LENGTH, _tell_length),
    (_SIZE, lambda where, found: f"{where} must be {_BOUNDS[found[1]]} {found[2]}."),
    (_KIND, _tell_kind),
    (_WORD, lambda where, found: f"{where} cannot be {found[1]}."),
)


def _choices(name: str, takes: type[msgspec.Struct]) -> str:
    """The values that the field at fault may have, for a person; empty where any may be."""
    for field in msgspec.inspect.type_info(takes).fields:  # type: ignore[attr-defined]
        if field.encode_name == name:
            kinds = getattr(field.type, "types", (field.type,))
            values = [str(value) for kind in kinds for value in getattr(kind, "values", ())]
            return f" It is one of {', '.join(values)}." if values else ""
    return ""
