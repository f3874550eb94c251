"""The sealed secrets of runs. Each stands in a partition of its own, which no query of a run reads,
and in no index."""

from datetime import datetime, timedelta

from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.update import Action

from chalicelib.dynamo.base import passed
from chalicelib.dynamo.run_items import SecretItem

ERASED_FOR = timedelta(days=1)  # longer than any handler lives
_ITEM = "SECRET"


def _partition(run_id: str) -> str:
    return f"SECRET#{run_id}"


def put(run_id: str, data_key: bytes, content: bytes, expires_at: datetime) -> bool:
    """Before the run is there. False when there are some already, and those count."""
    item = SecretItem(_partition(run_id), _ITEM, data_key=data_key, content=content, ttl=expires_at)
    return passed(lambda: item.save(condition=SecretItem.run_id.does_not_exist()))


def get(run_id: str) -> tuple[bytes, bytes] | None:
    """Data key and content; None when the run has none, or has ended."""
    try:
        item = SecretItem.get(_partition(run_id), _ITEM, consistent_read=True)
    except DoesNotExist:
        return None
    if item.data_key is None or item.content is None:
        return None
    return bytes(item.data_key), bytes(item.content)


def erase(run_id: str, now: datetime) -> None:
    """Takes the secrets away; may be repeated. The empty item stays for a while: else a slower
    handler of the same trigger would put its own, and nobody would remove them."""
    item = SecretItem(_partition(run_id), _ITEM)
    emptied: list[Action] = [
        SecretItem.data_key.remove(),
        SecretItem.content.remove(),
        SecretItem.ttl.set(now + ERASED_FOR),
    ]
    passed(lambda: item.update(actions=emptied, condition=SecretItem.run_id.exists()))
