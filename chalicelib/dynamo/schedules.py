"""The schedules' table. Those that come due stand in a sparse index by when."""

from datetime import datetime
from typing import Any

from pynamodb.attributes import BooleanAttribute, JSONAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection

from chalicelib.access.scope import EVERYTHING
from chalicelib.dynamo.access_attributes import ByAttribute, ScopeAttribute
from chalicelib.dynamo.base import (
    InstantAttribute,
    TableMeta,
    decode_cursor,
    page,
    passed,
    table_name,
)
from chalicelib.dynamo.transport import TableModel
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


class ByDueTime(GlobalSecondaryIndex["ScheduleItem"]):
    """Schedules by when they come due next. One partition takes 1,000 writes a second, which is
    more than 10,000 schedules that come due every minute."""

    class Meta:
        index_name = "by_due_time"
        projection = KeysOnlyProjection()

    awaited = UnicodeAttribute(hash_key=True)
    next_due_at = InstantAttribute(range_key=True)


class ScheduleItem(TableModel):
    """See `Schedule`. `listing` and `awaited` exist for the indexes."""

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
    awaited = UnicodeAttribute(null=True)
    next_due_at = InstantAttribute(null=True)
    run_id = UnicodeAttribute(null=True)
    last_due_at = InstantAttribute(null=True)
    last_run_id = UnicodeAttribute(null=True)
    last_problem = UnicodeAttribute(null=True)

    by_creation = ByCreation()
    by_task = ByTask()
    by_due_time = ByDueTime()


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
        awaited=None if schedule.next_due_at is None else _EVERY_SCHEDULE,
        next_due_at=schedule.next_due_at,
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


def due(now: datetime, limit: int) -> list[str]:
    """The ids of schedules that are due, those that wait longest first. Milliseconds late on AWS,
    so read each before you see to it."""
    is_due = ScheduleItem.next_due_at <= now
    found = ScheduleItem.by_due_time.query(_EVERY_SCHEDULE, is_due, limit=limit)
    return [item.schedule_id for item in found]


def change(old: Schedule, new: Schedule) -> Schedule | None:
    """Saves what people have changed of it; None when it was deleted or changed meanwhile.

    Only where they have changed when it comes due, `next_due_at` becomes that of `new`.
    """
    actions: list[Action] = [
        ScheduleItem.cron.set(new.cron),
        ScheduleItem.time_zone.set(new.time_zone),
        ScheduleItem.overlap.set(new.overlap.value),
        ScheduleItem.catch_up.set(new.catch_up.value),
        ScheduleItem.paused.set(new.paused),
        ScheduleItem.parameters.set(dict(new.parameters)),
    ]
    if not is_same_clock(old, new):
        actions += [*_awaiting(new.next_due_at), ScheduleItem.run_id.remove()]
    is_unchanged = (
        (ScheduleItem.cron == old.cron)
        & (ScheduleItem.time_zone == old.time_zone)
        & (ScheduleItem.paused == old.paused)
    )
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
        *_awaiting(next_due_at),
        ScheduleItem.last_due_at.set(due_at),
        ScheduleItem.run_id.remove(),
        _set_or_remove(ScheduleItem.last_problem, problem),
    ]
    if last_run_id is not None:
        actions.append(ScheduleItem.last_run_id.set(last_run_id))
    return _move(schedule.id, actions, ScheduleItem.next_due_at == due_at)


def _awaiting(next_due_at: datetime | None) -> list[Action]:
    awaited = None if next_due_at is None else _EVERY_SCHEDULE
    return [
        _set_or_remove(ScheduleItem.next_due_at, next_due_at),
        _set_or_remove(ScheduleItem.awaited, awaited),
    ]


def _set_or_remove(attribute: Any, value: Any) -> Action:
    action: Action = attribute.remove() if value is None else attribute.set(value)
    return action


def _move(schedule_id: str, actions: list[Action], condition: Condition) -> Schedule | None:
    item = ScheduleItem(schedule_id)
    moved = passed(lambda: item.update(actions=actions, condition=condition))
    return _value(item) if moved else None
