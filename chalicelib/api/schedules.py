"""Schedules: when tasks are triggered by themselves."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chalicelib import schedule as core
from chalicelib.api.routing import Api, Request
from chalicelib.api.shapes import Page, Shape
from chalicelib.api.task_shapes import Parameters
from chalicelib.dynamo import schedules
from chalicelib.ids import new_ulid
from chalicelib.operations.schedules import (
    change_schedule,
    create_schedule,
    delete_schedule,
    existing_schedule,
)
from chalicelib.principal import Permission
from chalicelib.schedule import CatchUp, Overlap

SHOWN_TIMES = 10

OverlapName = Literal["skip", "queue", "replace"]
CatchUpName = Literal["none", "one"]
Cron = Annotated[str, Meta(min_length=1, max_length=core.MAX_CRON_CHARACTERS)]
ZoneName = Annotated[str, Meta(min_length=1, max_length=64)]

api = Api(__name__)


class Schedule(Shape, frozen=True):
    """`next_due_at` is null while it is paused, and when it never comes due again.

    `last_problem` says why the last due time made no run; `last_run_id` is the last one it made.
    """

    id: str
    task_id: str
    cron: str
    time_zone: str
    overlap: OverlapName
    catch_up: CatchUpName
    paused: bool
    parameters: dict[str, str]
    created_by: str
    created_at: datetime
    next_due_at: datetime | None
    last_due_at: datetime | None
    last_run_id: str | None
    last_problem: str | None


class NewSchedule(Shape, frozen=True):
    """`cron` has five fields, or is such as `@daily`; `time_zone` is an IANA name."""

    task_id: Annotated[str, Meta(min_length=1, max_length=64)]
    cron: Cron
    time_zone: ZoneName = "UTC"
    overlap: OverlapName = "skip"
    catch_up: CatchUpName = "none"
    paused: bool = False
    parameters: Parameters = msgspec.field(default_factory=dict)


class ScheduleChange(Shape, frozen=True):
    """Keys that are left out stay as they are."""

    cron: Cron | None = None
    time_zone: ZoneName | None = None
    overlap: OverlapName | None = None
    catch_up: CatchUpName | None = None
    paused: bool | None = None
    parameters: Parameters | None = None


class DueTime(Shape, frozen=True):
    """An instant, and the same by the clocks of the schedule's time zone, with their offset."""

    at: datetime
    local: str


class DueTimes(Shape, frozen=True):
    """The next ones; fewer than ten when no more come within 50 years."""

    times: list[DueTime]


def _render(value: core.Schedule) -> Schedule:
    return Schedule(
        id=value.id,
        task_id=value.task_id,
        cron=value.cron,
        time_zone=value.time_zone,
        overlap=value.overlap.value,
        catch_up=value.catch_up.value,
        paused=value.paused,
        parameters=dict(value.parameters),
        created_by=value.created_by,
        created_at=value.created_at,
        next_due_at=value.next_due_at,
        last_due_at=value.last_due_at,
        last_run_id=value.last_run_id,
        last_problem=value.last_problem,
    )


@api.get(
    "/schedules",
    needs=Permission.TASKS_READ,
    answers=list[Schedule],
    query={"task": "only those of the task with this id"},
)
def list_schedules(request: Request) -> Page:
    """The schedules, oldest first."""
    limit, cursor = request.limit(), request.cursor()
    task_id = request.query.get("task")
    found, following = (
        schedules.of_task(task_id, limit, cursor) if task_id else schedules.search(limit, cursor)
    )
    return Page([_render(each) for each in found], following)


@api.post(
    "/schedules",
    needs=Permission.TASKS_WRITE,
    takes=NewSchedule,
    answers=Schedule,
    status=201,
)
def make_schedule(request: Request, body: NewSchedule) -> Schedule:
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
    return _render(create_schedule(schedule, request.now))


@api.get("/schedules/{schedule_id}", needs=Permission.TASKS_READ, answers=Schedule)
def show_schedule(request: Request, schedule_id: str) -> Schedule:
    """One schedule."""
    return _render(existing_schedule(schedule_id))


@api.patch(
    "/schedules/{schedule_id}",
    needs=Permission.TASKS_WRITE,
    takes=ScheduleChange,
    answers=Schedule,
)
def edit_schedule(request: Request, schedule_id: str, body: ScheduleChange) -> Schedule:
    """Changes, pauses or resumes a schedule; what came due while it was paused is left out."""
    change = core.Change(
        cron=body.cron,
        time_zone=body.time_zone,
        overlap=None if body.overlap is None else Overlap(body.overlap),
        catch_up=None if body.catch_up is None else CatchUp(body.catch_up),
        paused=body.paused,
        parameters=body.parameters,
    )
    return _render(change_schedule(schedule_id, change, request.now))


@api.delete("/schedules/{schedule_id}", needs=Permission.TASKS_WRITE)
def remove_schedule(request: Request, schedule_id: str) -> None:
    """Deletes a schedule; the runs that it made stay."""
    delete_schedule(schedule_id)


@api.get("/schedules/{schedule_id}/next", needs=Permission.TASKS_READ, answers=DueTimes)
def list_due_times(request: Request, schedule_id: str) -> DueTimes:
    """The next ten due times, also of a paused schedule."""
    schedule = existing_schedule(schedule_id)
    times = core.next_times(schedule, request.now, SHOWN_TIMES)
    return DueTimes([DueTime(at, core.local(schedule, at).isoformat()) for at in times])
