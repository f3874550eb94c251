"""What all tables share: stored instants, cursors, and what a failed condition means."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from pynamodb.attributes import Attribute
from pynamodb.constants import NUMBER
from pynamodb.exceptions import PynamoDBException
from pynamodb.pagination import ResultIterator

from chalicelib.errors import BadParameter
from chalicelib.settings import settings

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class InstantAttribute(Attribute[datetime]):
    """An instant in UTC, as whole milliseconds since 1970: sorts right, and is small."""

    attr_type = NUMBER

    def serialize(self, value: datetime) -> str:
        return str(milliseconds(value))

    def deserialize(self, value: str) -> datetime:
        return _EPOCH + timedelta(milliseconds=int(value))


class ExpiryAttribute(Attribute[datetime]):
    """An instant in whole seconds, as DynamoDB's TTL wants it."""

    attr_type = NUMBER

    def serialize(self, value: datetime) -> str:
        return str((value - _EPOCH) // timedelta(seconds=1))

    def deserialize(self, value: str) -> datetime:
        return _EPOCH + timedelta(seconds=int(value))


def milliseconds(value: datetime | None) -> int | None:
    """Since 1970, within a JSON attribute."""
    return None if value is None else (value - _EPOCH) // timedelta(milliseconds=1)


def instant(value: int | None) -> datetime | None:
    """The inverse of `milliseconds`."""
    return None if value is None else _EPOCH + timedelta(milliseconds=value)


class TableMeta:
    """Shared settings of the models' `Meta`. How calls are made is the transport's to say."""

    billing_mode = "PAY_PER_REQUEST"


def table_name(name: str) -> str:
    """The full name of a table of this installation."""
    return settings.table_prefix + name


def condition_failed(error: PynamoDBException) -> bool:
    """Whether a write did nothing because its condition did not hold.

    A connection that broke has a response too, and it is None: `cause_response_code` raises there.
    """
    response = getattr(error.cause, "response", None) or {}
    return bool(response.get("Error", {}).get("Code") == "ConditionalCheckFailedException")


def passed(write: Callable[[], Any]) -> bool:
    """Whether the write's condition held; other faults raise."""
    try:
        write()
    except PynamoDBException as error:
        if condition_failed(error):
            return False
        raise
    return True


# --- cursors; what callers get of them is sealed by the API


def encode_cursor(key: dict[str, Any] | None) -> str | None:
    """A DynamoDB key as text."""
    return None if key is None else json.dumps(key, separators=(",", ":"))


def decode_cursor(text: str | None) -> dict[str, Any] | None:
    """Raises BadParameter for text that no list has answered."""
    if not text:
        return None
    try:
        key = json.loads(text)
    except ValueError as error:
        raise BadParameter("The cursor is not one that a list has answered.") from error
    if not isinstance(key, dict) or not all(_is_key_value(value) for value in key.values()):
        raise BadParameter("The cursor is not one that a list has answered.")
    return key


def _is_key_value(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and set(value) <= {"S", "N"}


def page(results: ResultIterator[Any]) -> tuple[list[Any], str | None]:
    """All that a limited query yields, and the cursor of what follows."""
    items = list(results)
    return items, encode_cursor(results.last_evaluated_key)
