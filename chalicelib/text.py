"""Text that comes from outside: whole Unicode, names in one form, reports made fit to keep. Pure.

Half a surrogate pair can stand in Python's text and in JSON's escapes, and in nothing that is
stored, sent or shown: whoever takes text in sees to it here that there is none.
"""

import re
import unicodedata
from typing import Any

REPLACEMENT = "\ufffd"  # Unicode's own, for what could not be read
CUT = "…"
_HALVES = re.compile("[\ud800-\udfff]")
_KEPT = "\n\t"  # of what does not print, in a report
# Marks that follow each other are sorted by a method that takes the square of their number. No
# writing has so many: https://unicode.org/reports/tr15/#Stream_Safe_Text_Format
MARKS_AT_MOST = 30


class NotPrintable(ValueError):
    """A name cannot be shown as it is. The message goes on behind its field: "must be …"."""


def is_whole(text: str) -> bool:
    """Whether it has no half of a surrogate pair in it."""
    return text.isascii() or _HALVES.search(text) is None


def whole(text: str) -> str:
    """The text with U+FFFD for each half of a surrogate pair."""
    return text if is_whole(text) else _HALVES.sub(REPLACEMENT, text)


def whole_everywhere(value: Any) -> Any:
    """The same for all text in what JSON has, keys too. The value is not nested deeply."""
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, list):
        return [whole_everywhere(each) for each in value]
    if isinstance(value, dict):
        return {whole(key): whole_everywhere(each) for key, each in value.items()}
    return value


def name(text: str) -> str:
    """A name, a label or a group, in the one form (NFC) in which two that look the same are the
    same. Raises NotPrintable."""
    if text.isascii() and text.isprintable():
        return text
    for character in text:
        if not character.isprintable():
            raise NotPrintable(
                f"must be printable, on one line: it has U+{ord(character):04X} in it"
            )
    if _has_many_marks(text):
        raise NotPrintable(f"must not have more than {MARKS_AT_MOST} marks on one letter")
    return unicodedata.normalize("NFC", text)


def _has_many_marks(text: str) -> bool:
    """Whether more marks stand on one letter than anybody writes: then it has no form in time."""
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks > MARKS_AT_MOST:
            return True
    return False


def reported(text: str, at_most: int) -> str:
    """What a machine says, made fit to be kept and shown rather than refused: what does not print
    becomes U+FFFD, what is too long is cut off. What nobody writes keeps the form that it has."""
    is_whole, text = len(text) <= 2 * at_most, text[: 2 * at_most]  # the rest costs nothing
    if not text.isprintable():
        text = "".join(
            each if each in _KEPT or each.isprintable() else REPLACEMENT for each in text
        )
    if not (text.isascii() or _has_many_marks(text)):
        text = unicodedata.normalize("NFC", text)
    if is_whole and len(text) <= at_most:
        return text
    return text[: at_most - len(CUT)] + CUT
