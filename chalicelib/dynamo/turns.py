"""Turns of runs: each verb is one conditional write, or one read."""

from datetime import datetime

from pynamodb.exceptions import DoesNotExist

from chalicelib.dynamo.base import passed
from chalicelib.dynamo.run_items import TurnItem
from chalicelib.runs.turn import Turn

_ITEM = "TURN"


def _partition(task_id: str) -> str:
    return f"TURN#{task_id}"


def get(task_id: str) -> Turn | None:
    """The turn of a task's runs, or None when it is free."""
    try:
        item = TurnItem.get(_partition(task_id), _ITEM, consistent_read=True)
    except DoesNotExist:
        return None
    return Turn(item.holder, item.taken_at)


def take(task_id: str, run_id: str, *, instead_of: str | None, now: datetime) -> bool:
    """Gives the turn to a run: a free one, or that of a run which has ended.

    True also when the run had it already; False when another was first.
    """
    is_free = TurnItem.holder.does_not_exist() | (TurnItem.holder == run_id)
    if instead_of is not None:
        is_free |= TurnItem.holder == instead_of
    item = TurnItem(_partition(task_id), _ITEM, holder=run_id, taken_at=now)
    return passed(lambda: item.save(condition=is_free))


def release(task_id: str, run_id: str) -> bool:
    """The run has ended; False when it did not have the turn."""
    item = TurnItem(_partition(task_id), _ITEM)
    return passed(lambda: item.delete(condition=TurnItem.holder == run_id))
