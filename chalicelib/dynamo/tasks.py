"""The tasks' and revisions' tables. A task's item holds its newest state, revisions the older ones.

What unique names need is in `task_names`.
"""

from collections.abc import Iterable, Sequence

from pynamodb.attributes import (
    BooleanAttribute,
    JSONAttribute,
    NumberAttribute,
    UnicodeAttribute,
)
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection
from pynamodb.pagination import ResultIterator

from chalicelib.dynamo import task_names
from chalicelib.dynamo.access_attributes import ByAttribute
from chalicelib.dynamo.base import (
    InstantAttribute,
    TableMeta,
    decode_cursor,
    encode_cursor,
    page,
    passed,
    table_name,
)
from chalicelib.dynamo.transport import TableModel
from chalicelib.errors import Conflict
from chalicelib.tasks.task import StoredRevision, StoredTask

EVERY_TASK = "task"
# Of definitions in one page: in UTF-8 and in JSON four times as much, and Lambda answers 6 MB.
PAGE_CHARACTERS = 1 << 20


class ByName(GlobalSecondaryIndex["TaskItem"]):
    """All tasks in the order of their names; the items of names have no `listing`."""

    class Meta:
        index_name = "by_name"
        projection = IncludeProjection(
            ["revision", "step_count", "is_template", "created_at", "updated_at", "updated_by"]
        )

    listing = UnicodeAttribute(hash_key=True)
    name = UnicodeAttribute(range_key=True)


class TaskItem(TableModel):
    """See `StoredTask`. `task_names` keeps its items in the same table."""

    class Meta(TableMeta):
        table_name = table_name("tasks")

    task_id = UnicodeAttribute(hash_key=True)
    listing = UnicodeAttribute(null=True)
    name = UnicodeAttribute(null=True)
    revision = NumberAttribute(null=True)
    step_count = NumberAttribute(null=True)
    created_at = InstantAttribute(null=True)
    updated_at = InstantAttribute(null=True)
    updated_by = ByAttribute(null=True)
    definition = UnicodeAttribute(null=True)
    is_template = BooleanAttribute(default=False)
    agents = JSONAttribute(null=True)

    by_name = ByName()


class RevisionItem(TableModel):
    """See `StoredRevision`."""

    class Meta(TableMeta):
        table_name = table_name("revisions")

    task_id = UnicodeAttribute(hash_key=True)
    number = NumberAttribute(range_key=True)
    definition = UnicodeAttribute()
    saved_by = ByAttribute()
    created_at = InstantAttribute()
    agents = JSONAttribute(null=True)


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
        agents=item.agents or {},
    )


def _revision_value(item: RevisionItem) -> StoredRevision:
    return StoredRevision(
        task_id=item.task_id,
        number=int(item.number),
        definition=item.definition,
        saved_by=item.saved_by,
        created_at=item.created_at,
        agents=item.agents or {},
    )


def _revision_item(task: StoredTask) -> RevisionItem:
    return RevisionItem(
        task.id,
        task.revision,
        definition=task.definition,
        saved_by=task.updated_by,
        created_at=task.updated_at,
        agents=dict(task.agents) or None,
    )


def create(task: StoredTask) -> None:
    """Saves a new task; may be repeated. Raises Conflict when its name is taken."""
    _take_name(task)
    item = TaskItem(
        task.id,
        listing=EVERY_TASK,
        name=task.name,
        revision=task.revision,
        step_count=task.step_count,
        created_at=task.created_at,
        updated_at=task.updated_at,
        updated_by=task.updated_by,
        definition=task.definition,
        is_template=task.is_template,
        agents=dict(task.agents) or None,
    )
    is_new = TaskItem.task_id.does_not_exist()
    passed(lambda: item.save(condition=is_new))  # else a call before this one has saved it


def replace(old: StoredTask, new: StoredTask) -> bool:
    """Saves the next revision; may be repeated. False when another was saved meanwhile.

    Raises Conflict when the task gets a name that another one bears.
    """
    is_renamed = new.name != old.name
    if is_renamed:
        _take_name(new)
    # First, since the task's own item holds only its newest state. Whoever races for the next
    # revision writes the same here.
    _revision_item(old).save()
    is_current = TaskItem.revision == old.revision
    actions: list[Action] = [
        TaskItem.name.set(new.name),
        TaskItem.revision.set(new.revision),
        TaskItem.step_count.set(new.step_count),
        TaskItem.updated_at.set(new.updated_at),
        TaskItem.updated_by.becomes(new.updated_by),
        TaskItem.definition.set(new.definition),
        TaskItem.is_template.set(new.is_template),
        TaskItem.agents.set(dict(new.agents)) if new.agents else TaskItem.agents.remove(),
    ]
    if not passed(lambda: TaskItem(old.id).update(actions, condition=is_current)):
        # A call whose answer was lost is made again, and finds its own work.
        found = get(old.id)
        if found is None:
            RevisionItem(old.id, old.revision).delete()
        if found != new:
            return False  # the new name is free again in a minute: others may have taken it too
    if is_renamed:
        task_names.give_back(old.name, old.id, old.revision)
    return True


def _take_name(task: StoredTask) -> None:
    now = task.updated_at
    if task_names.take(task.name, task.id, task.revision, now):
        return
    taken = task_names.get(task.name)
    if taken is None:  # given back just now
        if task_names.take(task.name, task.id, task.revision, now):
            return
    elif taken.guards == task.id:
        return  # a later revision has it, which the save itself will find
    elif _bears(taken.guards, task.name):
        raise Conflict(f"Another task is named '{task.name}' already.")
    elif task_names.take_over(taken, task.id, task.revision, now):
        return
    raise Conflict(
        f"The name '{task.name}' is being given to another task, or was until a moment ago. "
        "Try again in a minute."
    )


def _bears(task_id: str, name: str) -> bool:
    task = get(task_id)
    return task is not None and task.name == name


def delete(task: StoredTask) -> None:
    """Deletes the task, its name and its revisions; runs keep what they need of them."""
    TaskItem(task.id).delete()
    task_names.give_back(task.name, task.id, task.revision)
    with RevisionItem.batch_write() as batch:
        for item in RevisionItem.query(task.id, attributes_to_get=["task_id", "number"]):
            batch.delete(item)


def get(task_id: str) -> StoredTask | None:
    """The task, or None."""
    try:
        item = TaskItem.get(task_id, consistent_read=True)
    except DoesNotExist:
        return None
    return _value(item) if item.listing else None  # the item of a name is none of a task


def get_by_name(name: str) -> StoredTask | None:
    """The task of exactly this name, or None."""
    taken = task_names.get(name)
    task = get(taken.guards) if taken is not None else None
    return task if task is not None and task.name == name else None


def search(limit: int, cursor: str | None) -> tuple[list[StoredTask], str | None]:
    """A page of all tasks, by name."""
    found, following = page(
        TaskItem.by_name.query(EVERY_TASK, limit=limit, last_evaluated_key=decode_cursor(cursor))
    )
    return [_value(item) for item in found], following


def cursor_behind(task: StoredTask) -> str | None:
    """With which `search` goes on behind the task."""
    key = {"listing": EVERY_TASK, "name": task.name, "task_id": task.id}
    return encode_cursor({name: {"S": text} for name, text in key.items()})


def whole(task_ids: Sequence[str]) -> list[StoredTask]:
    """Those of a few tasks that there are, by name, with their definitions; in one call."""
    items = TaskItem.batch_get(list(task_ids)) if task_ids else ()
    return sorted((_value(item) for item in items if item.listing), key=lambda task: task.name)


def named(task_ids: Iterable[str]) -> list[StoredTask]:
    """Those of a few tasks that there are, by name, as `search` shows them; in one call."""
    shown = ["task_id", "listing", "name", *ByName.Meta.projection.non_key_attributes]
    items = TaskItem.batch_get(list(task_ids), attributes_to_get=shown)
    return sorted((_value(item) for item in items if item.listing), key=lambda task: task.name)


def revision(task: StoredTask, number: int) -> StoredRevision | None:
    """One saved state of a task, or None. `task` may have been read before it was saved."""
    newest = task if number <= task.revision else get(task.id) or task
    if number >= newest.revision:
        return _newest(newest) if number == newest.revision else None
    try:
        return _revision_value(RevisionItem.get(task.id, number, consistent_read=True))
    except DoesNotExist:
        return None


def revisions(
    task: StoredTask, limit: int, cursor: str | None
) -> tuple[list[StoredRevision], str | None]:
    """A page of a task's saved states, newest first."""
    start = decode_cursor(cursor)
    first = [_newest(task)] if start is None else []
    if start is None:
        # What `replace` may have written of the newest one already is not told twice.
        start = {"task_id": {"S": task.id}, "number": {"N": str(task.revision)}}
        if limit == 1:
            return first, encode_cursor(start) if task.revision > 1 else None
    results = RevisionItem.query(
        task.id,
        limit=limit - len(first),
        last_evaluated_key=start,
        scan_index_forward=False,
    )
    return _up_to_a_size(first, results)


def _up_to_a_size(
    found: list[StoredRevision], results: ResultIterator[RevisionItem]
) -> tuple[list[StoredRevision], str | None]:
    """As many of the results as an answer can hold; a page may be short while more follow."""
    size = sum(len(each.definition) for each in found)
    for item in results:
        found.append(_revision_value(item))
        size += len(item.definition)
        if size > PAGE_CHARACTERS:
            last = {"task_id": {"S": item.task_id}, "number": {"N": str(int(item.number))}}
            return found, encode_cursor(last)
    return found, encode_cursor(results.last_evaluated_key)


def _newest(task: StoredTask) -> StoredRevision:
    """The current state of a task, which its own item holds."""
    return _revision_value(_revision_item(task))
