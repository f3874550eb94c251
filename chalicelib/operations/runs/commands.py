"""Ad-hoc commands: a run of one step that belongs to no task."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import msgspec

from chalicelib.access.by import By
from chalicelib.access.scope import EVERYTHING, Scope
from chalicelib.agents.agent import AgentStatus
from chalicelib.dynamo import runs
from chalicelib.errors import AgentNotFound, BadParameter
from chalicelib.operations.agents.naming import ids_named
from chalicelib.operations.runs.choice import choose, named
from chalicelib.operations.runs.trigger import check_key, go_on, start
from chalicelib.operations.runs.waiting import statuses
from chalicelib.runs.run import Progress, Run, RunState, RunStep, Trigger
from chalicelib.settings import settings
from chalicelib.tasks.step_toml import read_step
from chalicelib.tasks.task import MAX_AGENT_NAMES, Step, is_agent_id, step_with_ids

COMMANDS = "commands"  # stands for the task of all such runs
TITLE_CHARACTERS = 60
LOOKED_AT = 500  # agents of a match whose status is told: five calls


def run_command(
    values: Mapping[str, Any],
    *,
    triggered_by: By,
    run_id: str,
    idempotency_key: str | None,
    now: datetime,
    scope: Scope = EVERYTHING,
) -> Progress:
    """Runs one step, given with the keys of a task's `[[step]]`; answers the run without its jobs.

    Raises InvalidDefinition for a bad key or value, AgentNotFound for an agent that is not known,
    and OutOfScope for agents outside of it, and where it names tasks: a command is of none. Agents
    are known by their ids, or by names that no other bears.
    """
    scope.require_new_task("run commands")
    step = read_step("", {**values, "Name": "command"}, 0)
    step = _with_ids(step, scope, now)
    _named_agents(step, scope)
    if idempotency_key is not None:
        check_key(idempotency_key)
        run_id, _ = runs.reserve_key(COMMANDS, triggered_by, idempotency_key, run_id, 0, now)
        if (earlier := go_on(run_id, now, scope)) is not None:
            return earlier
    run = Run(
        id=run_id,
        task_id=COMMANDS,
        task_name=_title(step),
        revision=0,
        step_count=1,
        state=RunState.QUEUED,
        triggered_by=triggered_by,
        created_at=now,
        expires_at=now + timedelta(days=settings.history_days),
        trigger=Trigger.COMMAND,
        scope=scope,
    )
    return start(run, [RunStep(step)], now)


class Match(msgspec.Struct, frozen=True):
    """Whom targets fit now, in the order of their names. `statuses` are those of the first, no more
    than a few hundred; by heartbeats alone."""

    agents: Mapping[str, str]
    statuses: Mapping[str, AgentStatus]


def match(targets: Mapping[str, Any], now: datetime, scope: Scope = EVERYTHING) -> Match:
    """The agents that a step with these keys (`ServerID`, `Targets`) would have; starts nothing.

    Raises InvalidDefinition, and what choosing the agents raises."""
    step = read_step("", {**targets, "Name": "match", "CMD": "true"}, 0)
    step = _with_ids(step, scope, now)
    names = _named_agents(step, scope) or choose(step.targets, now, scope).agents
    agents = dict(sorted(names.items(), key=lambda each: (each[1], each[0])))
    return Match(agents, statuses(islice(agents, LOOKED_AT), now))


def _named_agents(step: Step, scope: Scope) -> dict[str, str]:
    """The agents that the step names by their ids, if it names any, with their names. Raises
    AgentNotFound for those that are not there, or out of scope."""
    known = named(step.targets.agent_ids).values()
    inside = {each.id: each.name for each in known if scope.holds_agent(each.labels, each.group)}
    if unknown := set(step.targets.agent_ids) - inside.keys():
        raise AgentNotFound(f"There is no agent '{min(unknown)}'.")
    return inside


def _with_ids(step: Step, scope: Scope, now: datetime) -> Step:
    names = [each for each in step.targets.agent_ids if not is_agent_id(each)]
    if len(names) > MAX_AGENT_NAMES:
        raise BadParameter(f"{MAX_AGENT_NAMES} agents at most may be called by their names.")
    bear = ids_named(names, scope, now)
    if several := [name for name, ids in bear.items() if len(ids) > 1]:
        shown = ", ".join(bear[several[0]])
        raise BadParameter(f"Several agents are named '{several[0]}': {shown}. Give an id.")
    return step_with_ids(step, {name: ids[0] for name, ids in bear.items() if ids})


def _title(step: Step) -> str:
    """The first line, cut to what fits into a list."""
    text = " ".join((step.command or step.script or "").split())
    return text if len(text) <= TITLE_CHARACTERS else f"{text[: TITLE_CHARACTERS - 1]}…"
