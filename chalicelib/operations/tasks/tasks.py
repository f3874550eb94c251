"""Saving and finding tasks."""

from datetime import datetime

from msgspec.structs import replace

from chalicelib.dynamo import agents, runs, schedules, tasks
from chalicelib.errors import BadParameter, Conflict, NotFound
from chalicelib.tasks.task import Definition, StoredRevision, StoredTask, agent_ids
from chalicelib.tasks.task_toml import parse
from chalicelib.tasks.toml_lines import line_of
from chalicelib.tasks.toml_table import InvalidDefinition

SCHEDULES_AT_MOST = 100  # deleted with their task; one that is left goes when it is due next


def existing_task(task_id: str) -> StoredTask:
    """Raises NotFound."""
    task = tasks.get(task_id)
    if task is None:
        raise NotFound(f"There is no task with the id '{task_id}'.")
    return task


def existing_revision(task: StoredTask, number: int) -> StoredRevision:
    """Raises NotFound."""
    found = tasks.revision(task, number)
    if found is None:
        raise NotFound(f"The task '{task.id}' has no revision {number}.")
    return found


def check(source: str) -> Definition:
    """What the TOML says. Raises InvalidDefinition, also for agents that do not exist."""
    definition = parse(source)
    unknown = agent_ids(definition) - agents.get_many(agent_ids(definition)).keys()
    for index, step in enumerate(definition.steps):
        for agent_id in step.targets.agent_ids:
            if agent_id in unknown:
                line = line_of(source, ("step", index, "ServerID"))
                raise InvalidDefinition(
                    f"line {line}, step {step.number} ('{step.name}'), ServerID: there is no agent "
                    f"'{agent_id}'. 'plumber-cli agent list' shows those that there are.",
                    line=line,
                    column=None,
                    key=f"step[{step.number}].ServerID",
                )
    return definition


def create_task(source: str, *, task_id: str, created_by: str, now: datetime) -> StoredTask:
    """Saves a new task. Raises InvalidDefinition, or Conflict when its name is taken."""
    definition = check(source)
    task = StoredTask(
        id=task_id,
        name=definition.name,
        revision=1,
        step_count=len(definition.steps),
        created_at=now,
        updated_at=now,
        updated_by=created_by,
        definition=source,
        is_template=definition.is_template,
    )
    tasks.create(task)
    return task


def replace_task(
    task_id: str, source: str, *, revision: int | None, updated_by: str, now: datetime
) -> StoredTask:
    """Saves the next revision of a task; the same text again changes nothing.

    Raises NotFound, InvalidDefinition, BadParameter without the revision that is to be replaced,
    and Conflict when that is not the current one or the new name is taken.
    """
    old = existing_task(task_id)
    if revision is None:
        raise BadParameter("Say which revision this replaces: the key 'revision' is missing.")
    if source == old.definition and revision in (old.revision, old.revision - 1):
        return old
    definition = check(source)
    new = replace(
        old,
        name=definition.name,
        revision=revision + 1,
        step_count=len(definition.steps),
        updated_at=now,
        updated_by=updated_by,
        definition=source,
        is_template=definition.is_template,
    )
    if revision != old.revision or not tasks.replace(old, new):
        raise Conflict(
            f"The task was changed meanwhile: revision {revision} is not its newest. "
            "Load it again and repeat your change.",
            revision=tasks_revision(task_id, old),
        )
    return new


def tasks_revision(task_id: str, fallback: StoredTask) -> int:
    """The newest revision's number."""
    return (tasks.get(task_id) or fallback).revision


def delete_task(task_id: str) -> None:
    """Raises NotFound, and Conflict while a run of the task has not ended."""
    task = existing_task(task_id)
    if runs.has_active(task_id):
        raise Conflict("A run of this task has not ended yet. Wait for it, or cancel it.")
    for schedule in schedules.of_task(task_id, SCHEDULES_AT_MOST, None)[0]:
        schedules.delete(schedule.id)
    tasks.delete(task)
