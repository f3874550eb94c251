"""Every number, word, instant, id and cursor that comes from outside is read here, and what cannot
be read is refused with what is wrong and how it is right. Names and labels are brought into their
one form; JSON is looked at before it is parsed.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from enum import Enum
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec.structs import force_setattr

from chalicelib import text
from chalicelib.errors import BadParameter
from chalicelib.reader import Reader

MAX_JSON_DEPTH = 32  # the deepest that we take has 6
MAX_DIGITS = 20  # of a whole number: 64 bits
MAX_ID_CHARACTERS = 128  # the longest that we make has 40
MAX_NAME_CHARACTERS = 2_048  # looked for; a selector names several
MAX_VALUE_CHARACTERS = 16_384  # of a header or a parameter; API Gateway takes 10,240 bytes of all
# ULIDs and milliseconds begin with the first. API Gateway, DynamoDB and Python end later.
FIRST, LAST = (
    datetime(1970, 1, 1, tzinfo=timezone.utc),
    datetime(9999, 1, 1, tzinfo=timezone.utc),
)
_ENCLOSED = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)
_DIGITS = re.compile(r"[0-9]{1,9}")

Choice = TypeVar("Choice", bound=Enum)
AwareInstant = Annotated[datetime, msgspec.Meta(tz=True)]
_AWARE_INSTANT: Reader[datetime] = Reader(AwareInstant)


# --- the parts of an address, its parameters, the headers


def check_texts(kind: str, values: Mapping[str, str]) -> None:
    """Raises BadParameter for what is not whole Unicode, or longer than anything that we take."""
    for name, value in values.items():
        if not (text.is_whole(name) and text.is_whole(value)):
            shown = text.whole(name)[:64]
            raise BadParameter(f"The {kind} '{shown}' has half a character in it. Send UTF-8.")
        if len(value) > MAX_VALUE_CHARACTERS:
            at_most = f"at most {MAX_VALUE_CHARACTERS:,} characters"
            raise BadParameter(f"The {kind} '{name[:64]}' may have {at_most}.")


def identifier(name: str, value: str) -> str:
    """An id of anything. Whether there is such a thing is not looked at. Raises BadParameter."""
    if not value.isprintable() or not 1 <= len(value) <= MAX_ID_CHARACTERS:
        raise BadParameter(
            f"{name} must be an id: 1 to {MAX_ID_CHARACTERS} printable characters, as lists answer."
        )
    return value


def name(field: str, value: str) -> str:
    """A name or a label, or what is looked for in them. Raises BadParameter."""
    if len(value) > MAX_NAME_CHARACTERS:
        raise BadParameter(f"{field} may have at most {MAX_NAME_CHARACTERS:,} characters.")
    try:
        return text.name(value)
    except text.NotPrintable as error:
        raise BadParameter(f"{field} {error}.") from error


def number(name: str, value: str, least: int, most: int) -> int:
    """A whole number. Raises BadParameter."""
    if not _DIGITS.fullmatch(value) or not least <= int(value) <= most:
        raise BadParameter(f"{name} must be a whole number from {least:,} to {most:,}.")
    return int(value)


def choice(name: str, value: str, kind: type[Choice]) -> Choice:
    """A word of an enum. Raises BadParameter."""
    words = [each.value for each in kind]
    if value not in words:
        raise BadParameter(f"{name} must be one of {', '.join(words)}, not '{value[:32]}'.")
    return kind(value)


def instant(name: str, value: str) -> datetime:
    """An instant in RFC 3339, in UTC. A `+` that a query has made a space is one. Raises
    BadParameter."""
    try:
        given = _AWARE_INSTANT.plain(value.replace(" ", "+"))
        # Near the ends of the calendar an offset leads out of it.
        at = given.astimezone(timezone.utc)
    except (msgspec.ValidationError, OverflowError) as error:
        raise BadParameter(
            f"{name} must be an instant such as 2026-01-31T12:00:00Z, with its offset."
        ) from error
    if not FIRST <= at < LAST:
        raise BadParameter(f"{name} must lie in the years {FIRST.year} to {LAST.year - 1}.")
    return at


# --- bodies


def check_json(body: bytes) -> None:
    """Raises BadParameter for what is nested so deeply that a parser might not come back."""
    if body.count(b"[") + body.count(b"{") <= MAX_JSON_DEPTH:
        return  # most bodies: nothing can be deep in them
    depth = 0
    for found in _ENCLOSED.finditer(body):
        if found[0] in b"[{":
            depth += 1
            if depth > MAX_JSON_DEPTH:
                raise BadParameter(f"The body is nested more than {MAX_JSON_DEPTH} levels deep.")
        elif found[0] in b"]}":
            depth -= 1


def whole_number(digits: str) -> int:
    """For `json.loads`: Python refuses thousands of digits only after counting them all. Raises
    ValueError."""
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number has more than {MAX_DIGITS} digits")
    return int(digits)


def finite_number(digits: str) -> float:
    """For `json.loads`, which makes infinity of 1e999. Raises ValueError."""
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return value


def in_one_form(shape: msgspec.Struct, *fields: str) -> None:
    """For `__post_init__`: these fields hold names (one, a list, or a dict of them). Raises
    NotPrintable, which msgspec makes a ValidationError of."""
    for field in fields:
        value = getattr(shape, field)
        try:
            force_setattr(shape, field, _in_one_form(value))
        except text.NotPrintable as error:
            raise text.NotPrintable(f"{field} {error}") from error


def _in_one_form(value: Any) -> Any:
    if isinstance(value, str):
        return text.name(value)
    if isinstance(value, list):
        return [text.name(each) for each in value]
    if isinstance(value, dict):
        return {text.name(key): text.name(each) for key, each in value.items()}
    return value  # None, or not given
