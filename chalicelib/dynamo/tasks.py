"""The tasks' and revisions' tables. A guard item for each name keeps the names unique.

Saving is not on the hot path, so the task, its revision and its name's guard change in one
transaction.
"""

from dataclasses import dataclass
from datetime import datetime

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.connection import Connection
from pynamodb.exceptions import DoesNotExist, TransactWriteError
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from chalicelib.dynamo.base import (
    InstantAttribute,
    TableMeta,
    decode_cursor,
    page,
    table_name,
)
from chalicelib.errors import Conflict

_EVERY_TASK = "task"


@dataclass(frozen=True)
class StoredTask:
    """A task. `definition` is its current TOML, empty in lists."""

    id: str
    name: str
    revision: int
    step_count: int
    created_at: datetime
    updated_at: datetime
    updated_by: str
    definition: str = ""
    is_template: bool = False


@dataclass(frozen=True)
class StoredRevision:
    """An immutable saved state of a task: the TOML as it came."""

    task_id: str
    number: int
    definition: str
    created_by: str
    created_at: datetime


class ByName(GlobalSecondaryIndex["TaskItem"]):
    """All tasks in the order of their names; guards have no `listing` and are not in it."""

    class Meta:
        index_name = "by_name"
        projection = IncludeProjection(
            ["revision", "step_count", "is_template", "created_at", "updated_at", "updated_by"]
        )

    listing = UnicodeAttribute(hash_key=True)
    name = UnicodeAttribute(range_key=True)


class TaskItem(Model):
    """A task, or the guard `name#<name>` with the id of the task that bears the name."""

    class Meta(TableMeta):
        table_name = table_name("tasks")

    task_id = UnicodeAttribute(hash_key=True)
    listing = UnicodeAttribute(null=True)
    name = UnicodeAttribute(null=True)
    revision = NumberAttribute(null=True)
    step_count = NumberAttribute(null=True)
    created_at = InstantAttribute(null=True)
    updated_at = InstantAttribute(null=True)
    updated_by = UnicodeAttribute(null=True)
    definition = UnicodeAttribute(null=True)
    is_template = BooleanAttribute(default=False)
    guards = UnicodeAttribute(null=True)

    by_name = ByName()


class RevisionItem(Model):
    """See `StoredRevision`."""

    class Meta(TableMeta):
        table_name = table_name("revisions")

    task_id = UnicodeAttribute(hash_key=True)
    number = NumberAttribute(range_key=True)
    definition = UnicodeAttribute()
    created_by = UnicodeAttribute()
    created_at = InstantAttribute()


def _value(item: TaskItem) -> StoredTask:
    return StoredTask(
        id=item.task_id,
        name=item.name,
        revision=int(item.revision),
        step_count=int(item.step_count),
        created_at=item.created_at,
        updated_at=item.updated_at,
        updated_by=item.updated_by,
        definition=item.definition or "",
        is_template=item.is_template,
    )


def _revision_value(item: RevisionItem) -> StoredRevision:
    return StoredRevision(
        task_id=item.task_id,
        number=int(item.number),
        definition=item.definition,
        created_by=item.created_by,
        created_at=item.created_at,
    )


def _guard(name: str, task_id: str) -> TaskItem:
    return TaskItem(f"name#{name}", guards=task_id)


def _revision_item(task: StoredTask) -> RevisionItem:
    return RevisionItem(
        task.id,
        task.revision,
        definition=task.definition,
        created_by=task.updated_by,
        created_at=task.updated_at,
    )


def _transaction() -> TransactWrite:
    return TransactWrite(connection=Connection())


def create(task: StoredTask) -> bool:
    """Saves a new task with its first revision; False when the name is taken."""
    item = TaskItem(
        task.id,
        listing=_EVERY_TASK,
        name=task.name,
        revision=task.revision,
        step_count=task.step_count,
        created_at=task.created_at,
        updated_at=task.updated_at,
        updated_by=task.updated_by,
        definition=task.definition,
        is_template=task.is_template,
    )
    is_new = TaskItem.task_id.does_not_exist()
    try:
        with _transaction() as transaction:
            transaction.save(_guard(task.name, task.id), condition=is_new)
            transaction.save(item, condition=is_new)
            transaction.save(_revision_item(task))
    except TransactWriteError as error:
        return _refused(error)
    return True


def replace(old: StoredTask, new: StoredTask) -> bool:
    """Saves the next revision; False when another was saved meanwhile.

    Raises Conflict when the task gets a name that another one bears.
    """
    is_current = TaskItem.revision == old.revision
    actions: list[Action] = [
        TaskItem.name.set(new.name),
        TaskItem.revision.set(new.revision),
        TaskItem.step_count.set(new.step_count),
        TaskItem.updated_at.set(new.updated_at),
        TaskItem.updated_by.set(new.updated_by),
        TaskItem.definition.set(new.definition),
        TaskItem.is_template.set(new.is_template),
    ]
    try:
        with _transaction() as transaction:
            transaction.update(TaskItem(old.id), actions=actions, condition=is_current)
            transaction.save(_revision_item(new))
            if new.name != old.name:
                is_free = TaskItem.task_id.does_not_exist()
                transaction.save(_guard(new.name, new.id), condition=is_free)
                transaction.delete(_guard(old.name, old.id))
    except TransactWriteError as error:
        if len(error.cancellation_reasons) > 2 and error.cancellation_reasons[2] is not None:
            raise Conflict(f"Another task is named '{new.name}' already.") from error
        return _refused(error)
    return True


def _refused(error: TransactWriteError) -> bool:
    reasons = [reason for reason in error.cancellation_reasons if reason is not None]
    if reasons and all(reason.code == "ConditionalCheckFailed" for reason in reasons):
        return False
    if any(reason.code == "TransactionConflict" for reason in reasons):
        return False
    raise error


def delete(task: StoredTask) -> None:
    """Deletes the task, its name and its revisions; runs keep what they need of them."""
    with _transaction() as transaction:
        transaction.delete(TaskItem(task.id))
        transaction.delete(_guard(task.name, task.id))
    with RevisionItem.batch_write() as batch:
        for item in RevisionItem.query(task.id, attributes_to_get=["task_id", "number"]):
            batch.delete(item)


def get(task_id: str) -> StoredTask | None:
    """The task, or None."""
    try:
        item = TaskItem.get(task_id, consistent_read=True)
    except DoesNotExist:
        return None
    return None if item.guards else _value(item)


def get_by_name(name: str) -> StoredTask | None:
    """The task of exactly this name, or None."""
    try:
        guard = TaskItem.get(f"name#{name}", consistent_read=True)
    except DoesNotExist:
        return None
    return get(guard.guards)


def search(limit: int, cursor: str | None) -> tuple[list[StoredTask], str | None]:
    """A page of all tasks, by name."""
    found, following = page(
        TaskItem.by_name.query(_EVERY_TASK, limit=limit, last_evaluated_key=decode_cursor(cursor))
    )
    return [_value(item) for item in found], following


def revision(task_id: str, number: int) -> StoredRevision | None:
    """One saved state of a task, or None."""
    try:
        return _revision_value(RevisionItem.get(task_id, number, consistent_read=True))
    except DoesNotExist:
        return None


def revisions(
    task_id: str, limit: int, cursor: str | None
) -> tuple[list[StoredRevision], str | None]:
    """A page of a task's saved states, newest first."""
    found, following = page(
        RevisionItem.query(
            task_id,
            limit=limit,
            last_evaluated_key=decode_cursor(cursor),
            scan_index_forward=False,
        )
    )
    return [_revision_value(item) for item in found], following
