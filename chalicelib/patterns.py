"""Patterns that people write, matched in time that grows with the text and with nothing else. Pure.

They are RE2's (https://github.com/google/re2/wiki/Syntax): look-around and back references are
missing, because they are what makes other engines take longer than anybody lives. Whatever comes
from outside is compiled here and nowhere else.
"""

import re
from typing import Any

from chalicelib.errors import BadParameter

MAX_INSTRUCTIONS = 2_000  # of a compiled pattern; each costs 0.3 ms on a line of 64 KiB at worst
MEMORY_BYTES = 8 << 20  # of a compiled pattern with what it keeps while it searches
MAX_REPETITIONS = 1_000  # RE2's own limit, of nested ones together
SHOWN_CHARACTERS = 60  # of a pattern, in a message
_WHY = "Patterns are RE2's, so that no text makes them slow"
_TOO_LARGE = (
    "is too large: what it repeats, taken together, has more than "
    f"{MAX_INSTRUCTIONS:,} instructions or {MAX_REPETITIONS:,} repetitions."
)
# An escape, a class, a count, or one character.
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]|\{[0-9]*,?[0-9]*\}|.", re.DOTALL)
_LOOK_AROUND = re.compile(r"\(\?<?[=!]")


class InvalidPattern(BadParameter):
    """The pattern cannot be used. The message goes on behind its name: "is no …"."""


class Pattern:
    """A compiled pattern; or text that stands for itself, where `is_literal`. Raises
    InvalidPattern."""

    def __init__(self, text: str, *, is_literal: bool = False, ignore_case: bool = False) -> None:
        import re2  # a start of the handler that matches nothing goes without it

        options = re2.Options()
        options.literal, options.case_sensitive = is_literal, not ignore_case
        options.max_mem, options.log_errors = MEMORY_BYTES, False
        try:
            if not is_literal:
                _check_counts(text)
            self._compiled: Any = re2.compile(text, options)
        except UnicodeEncodeError as error:
            raise InvalidPattern("is no text: it has half a character in it.") from error
        except re2.error as error:
            raise InvalidPattern(_reason(text, error)) from error
        finally:
            re2.purge()  # its cache would keep 128 of them, with their memory
        if not is_literal and self._compiled.programsize > MAX_INSTRUCTIONS:
            raise InvalidPattern(_TOO_LARGE)

    def find(self, text: str) -> tuple[int, int] | None:
        """Where the first match is."""
        found = self._compiled.search(text)
        return found.span() if found else None

    def fits(self, text: str) -> bool:
        """Whether the whole text matches."""
        found = self._compiled.fullmatch(text.encode("utf-8", "surrogatepass"))
        return found is not None


def tokens(text: str) -> list[str]:
    """The pattern cut into escapes, classes, counts and single characters."""
    return _TOKEN.findall(text)


def _check_counts(text: str) -> None:
    """RE2 takes counts that it does not know for text, without a word."""
    for token in tokens(text):
        if token[0] != "{" or token[1:] in ("", "}"):
            continue
        least, _, most = token[1:-1].partition(",")
        if not least:
            raise InvalidPattern(
                f"has '{token[:20]}': write the least count too, as in {{0,{most[:9] or 9}}}."
            )
        for each in filter(None, (least, most)):
            if each[0] == "0" and len(each) > 1:
                raise InvalidPattern(f"has '{token[:20]}': write counts without zeros before them.")
            if int(each[:5]) > MAX_REPETITIONS:
                raise InvalidPattern(_TOO_LARGE)
        if most and int(most) < int(least):
            raise InvalidPattern(f"has '{token}': the first count must not be above the second.")


def _reason(text: str, error: Exception) -> str:
    """What is wrong, from RE2's words: `b"invalid perl operator: (?="`."""
    words = error.args[0] if error.args else b""
    said = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
    kind, _, place = said.partition(": ")
    if "too large" in kind or kind == "invalid repetition size":
        return _TOO_LARGE
    if (place == "(?P" and "(?P=" in text) or (place[:1] == "\\" and place[1:].isdigit()):
        return f"has a back reference, '{place}', and there are none here. {_WHY}."
    if _LOOK_AROUND.match(place):
        return f"looks around with '{place}', which does not exist here. {_WHY}."
    if kind == "invalid perl operator":
        return f"has '{place}', which does not exist here. {_WHY}."
    if place == r"\Z":
        return r"has '\Z', which is written \z here, or $."
    return f"is no regular expression: {said[:SHOWN_CHARACTERS]}."
