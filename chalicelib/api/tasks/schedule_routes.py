"""Schedules: when tasks are triggered by themselves."""

from chalicelib.access.principal import Permission
from chalicelib.api.routing import Api, Request
from chalicelib.api.shapes import Page
from chalicelib.api.tasks import render, shapes
from chalicelib.dynamo import schedules
from chalicelib.ids import new_ulid
from chalicelib.operations.tasks.schedules import (
    change_schedule,
    create_schedule,
    delete_schedule,
    existing_schedule,
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
    limit, cursor = request.limit(), request.cursor()
    task_id = request.query.get("task")
    found, following = (
        schedules.of_task(task_id, limit, cursor) if task_id else schedules.search(limit, cursor)
    )
    return Page([render.schedule(each) for each in found], following)


@api.post(
    "/schedules",
    needs=Permission.TASKS_WRITE,
    takes=shapes.NewSchedule,
    answers=shapes.Schedule,
    status=201,
)
def make_schedule(request: Request, body: shapes.NewSchedule) -> shapes.Schedule:
    """A new schedule, which triggers its task from now on."""
    schedule = core.Schedule(
        id=new_ulid(request.now),
        task_id=body.task_id,
        cron=body.cron,
        time_zone=body.time_zone,
        overlap=Overlap(body.overlap),
        catch_up=CatchUp(body.catch_up),
        paused=body.paused,
        parameters=body.parameters,
        created_by=request.caller().name,
        created_at=request.now,
    )
    return render.schedule(create_schedule(schedule, request.now))


@api.get("/schedules/{schedule_id}", needs=Permission.TASKS_READ, answers=shapes.Schedule)
def show_schedule(request: Request, schedule_id: str) -> shapes.Schedule:
    """One schedule."""
    return render.schedule(existing_schedule(schedule_id))


@api.patch(
    "/schedules/{schedule_id}",
    needs=Permission.TASKS_WRITE,
    takes=shapes.ScheduleChange,
    answers=shapes.Schedule,
)
def edit_schedule(
    request: Request, schedule_id: str, body: shapes.ScheduleChange
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
    return render.schedule(change_schedule(schedule_id, change, request.now))


@api.delete("/schedules/{schedule_id}", needs=Permission.TASKS_WRITE)
def remove_schedule(request: Request, schedule_id: str) -> None:
    """Deletes a schedule; the runs that it made stay."""
    delete_schedule(schedule_id)


@api.get("/schedules/{schedule_id}/next", needs=Permission.TASKS_READ, answers=shapes.DueTimes)
def list_due_times(request: Request, schedule_id: str) -> shapes.DueTimes:
    """The next ten due times, also of a paused schedule."""
    schedule = existing_schedule(schedule_id)
    times = core.next_times(schedule, request.now, SHOWN_TIMES)
    return shapes.DueTimes(
        [shapes.DueTime(at, core.local(schedule, at).isoformat()) for at in times]
    )
