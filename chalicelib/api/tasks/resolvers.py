"""What the paths of tasks and schedules name, loaded once: as `on=` of routes."""

from chalicelib.api.routing import Request
from chalicelib.errors import NotFound
from chalicelib.operations.tasks import schedules
from chalicelib.operations.tasks.tasks import existing_task
from chalicelib.tasks.schedule import Schedule
from chalicelib.tasks.task import StoredTask


def task(request: Request, task_id: str) -> StoredTask:
    """The task with its definition."""
    return existing_task(task_id, request.scope)


def task_id(request: Request, task_id: str) -> str:
    """The id of a task whose runs are asked for: they outlive it, so it may be gone."""
    if not request.scope.holds_task(task_id):
        raise NotFound(f"There is no task with the id '{task_id}'.")
    return task_id


def schedule(request: Request, schedule_id: str) -> Schedule:
    """The schedule."""
    return schedules.existing_schedule(schedule_id, request.scope)


def schedule_to_change(request: Request, schedule_id: str) -> Schedule:
    """The schedule, for who may decide when it makes runs."""
    return schedules.changeable_schedule(schedule_id, request.scope)
