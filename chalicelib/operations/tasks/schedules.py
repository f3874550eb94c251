"""Schedules: saving them, and triggering their tasks once per due time.

A sweeper that fires a due time does three things, each of which may be repeated: it notes in the
schedule which run the due time makes, it triggers that run, and it moves the schedule on. Whoever
dies in between leaves a schedule that the next sweeper takes up with the same run.
"""

import logging
from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from chalicelib.access.by import By, Kind
from chalicelib.access.scope import EVERYTHING, OutOfScope, Scope
from chalicelib.dynamo import runs, schedules, tasks
from chalicelib.errors import BadParameter, Conflict, NotFound, PlumberError
from chalicelib.operations.runs.trigger import trigger
from chalicelib.operations.tasks.tasks import existing_task
from chalicelib.runs.run import Trigger
from chalicelib.tasks.param import fill
from chalicelib.tasks.schedule import (
    Change,
    Schedule,
    check,
    due,
    idempotency_key,
    is_same_clock,
    next_time,
    run_id,
)
from chalicelib.tasks.task import Definition
from chalicelib.tasks.task_toml import parse

DUE_AT_MOST = 200  # schedules that one sweep sees to; a trigger takes up to 100 ms
MISSED = "Missed: the control plane was away when it was due."
PAGE = 100

log = logging.getLogger("plumber.schedules")


# --- saving


def existing_schedule(schedule_id: str, scope: Scope = EVERYTHING) -> Schedule:
    """Raises NotFound, also for one whose task is outside of the scope."""
    schedule = schedules.get(schedule_id)
    if schedule is None or not scope.holds_task(schedule.task_id):
        raise NotFound(f"There is no schedule with the id '{schedule_id}'.")
    return schedule


def create_schedule(schedule: Schedule, now: datetime) -> Schedule:
    """Saves a new schedule, which comes due from now on.

    Raises NotFound for an unknown task or one outside of its scope, BadParameter, and
    InvalidParameters.
    """
    _check(schedule, now)
    created = replace(schedule, next_due_at=_next(schedule, now))
    schedules.create(created)
    return created


def changeable_schedule(schedule_id: str, scope: Scope) -> Schedule:
    """Raises NotFound, and OutOfScope for a schedule that makes runs outside of the scope: who may
    change it decides when and with what."""
    schedule = existing_schedule(schedule_id, scope)
    if not scope.holds(schedule.scope):
        raise OutOfScope(
            f"The schedule was made under a wider scope: {schedule.scope.describe()}. This token "
            f"is narrowed to {scope.describe()}."
        )
    return schedule


def change_schedule(old: Schedule, change: Change, now: datetime) -> Schedule:
    """Saves a change. Where it changes when the schedule comes due, that counts from now on:
    what came due while it was paused is not caught up.

    Raises BadParameter, InvalidParameters, Conflict when it was changed meanwhile, and NotFound
    when it is gone.
    """
    new = change.of(old)
    if change.cron or change.time_zone or change.parameters is not None:
        _check(new, now)
    if not is_same_clock(old, new):
        new = replace(new, next_due_at=_next(new, now))
    changed = schedules.change(old, new)
    if changed is None:
        existing_schedule(old.id)
        raise Conflict("The schedule was changed meanwhile. Look at it, and repeat your change.")
    return changed


def _refuse_secrets(definition: Definition) -> None:
    if definition.secrets:
        names = ", ".join(definition.secrets)
        raise BadParameter(f"A schedule cannot keep a secret, and the task asks for {names}.")


def _check(schedule: Schedule, now: datetime) -> None:
    check(schedule.cron, schedule.time_zone, schedule.parameters, now)
    definition = parse(existing_task(schedule.task_id, schedule.scope).definition)
    _refuse_secrets(definition)
    fill(definition.params, schedule.parameters)


def _next(schedule: Schedule, now: datetime) -> datetime | None:
    return None if schedule.paused else next_time(schedule, now)


def delete_schedule(schedule_id: str) -> None:
    """Raises NotFound."""
    if not schedules.delete(schedule_id):
        raise NotFound(f"There is no schedule with the id '{schedule_id}'.")


# --- firing


def fire_due(now: datetime, limit: int = DUE_AT_MOST) -> int:
    """Sees to schedules that are due, at most `limit`, and answers how many runs they made.

    A fault of one schedule is logged and leaves it to the next sweep.
    """
    fired = 0
    for schedule_id in schedules.due(now, limit):
        try:
            for has_run in _see_to(schedule_id, now):
                fired += has_run
        except Exception:
            log.exception("The schedule %s could not be fired", schedule_id)
    return fired


def _see_to(schedule_id: str, now: datetime) -> Iterator[bool]:
    """Moves a schedule on until it waits for a time to come; answers what became of each time."""
    schedule = schedules.get(schedule_id)
    while schedule and schedule.next_due_at and schedule.next_due_at <= now:
        schedule = _move_on(schedule, schedule.next_due_at, now)
        yield schedule is not None and schedule.last_problem is None


def _move_on(schedule: Schedule, due_at: datetime, now: datetime) -> Schedule | None:
    """The schedule after its due time; None when somebody else sees to it, or it is gone."""
    try:
        fires_at = due(schedule, now)
        following = next_time(schedule, due_at)
    except BadParameter as error:  # its time zone may be gone
        return schedules.take(schedule, due_at, None, problem=error.message)
    if fires_at == due_at:
        return _fire(schedule, due_at, following, now)
    if schedule.run_id and runs.get(schedule.run_id):
        return schedules.take(schedule, due_at, following, last_run_id=schedule.run_id)
    return schedules.take(schedule, due_at, fires_at or next_time(schedule, now), problem=MISSED)


def _fire(
    schedule: Schedule, due_at: datetime, following: datetime | None, now: datetime
) -> Schedule | None:
    begun = schedules.begin(schedule, due_at, run_id(schedule, due_at, now))
    if begun is None or begun.run_id is None:
        return None
    try:
        _trigger(begun, begun.run_id, due_at, now)
    except PlumberError as error:
        if tasks.get(begun.task_id) is None:
            _forget_task(begun.task_id)
            return None
        log.warning("The schedule %s skips %s: %s", begun.id, due_at, error.message)
        return schedules.take(begun, due_at, following, problem=error.message)
    return schedules.take(begun, due_at, following, last_run_id=begun.run_id)


def _trigger(schedule: Schedule, run: str, due_at: datetime, now: datetime) -> None:
    trigger(
        existing_task(schedule.task_id, schedule.scope),
        triggered_by=By(Kind.SCHEDULE, schedule.id, schedule.cron),
        run_id=run,
        idempotency_key=idempotency_key(schedule, due_at),
        now=now,
        parameters=schedule.parameters,
        concurrency=schedule.overlap.concurrency,
        source=Trigger.SCHEDULE,
        scope=schedule.scope,
    )


def _forget_task(task_id: str) -> None:
    """Deletes the schedules of a task that is gone, a page at a time."""
    for schedule in schedules.of_task(task_id, PAGE, None)[0]:
        schedules.delete(schedule.id)
