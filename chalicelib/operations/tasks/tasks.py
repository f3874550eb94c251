"""Saving and finding tasks."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec.structs import replace

from chalicelib.access.by import By
from chalicelib.access.scope import EVERYTHING, OutOfScope, Scope
from chalicelib.dynamo import agents, runs, schedules, tasks
from chalicelib.errors import BadParameter, Conflict, NotFound
from chalicelib.operations.agents.naming import ids_named
from chalicelib.tasks.param_lint import Finding, lint, refuse
from chalicelib.tasks.task import (
    MAX_AGENT_NAMES,
    Definition,
    Step,
    StoredRevision,
    StoredTask,
    agent_ids,
    is_agent_id,
    with_ids,
)
from chalicelib.tasks.task_toml import parse
from chalicelib.tasks.toml_faults import with_errors
from chalicelib.tasks.toml_lines import line_of
from chalicelib.tasks.toml_table import InvalidDefinition

SHOWN_IDS = 5  # of agents that bear one name
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


class Checked(msgspec.Struct, frozen=True):
    """What a TOML says, with ids in place of agents' names; `agents` are those ids by name, and
    `findings` what is to be said of how it uses its parameters."""

    definition: Definition
    agents: Mapping[str, str]
    findings: tuple[Finding, ...]


def check(source: str, now: datetime, scope: Scope = EVERYTHING) -> Checked:
    """What the TOML says. Raises InvalidDefinition, also for parameters where a value could run
    something, for agents that do not exist or are outside of the scope and for names that not
    exactly one bears, and OutOfScope for targets that may ever fit others."""
    written = parse(source)
    findings = lint(source, written)
    refuse(findings)
    _require_within(written, scope)
    names = sorted(each for each in agent_ids(written) if not is_agent_id(each))
    if len(names) > MAX_AGENT_NAMES:
        raise BadParameter(
            f"The task calls {len(names)} agents by their names, and {MAX_AGENT_NAMES} at most are "
            "looked up. Give their ids, or Targets."
        )
    bear = ids_named(names, scope, now)
    by_name = {name: ids[0] for name, ids in bear.items() if len(ids) == 1}
    definition = with_ids(written, by_name)
    known = _inside(definition, scope)
    faults = list(_agent_faults(source, written, by_name, known, bear))
    if faults:
        raise with_errors(faults[0], faults)
    return Checked(definition, by_name, findings)


def _agent_faults(
    source: str,
    written: Definition,
    by_name: Mapping[str, str],
    known: set[str],
    bear: Mapping[str, Sequence[str]],
) -> Iterator[InvalidDefinition]:
    """Of each step that calls an agent which there is not, or which another one is called too."""
    for index, step in enumerate(written.steps):
        called: dict[str, str] = {}
        for each in step.targets.agent_ids:
            agent_id = by_name.get(each, each)
            problem = _problem(each, agent_id in known, bear.get(each, ()))
            if problem is None and agent_id in called:
                problem = f"'{called[agent_id]}' and '{each}' are the same agent."
            called[agent_id] = each
            if problem is not None:
                yield _fault(source, index, step, problem)
                break


def _problem(called: str, is_known: bool, ids: Sequence[str]) -> str | None:
    if is_known:
        return None
    if len(ids) > 1:
        shown = ", ".join(ids[:SHOWN_IDS]) + (", …" if len(ids) > SHOWN_IDS else "")
        return f"{len(ids)} agents are named '{called}': {shown}. Give the id of the one you mean."
    what = "agent" if is_agent_id(called) else "agent with the name"
    return f"there is no {what} '{called}'. 'plumber-cli agent list' shows those that there are."


def _fault(source: str, index: int, step: Step, problem: str) -> InvalidDefinition:
    path = ("step", index, "ServerID")
    line = line_of(source, path)
    where = f"line {line}, step {step.number} ('{step.name}'), ServerID"
    return InvalidDefinition(
        f"{where}: {problem}", path, line=line, column=None, key=f"step[{step.number}].ServerID"
    )


def names_of(definition: Definition, scope: Scope) -> dict[str, str]:
    """What the agents that it names are called, by id; those that there are, inside of the scope.
    A call for a hundred."""
    known = agents.get_many(agent_ids(definition)).values()
    return {each.id: each.name for each in known if scope.holds_agent(each.labels, each.group)}


def _inside(definition: Definition, scope: Scope) -> set[str]:
    """Those of the agents that a definition names which exist, and are inside of the scope."""
    return set(names_of(definition, scope))


def _require_within(definition: Definition, scope: Scope) -> None:
    for step in definition.steps:
        if not step.targets.is_fixed and not step.targets.stay_within(scope):
            raise OutOfScope(
                f"step {step.number} ('{step.name}') is for {step.targets.describe()}, which may "
                f"fit agents outside of the scope. Its targets need {scope.describe()}."
            )


def _require_changeable(task: StoredTask, scope: Scope) -> None:
    """Raises OutOfScope for a task that runs on agents outside of the scope: it is others' too."""
    definition = parse(task.definition, task.agents)
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
    checked = check(source, now, scope)
    definition = checked.definition
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
        agents=checked.agents,
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
    """Saves the next revision of a task; the same text again changes nothing, unless it calls
    agents by names that others bear by now.

    Raises InvalidDefinition, BadParameter without the revision that is to be replaced, Conflict
    when that is not the current one or the new name is taken, and OutOfScope for what runs
    elsewhere, before the change or after it.
    """
    if revision is None:
        raise BadParameter("Say which revision this replaces: the key 'revision' is missing.")
    is_same = source == old.definition and revision in (old.revision, old.revision - 1)
    if is_same and not old.agents:
        return old
    _require_changeable(old, scope)
    checked = check(source, now, scope)
    if is_same and checked.agents == old.agents:
        return old
    definition = checked.definition
    new = replace(
        old,
        name=definition.name,
        revision=revision + 1,
        step_count=len(definition.steps),
        updated_at=now,
        updated_by=updated_by,
        definition=source,
        is_template=definition.is_template,
        agents=checked.agents,
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
