"""Schedules: when tasks are triggered by themselves."""

from functools import partial

from chalicelib.access.principal import Permission
from chalicelib.api.listing import narrowed
from chalicelib.api.routing import Api, Request
from chalicelib.api.shapes import Page
from chalicelib.api.tasks import render, resolvers, shapes
from chalicelib.dynamo import schedules
from chalicelib.ids import new_ulid
from chalicelib.operations.tasks.schedules import (
    change_schedule,
    create_schedule,
    delete_schedule,
)
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
    return Page([render.schedule(each) for each in found], following)


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
    return render.schedule(create_schedule(schedule, request.now))


@api.get(
    "/schedules/{schedule_id}",
    needs=Permission.TASKS_READ,
    on=resolvers.schedule,
    answers=shapes.Schedule,
)
def show_schedule(request: Request, schedule: core.Schedule) -> shapes.Schedule:
    """One schedule."""
    return render.schedule(schedule)


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
    return render.schedule(change_schedule(schedule, change, request.now))


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
    times = core.next_times(schedule, request.now, SHOWN_TIMES)
    return shapes.DueTimes(
        [shapes.DueTime(at, core.local(schedule, at).isoformat()) for at in times]
    )
