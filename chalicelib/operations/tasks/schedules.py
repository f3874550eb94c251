"""Schedules: saving them, and triggering their tasks once per due time.

Whoever fires a due time claims the schedule, and does three things then, each of which may be
repeated: it notes in the schedule which run the due time makes, it triggers that run, and it moves
the schedule on. Whoever dies in between leaves a schedule that the next one takes up with the same
run.
"""

import logging
from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from chalicelib.access.by import By, Kind
from chalicelib.access.scope import EVERYTHING, OutOfScope, Scope
from chalicelib.dynamo import due as due_queue
from chalicelib.dynamo import runs, schedules, tasks
from chalicelib.dynamo.due import Entry
from chalicelib.errors import BadParameter, Conflict, NotFound, PlumberError
from chalicelib.operations.runs.trigger import trigger
from chalicelib.operations.shift import Shift, try_once
from chalicelib.operations.tasks.tasks import existing_task
from chalicelib.runs.run import Progress, RunState, Trigger
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

AT_ONCE = 50  # read with one query, of each shard
MISSED = "Missed: the control plane was away when it was due."
GIVEN_UP = "It could not be fired: {}."
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
        now_is = existing_schedule(old.id)
        if change.of(now_is) == now_is:  # it was done: by us, perhaps, and our answer was lost
            return now_is
        raise Conflict("The schedule was changed meanwhile. Look at it, and repeat your change.")
    return changed


def last_states(found: Sequence[Schedule], scope: Scope) -> dict[str, RunState]:
    """What has come of the last runs that schedules made, by run; one call for a hundred."""
    ids = [each.last_run_id for each in found if each.last_run_id is not None]
    read = runs.get_many(ids) if ids else ()
    return {run.id: run.state for run in read if scope.holds_run(run.task_id, run.reach)}


def task_names(found: Sequence[Schedule]) -> dict[str, str]:
    """What the tasks of schedules are called, by their ids; one call for a hundred."""
    ids = dict.fromkeys(each.task_id for each in found)
    return {task.id: task.name for task in tasks.named(ids)} if ids else {}


def trigger_now(
    schedule: Schedule,
    *,
    triggered_by: By,
    run_id: str,
    idempotency_key: str | None,
    now: datetime,
    scope: Scope,
) -> Progress:
    """Triggers what the schedule would, at once and within the scope of who asks for it. Raises as
    `trigger` does, and NotFound when its task is gone."""
    return trigger(
        existing_task(schedule.task_id, scope),
        triggered_by=triggered_by,
        run_id=run_id,
        idempotency_key=idempotency_key,
        now=now,
        parameters=schedule.parameters,
        concurrency=schedule.overlap.concurrency,
        scope=scope,
    )


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


def fire_due(shift: Shift) -> int:
    """Sees to schedules that are due, until none is left or the shift is over, and answers how many
    runs they made.

    A fault of one schedule is logged and leaves it to a later round; a due time that stays faulty
    is given up, and the schedule says so and goes on with the next one.
    """
    return sum(shift.work(lambda now: schedules.due(now, AT_ONCE), _see_to))


def _see_to(entry: Entry, now: datetime) -> int:
    """Moves a schedule on until it waits for a time to come; answers how many runs that made."""
    fired = 0
    following: Entry | None = entry
    while following is not None and following.at <= now:
        moved = _claim_and_move_on(following, now)
        fired += moved is not None and moved.last_problem is None
        following = _entry(moved)
    return fired


def _entry(schedule: Schedule | None) -> Entry | None:
    """Where a schedule stands that has been moved on."""
    if schedule is None or schedule.next_due_at is None:
        return None
    return Entry(due_queue.SCHEDULE, (schedule.id,), schedule.next_due_at)


def _claim_and_move_on(entry: Entry, now: datetime) -> Schedule | None:
    schedule = schedules.claim_due(entry, now)
    if schedule is None or schedule.next_due_at is None:
        return None
    due_at = schedule.next_due_at
    return try_once(
        f"The schedule {schedule.id}",
        entry.claimed(now).tries,
        lambda _: entry.kind.patience.tries,
        lambda: _move_on(schedule, due_at, now),
        lambda problem: _give_up(schedule, due_at, problem),
    )


def _give_up(schedule: Schedule, due_at: datetime, problem: str) -> Schedule | None:
    """The due time makes no run, unless it has made it; the schedule goes on with the next one."""
    current = schedules.get(schedule.id)
    if current is None or current.next_due_at != due_at:
        return None
    if current.run_id and runs.get(current.run_id):
        following = next_time(current, due_at)
        return schedules.take(current, due_at, following, last_run_id=current.run_id)
    try:
        following = next_time(current, due_at)
    except Exception:  # what cannot be reckoned is what is wrong with it, and it stops
        following = None
    return schedules.take(current, due_at, following, problem=GIVEN_UP.format(problem))


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
