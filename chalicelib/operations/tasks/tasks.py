"""Saving and finding tasks."""

from datetime import datetime

from msgspec.structs import replace

from chalicelib.access.by import By
from chalicelib.access.scope import EVERYTHING, OutOfScope, Scope
from chalicelib.dynamo import agents, runs, schedules, tasks
from chalicelib.errors import BadParameter, Conflict, NotFound
from chalicelib.tasks.param_lint import lint, refuse
from chalicelib.tasks.task import Definition, StoredRevision, StoredTask, agent_ids
from chalicelib.tasks.task_toml import parse
from chalicelib.tasks.toml_lines import line_of
from chalicelib.tasks.toml_table import InvalidDefinition

SCHEDULES_AT_MOST = 100  # deleted with their task; one that is left goes when it is due next


def existing_task(task_id: str, scope: Scope = EVERYTHING) -> StoredTask:
    """Raises NotFound, also for a task outside of the scope."""
    task = tasks.get(task_id) if scope.holds_task(task_id) else None
    if task is None:
        raise NotFound(f"There is no task with the id '{task_id}'.")
    return task


def existing_revision(task: StoredTask, number: int) -> StoredRevision:
    """Raises NotFound."""
    found = tasks.revision(task, number)
    if found is None:
        raise NotFound(f"The task '{task.id}' has no revision {number}.")
    return found


def check(source: str, scope: Scope = EVERYTHING) -> Definition:
    """What the TOML says. Raises InvalidDefinition, also for parameters where a value could run
    something, and for agents that do not exist or are outside of the scope, and OutOfScope for
    targets that may ever fit others."""
    definition = parse(source)
    refuse(lint(source, definition))
    _require_within(definition, scope)
    unknown = agent_ids(definition) - _inside(definition, scope)
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


def _inside(definition: Definition, scope: Scope) -> set[str]:
    """Those of the agents that a definition names which exist, and are inside of the scope."""
    known = agents.get_many(agent_ids(definition)).values()
    return {each.id for each in known if scope.holds_agent(each.labels, each.group)}


def _require_within(definition: Definition, scope: Scope) -> None:
    for step in definition.steps:
        if not step.targets.is_fixed and not step.targets.stay_within(scope):
            raise OutOfScope(
                f"step {step.number} ('{step.name}') is for {step.targets.describe()}, which may "
                f"fit agents outside of the scope. Its targets need {scope.describe()}."
            )


def _require_changeable(task: StoredTask, scope: Scope) -> None:
    """Raises OutOfScope for a task that runs on agents outside of the scope: it is others' too."""
    definition = parse(task.definition)
    _require_within(definition, scope)
    if scope.names_agents and (left := agent_ids(definition) - _inside(definition, scope)):
        raise OutOfScope(
            f"The task names agents that are outside of the scope, which is {scope.describe()}: "
            f"{min(left)}."
        )


def create_task(
    source: str, *, task_id: str, created_by: By, now: datetime, scope: Scope = EVERYTHING
) -> StoredTask:
    """Saves a new task. Raises InvalidDefinition, Conflict when its name is taken, and OutOfScope
    for what may run elsewhere, or where the scope names tasks: a new one is not among them."""
    scope.require_new_task("make new tasks")
    definition = check(source, scope)
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
    old: StoredTask,
    source: str,
    *,
    revision: int | None,
    updated_by: By,
    now: datetime,
    scope: Scope = EVERYTHING,
) -> StoredTask:
    """Saves the next revision of a task; the same text again changes nothing.

    Raises InvalidDefinition, BadParameter without the revision that is to be replaced, Conflict
    when that is not the current one or the new name is taken, and OutOfScope for what runs
    elsewhere, before the change or after it.
    """
    if revision is None:
        raise BadParameter("Say which revision this replaces: the key 'revision' is missing.")
    if source == old.definition and revision in (old.revision, old.revision - 1):
        return old
    _require_changeable(old, scope)
    definition = check(source, scope)
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
            revision=tasks_revision(old),
        )
    return new


def tasks_revision(known: StoredTask) -> int:
    """The newest revision's number."""
    return (tasks.get(known.id) or known).revision


def delete_task(task: StoredTask, scope: Scope = EVERYTHING) -> None:
    """Raises Conflict while a run of the task has not ended, and OutOfScope when it runs
    elsewhere."""
    _require_changeable(task, scope)
    if runs.has_active(task.id):
        raise Conflict("A run of this task has not ended yet. Wait for it, or cancel it.")
    for schedule in schedules.of_task(task.id, SCHEDULES_AT_MOST, None)[0]:
        schedules.delete(schedule.id)
    tasks.delete(task)
