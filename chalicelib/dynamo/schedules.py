"""The schedules' table. `next_due_at` is the time that a schedule waits for; its place in the
due-queue is the same at first, and later while somebody sees to that time."""

from datetime import datetime
from typing import Any

from pynamodb.attributes import BooleanAttribute, JSONAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection

from chalicelib.access.scope import EVERYTHING
from chalicelib.dynamo import due as due_queue
from chalicelib.dynamo.access_attributes import ByAttribute, ScopeAttribute
from chalicelib.dynamo.base import (
    InstantAttribute,
    TableMeta,
    decode_cursor,
    page,
    passed,
    table_name,
)
from chalicelib.tasks.schedule import CatchUp, Overlap, Schedule, is_same_clock

_EVERY_SCHEDULE = "schedule"


class ByCreation(GlobalSecondaryIndex["ScheduleItem"]):
    """All schedules, oldest first: ids are ULIDs."""

    class Meta:
        index_name = "by_creation"
        projection = AllProjection()

    listing = UnicodeAttribute(hash_key=True)
    schedule_id = UnicodeAttribute(range_key=True)


class ByTask(GlobalSecondaryIndex["ScheduleItem"]):
    """A task's schedules, oldest first."""

    class Meta:
        index_name = "by_task"
        projection = AllProjection()

    task_id = UnicodeAttribute(hash_key=True)
    schedule_id = UnicodeAttribute(range_key=True)


class Due(due_queue.DueIndex["ScheduleItem"]):
    """Schedules by when they are seen to next."""

    class Meta:
        index_name = due_queue.INDEX_NAME
        projection = IncludeProjection(["due_tries"])


class ScheduleItem(due_queue.DueItem):
    """See `Schedule`. `listing` exists for the index."""

    class Meta(TableMeta):
        table_name = table_name("schedules")

    schedule_id = UnicodeAttribute(hash_key=True)
    listing = UnicodeAttribute(default=_EVERY_SCHEDULE)
    task_id = UnicodeAttribute()
    cron = UnicodeAttribute()
    time_zone = UnicodeAttribute()
    overlap = UnicodeAttribute()
    catch_up = UnicodeAttribute()
    paused = BooleanAttribute()
    parameters = JSONAttribute()
    created_by = ByAttribute()
    scope = ScopeAttribute(null=True)  # none where it is everything
    created_at = InstantAttribute()
    next_due_at = InstantAttribute(null=True)
    run_id = UnicodeAttribute(null=True)
    last_due_at = InstantAttribute(null=True)
    last_run_id = UnicodeAttribute(null=True)
    last_problem = UnicodeAttribute(null=True)

    by_creation = ByCreation()
    by_task = ByTask()
    due_index = Due()


def _value(item: ScheduleItem) -> Schedule:
    return Schedule(
        id=item.schedule_id,
        task_id=item.task_id,
        cron=item.cron,
        time_zone=item.time_zone,
        overlap=Overlap(item.overlap),
        catch_up=CatchUp(item.catch_up),
        paused=item.paused,
        created_by=item.created_by,
        scope=item.scope or EVERYTHING,
        created_at=item.created_at,
        parameters=item.parameters,
        next_due_at=item.next_due_at,
        run_id=item.run_id,
        last_due_at=item.last_due_at,
        last_run_id=item.last_run_id,
        last_problem=item.last_problem,
    )


def create(schedule: Schedule) -> None:
    """Raises when the id is taken, which a random id never is."""
    due_at, key = schedule.next_due_at, (schedule.id,)
    ScheduleItem(
        schedule.id,
        task_id=schedule.task_id,
        cron=schedule.cron,
        time_zone=schedule.time_zone,
        overlap=schedule.overlap.value,
        catch_up=schedule.catch_up.value,
        paused=schedule.paused,
        parameters=dict(schedule.parameters),
        created_by=schedule.created_by,
        scope=None if schedule.scope.is_everything else schedule.scope,
        created_at=schedule.created_at,
        next_due_at=due_at,
        **({} if due_at is None else due_queue.stands(due_queue.SCHEDULE, key, due_at)),
    ).save(condition=ScheduleItem.schedule_id.does_not_exist())


def get(schedule_id: str) -> Schedule | None:
    """The schedule, or None."""
    try:
        return _value(ScheduleItem.get(schedule_id, consistent_read=True))
    except DoesNotExist:
        return None


def search(limit: int, cursor: str | None) -> tuple[list[Schedule], str | None]:
    """A page of all schedules, oldest first."""
    return _page(ScheduleItem.by_creation, _EVERY_SCHEDULE, limit, cursor)


def of_task(task_id: str, limit: int, cursor: str | None) -> tuple[list[Schedule], str | None]:
    """A page of a task's schedules, oldest first."""
    return _page(ScheduleItem.by_task, task_id, limit, cursor)


def _page(
    index: GlobalSecondaryIndex[ScheduleItem], key: str, limit: int, cursor: str | None
) -> tuple[list[Schedule], str | None]:
    found, following = page(index.query(key, limit=limit, last_evaluated_key=decode_cursor(cursor)))
    return [_value(item) for item in found], following


def due(now: datetime, limit: int) -> list[due_queue.Entry]:
    """Schedules that are due, those that wait longest first, at most `limit` a shard. Milliseconds
    late on AWS."""
    return due_queue.found(ScheduleItem.due_index, due_queue.SCHEDULE, now, limit)


def claim_due(entry: due_queue.Entry, now: datetime) -> Schedule | None:
    """Puts off the schedule, for whoever sees to it now; None when it is not due any more, or
    somebody else sees to it."""
    item = ScheduleItem(entry.key[0])
    return _value(item) if due_queue.claim(item, entry, now) else None


def change(old: Schedule, new: Schedule) -> Schedule | None:
    """Saves what people have changed of it, and nothing else; None when it was deleted, or what
    they changed was changed meanwhile, or when it comes due.

    Only where they have changed when it comes due, `next_due_at` becomes that of `new`.
    """
    actions: list[Action] = [
        ScheduleItem.cron.set(new.cron),
        ScheduleItem.time_zone.set(new.time_zone),
        ScheduleItem.paused.set(new.paused),
    ]
    is_unchanged = (
        (ScheduleItem.cron == old.cron)
        & (ScheduleItem.time_zone == old.time_zone)
        & (ScheduleItem.paused == old.paused)
    )
    others: tuple[tuple[Any, Any, Any], ...] = (
        (ScheduleItem.overlap, old.overlap.value, new.overlap.value),
        (ScheduleItem.catch_up, old.catch_up.value, new.catch_up.value),
        (ScheduleItem.parameters, dict(old.parameters), dict(new.parameters)),
    )
    # What stays is not written: it would undo what somebody else has changed since it was read. And
    # a call that is repeated, or arrives late, undoes no change that came after it.
    for attribute, was, becomes in others:
        if was != becomes:
            actions.append(attribute.set(becomes))
            is_unchanged &= attribute == was
    if not is_same_clock(old, new):
        actions += [*_awaiting(old.id, new.next_due_at), ScheduleItem.run_id.remove()]
    return _move(old.id, actions, is_unchanged)


def delete(schedule_id: str) -> bool:
    """False when there is no such schedule."""
    exists = ScheduleItem.schedule_id.exists()
    return passed(lambda: ScheduleItem(schedule_id).delete(condition=exists))


def begin(schedule: Schedule, due_at: datetime, run_id: str) -> Schedule | None:
    """Notes which run the due time makes: this one, or the one that somebody noted first.

    None when the schedule does not wait for that due time any more.
    """
    is_first_or_same = ScheduleItem.run_id.set(ScheduleItem.run_id | run_id)
    return _move(schedule.id, [is_first_or_same], ScheduleItem.next_due_at == due_at)


def take(
    schedule: Schedule,
    due_at: datetime,
    next_due_at: datetime | None,
    *,
    last_run_id: str | None = None,
    problem: str | None = None,
) -> Schedule | None:
    """Moves on from a due time that was seen to; None when somebody else has done so.

    `last_run_id` is the run that it made, `problem` why it made none.
    """
    actions: list[Action] = [
        *_awaiting(schedule.id, next_due_at),
        ScheduleItem.last_due_at.set(due_at),
        ScheduleItem.run_id.remove(),
        _set_or_remove(ScheduleItem.last_problem, problem),
    ]
    if last_run_id is not None:
        actions.append(ScheduleItem.last_run_id.set(last_run_id))
    return _move(schedule.id, actions, ScheduleItem.next_due_at == due_at)


def _awaiting(schedule_id: str, next_due_at: datetime | None) -> list[Action]:
    if next_due_at is None:
        return [ScheduleItem.next_due_at.remove(), *due_queue.leave()]
    stand = due_queue.stand(due_queue.SCHEDULE, (schedule_id,), next_due_at)
    return [ScheduleItem.next_due_at.set(next_due_at), *stand]


def _set_or_remove(attribute: Any, value: Any) -> Action:
    action: Action = attribute.remove() if value is None else attribute.set(value)
    return action


def _move(schedule_id: str, actions: list[Action], condition: Condition) -> Schedule | None:
    item = ScheduleItem(schedule_id)
    moved = passed(lambda: item.update(actions=actions, condition=condition))
    return _value(item) if moved else None
