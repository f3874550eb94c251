"""A task's name is its own: an item for each name says which task bears it.

There is no transaction over a name and its task, so that each write stands for itself: the name is
taken before the task bears it, and given back after the task has left it. Who dies in between
leaves a name that no task bears; it is free again after a minute.
"""

from datetime import datetime, timedelta

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.dynamo.base import InstantAttribute, TableMeta, passed, table_name
from chalicelib.dynamo.transport import TableModel

# Longer than any call of the API lives: then nobody is about to make the task bear the name.
TAKING = timedelta(minutes=1)


class TaskNameItem(TableModel):
    """In the tasks' table, and in none of its indexes. `revision` is the one of the task that was
    to bear the name when it was taken last, at `since`."""

    class Meta(TableMeta):
        table_name = table_name("tasks")

    task_id = UnicodeAttribute(hash_key=True)  # `name#<name>`
    guards = UnicodeAttribute()
    revision = NumberAttribute()
    since = InstantAttribute()


_IS_FREE = TaskNameItem.task_id.does_not_exist()


def _key(name: str) -> str:
    return f"name#{name}"


def get(name: str) -> TaskNameItem | None:
    """Who bears the name or is about to, or None."""
    try:
        return TaskNameItem.get(_key(name), consistent_read=True)
    except DoesNotExist:
        return None


def take(name: str, task_id: str, revision: int, now: datetime) -> bool:
    """Takes a name that nobody has, or once more for a later revision of the same task. May be
    repeated."""
    item = TaskNameItem(_key(name), guards=task_id, revision=revision, since=now)
    # Never for an earlier one: who left the name before could give it back once more.
    is_ours = (TaskNameItem.guards == task_id) & (TaskNameItem.revision <= revision)
    return passed(lambda: item.save(condition=_IS_FREE | is_ours))


def take_over(left: TaskNameItem, task_id: str, revision: int, now: datetime) -> bool:
    """Takes a name that no task bears, unless somebody else did so first."""
    if now - left.since < TAKING:
        return False
    item = TaskNameItem(left.task_id, guards=task_id, revision=revision, since=now)
    is_as_read = (TaskNameItem.guards == left.guards) & (TaskNameItem.since == left.since)
    return passed(lambda: item.save(condition=is_as_read))


def give_back(name: str, task_id: str, revision: int) -> None:
    """Frees a name that the task had up to this revision. May be repeated, and may come late: a
    name that has another bearer meanwhile, or the same one anew, stays taken."""
    item = TaskNameItem(_key(name))
    is_ours = TaskNameItem.guards == task_id
    is_old = TaskNameItem.revision <= revision
    passed(lambda: item.delete(condition=is_ours & is_old))
