"""Schedules: when tasks are triggered by themselves."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from chalicelib.access.principal import Permission
from chalicelib.api.listing import narrowed
from chalicelib.api.routing import Api, Request
from chalicelib.api.runs import render as render_run
from chalicelib.api.runs import shapes as run_shapes
from chalicelib.api.shapes import Page
from chalicelib.api.tasks import render, resolvers, shapes
from chalicelib.dynamo import schedules
from chalicelib.ids import new_ulid
from chalicelib.operations.tasks.schedules import (
    change_schedule,
    create_schedule,
    delete_schedule,
    last_states,
    task_names,
    trigger_now,
)
from chalicelib.runs.run_page import ended_in_step
from chalicelib.tasks import schedule as core
from chalicelib.tasks.schedule import CatchUp, Overlap

SHOWN_TIMES = 10


api = Api(__name__)


@api.get(
    "/schedules",
    needs=Permission.TASKS_READ,
    answers=list[shapes.Schedule],
    query={"task": "only those of the task with this id"},
)
def list_schedules(request: Request) -> Page:
    """The schedules, oldest first."""
    task_id = request.identifier("task") or request.scope.only_task
    fetch = partial(schedules.of_task, task_id) if task_id else schedules.search
    found, following = narrowed(request, fetch, lambda each: request.scope.holds_task(each.task_id))
    return Page(_rendered(found, request), following)


def _rendered(found: Sequence[core.Schedule], request: Request) -> list[shapes.Schedule]:
    last, names = last_states(found, request.scope), task_names(found)
    return [
        render.schedule(each, names.get(each.task_id), last.get(each.last_run_id or ""))
        for each in found
    ]


def _render(schedule: core.Schedule, request: Request) -> shapes.Schedule:
    return _rendered([schedule], request)[0]


@api.post(
    "/schedules",
    needs=Permission.TASKS_WRITE,
    audits="schedule.create",
    takes=shapes.NewSchedule,
    answers=shapes.Schedule,
    status=201,
)
def make_schedule(request: Request, body: shapes.NewSchedule) -> shapes.Schedule:
    """A new schedule, which triggers its task from now on, within the scope of who made it."""
    schedule = core.Schedule(
        id=new_ulid(request.now),
        task_id=body.task_id,
        cron=body.cron,
        time_zone=body.time_zone,
        overlap=Overlap(body.overlap),
        catch_up=CatchUp(body.catch_up),
        paused=body.paused,
        parameters=body.parameters,
        created_by=request.caller().by,
        created_at=request.now,
        scope=request.scope,
    )
    return _render(create_schedule(schedule, request.now), request)


@api.post(
    "/schedules/preview",
    needs=Permission.TASKS_READ,
    takes=shapes.ScheduleTimes,
    answers=shapes.DueTimes,
)
def preview_times(request: Request, body: shapes.ScheduleTimes) -> shapes.DueTimes:
    """The next ten due times of an expression in a time zone, as one types it. Makes nothing."""
    core.check(body.cron, body.time_zone, {}, request.now)
    return _due_times(body.cron, body.time_zone, request.now)


@api.get(
    "/schedules/{schedule_id}",
    needs=Permission.TASKS_READ,
    on=resolvers.schedule,
    answers=shapes.Schedule,
)
def show_schedule(request: Request, schedule: core.Schedule) -> shapes.Schedule:
    """One schedule."""
    return _render(schedule, request)


@api.patch(
    "/schedules/{schedule_id}",
    needs=Permission.TASKS_WRITE,
    on=resolvers.schedule_to_change,
    audits="schedule.change",
    takes=shapes.ScheduleChange,
    answers=shapes.Schedule,
)
def edit_schedule(
    request: Request, schedule: core.Schedule, body: shapes.ScheduleChange
) -> shapes.Schedule:
    """Changes, pauses or resumes a schedule; what came due while it was paused is left out."""
    change = core.Change(
        cron=body.cron,
        time_zone=body.time_zone,
        overlap=None if body.overlap is None else Overlap(body.overlap),
        catch_up=None if body.catch_up is None else CatchUp(body.catch_up),
        paused=body.paused,
        parameters=body.parameters,
    )
    return _render(change_schedule(schedule, change, request.now), request)


@api.post(
    "/schedules/{schedule_id}/run",
    needs=Permission.RUNS_TRIGGER,
    on=resolvers.schedule,
    audits="schedule.run",
    answers=run_shapes.Run,
    status=201,
    headers={"Idempotency-Key": "the same key within a day answers the same run"},
)
def run_now(request: Request, schedule: core.Schedule) -> run_shapes.Run:
    """Triggers the schedule's task at once, with the schedule's parameters and what it says of
    earlier runs. When it comes due stays as it is."""
    begun = trigger_now(
        schedule,
        triggered_by=request.caller().by,
        run_id=new_ulid(request.now),
        idempotency_key=request.headers.get("idempotency-key"),
        now=request.now,
        scope=request.scope,
    )
    return render_run.run(begun.run, ended_in_step(begun))


@api.delete(
    "/schedules/{schedule_id}",
    needs=Permission.TASKS_WRITE,
    on=resolvers.schedule_to_change,
    audits="schedule.delete",
)
def remove_schedule(request: Request, schedule: core.Schedule) -> None:
    """Deletes a schedule; the runs that it made stay."""
    delete_schedule(schedule.id)


@api.get(
    "/schedules/{schedule_id}/next",
    needs=Permission.TASKS_READ,
    on=resolvers.schedule,
    answers=shapes.DueTimes,
)
def list_due_times(request: Request, schedule: core.Schedule) -> shapes.DueTimes:
    """The next ten due times, also of a paused schedule."""
    return _due_times(schedule.cron, schedule.time_zone, request.now)


def _due_times(cron: str, time_zone: str, now: datetime) -> shapes.DueTimes:
    times = core.upcoming(cron, time_zone, now, SHOWN_TIMES)
    return shapes.DueTimes(
        [shapes.DueTime(at, core.in_zone(time_zone, at).isoformat()) for at in times]
    )
