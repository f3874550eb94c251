"""Which characters a parameter's values may have, as far as its definition says. Pure."""

import string
from functools import lru_cache

from chalicelib.patterns import tokens
from chalicelib.tasks.param import Param, ParamType

DIGITS = frozenset(string.digits)
LETTERS = frozenset(string.ascii_letters)
NUMERIC = DIGITS | frozenset("+-.")  # no name and no bracket: nothing that arithmetic evaluates
# None of them means something to a shell, wherever the value stands.
PLAIN = DIGITS | LETTERS | frozenset("_-./:@+,")
_BY_TYPE = {
    ParamType.INTEGER: DIGITS | frozenset("+-"),
    ParamType.NUMBER: NUMERIC,
    ParamType.BOOLEAN: frozenset("truefalse"),
}
_CLASSES = {"d": DIGITS, "w": DIGITS | LETTERS | {"_"}}
_SYNTAX = frozenset("()|?*+^$")


@lru_cache(maxsize=256)  # asked for each use of a parameter
def characters(param: Param) -> frozenset[str] | None:
    """All that a value can be made of; None where that may be anything."""
    known = [
        found
        for found in (
            _BY_TYPE.get(param.type),
            frozenset("".join(param.choices)) if param.choices else None,
            _of_pattern(param.pattern) if param.pattern is not None else None,
        )
        if found is not None
    ]
    return frozenset.intersection(*known) if known else None


def _of_pattern(pattern: str) -> frozenset[str] | None:
    """Of a pattern with plain characters, classes and groups. Others may match anything."""
    found: frozenset[str] = frozenset()
    before = ""  # the two tokens before this one
    for token in tokens(pattern):
        is_flag = before.endswith("(?") and token != ":"
        more = None if is_flag else _of_token(token)
        if more is None:
            return None
        found |= more
        before = before[-1:] + token if len(token) == 1 else ""
    return found


def _of_token(token: str) -> frozenset[str] | None:
    if len(token) == 1:
        return None if token == "." else frozenset(token) - _SYNTAX
    if token[0] == "\\":
        return _of_escape(token)
    return _of_class(token) if token[0] == "[" else frozenset()


def _of_escape(token: str) -> frozenset[str] | None:
    following = token[1:]
    if following in _CLASSES:
        return _CLASSES[following]
    is_itself = following.isascii() and not following.isalnum()
    return frozenset(following) if is_itself else None


def _of_class(token: str) -> frozenset[str] | None:
    """`[a-z.]`. Of one with names in it, or of what it must not match, nothing is said."""
    inner = token[1:-1]
    if inner.startswith("^") or "[:" in inner:
        return None
    found: set[str] = set()
    at = 0
    while at < len(inner):
        if inner[at] == "\\":
            escaped = _of_escape(inner[at : at + 2])
            # A range from or to an escape is rare, and not worth the reading.
            if escaped is None or (inner[at + 2 : at + 3] == "-" and inner[at + 3 : at + 4]):
                return None
            found |= escaped
            at += 2
        elif inner[at + 1 : at + 2] == "-" and inner[at + 2 : at + 3]:
            first, last = inner[at], inner[at + 2]
            if not (first.isascii() and last.isascii()) or last == "\\":
                return None
            found |= {chr(code) for code in range(ord(first), ord(last) + 1)}
            at += 3
        else:
            found.add(inner[at])
            at += 1
    return frozenset(found)
