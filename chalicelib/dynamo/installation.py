"""The installation's table: what was made once for all of it, and is never shown."""

from collections.abc import Callable

from pynamodb.attributes import BinaryAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.dynamo.base import TableMeta, passed, table_name
from chalicelib.dynamo.transport import TableModel

KEY_BYTES = 32
CURSOR_KEY = "cursor-key"


class InstallationItem(TableModel):
    """Random bytes under a name. Who deletes one has a new one made by who needs it next."""

    class Meta(TableMeta):
        table_name = table_name("installation")

    name = UnicodeAttribute(hash_key=True)
    value = BinaryAttribute(legacy_encoding=False)


def cursor_key(make: Callable[[], bytes]) -> bytes:
    """The key that cursors are sealed with. `make` is called for the first caller of all; of two
    who come at the same time one is the first."""
    found = _value(CURSOR_KEY)
    if found is None:
        item = InstallationItem(CURSOR_KEY, value=make())
        passed(lambda: item.save(condition=InstallationItem.name.does_not_exist()))
        found = _value(CURSOR_KEY)
    if found is None:
        raise RuntimeError("The installation's key was deleted while it was made.")
    return found


def _value(name: str) -> bytes | None:
    try:
        return bytes(InstallationItem.get(name, consistent_read=True).value)
    except DoesNotExist:
        return None
