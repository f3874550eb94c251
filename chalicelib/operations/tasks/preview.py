"""Previews: what a run of a task would do now. Nothing is started, nothing written."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from chalicelib.access.scope import EVERYTHING, OutOfScope, Scope
from chalicelib.agents.agent import AgentStatus
from chalicelib.operations.runs.choice import TooManyAgents, choose
from chalicelib.operations.runs.waiting import statuses
from chalicelib.runs.wave import max_failures, waves
from chalicelib.tasks.param import fill, hidden
from chalicelib.tasks.param_lint import Finding, lint
from chalicelib.tasks.task import Step, StoredTask
from chalicelib.tasks.task_toml import parse

Agents = tuple[list[tuple[str, str]], str | None]  # see `_agents`


class PreviewedWave(msgspec.Struct, frozen=True):
    """Agents of which `at_once` are active at most: pairs of id and name."""

    at_once: int
    agents: tuple[tuple[str, str], ...]


class PreviewedStep(msgspec.Struct, frozen=True):
    """A step with the agents that it would have. `text` is what would run: as it was written, since
    parameters are its variables."""

    step: Step
    text: str
    max_failures: int
    problem: str | None
    waves: tuple[PreviewedWave, ...]


class Preview(msgspec.Struct, frozen=True):
    """All steps, the parameters that they would have, what is to be said of their use; and which of
    the agents are there, by id."""

    task: StoredTask
    parameters: Mapping[str, str]
    steps: tuple[PreviewedStep, ...]
    findings: tuple[Finding, ...]
    agents: Mapping[str, AgentStatus]


def preview(
    task: StoredTask, parameters: Mapping[str, str], now: datetime, scope: Scope = EVERYTHING
) -> Preview:
    """Raises InvalidParameters."""
    definition = parse(task.definition, task.agents)
    values = hidden(fill(definition.params, parameters), definition.secrets)
    choose_once = _Once(now, scope)
    steps = tuple(_step(each, choose_once(each)) for each in definition.steps)
    chosen = {id for step in steps for wave in step.waves for id, _ in wave.agents}
    findings = lint(task.definition, definition)
    return Preview(task, values, steps, findings, statuses(chosen, now))


class _Once:
    """Chooses the agents of steps; those of steps with the same targets once, since all of them may
    have to be looked at, and whoever may read tasks may ask for it."""

    def __init__(self, now: datetime, scope: Scope) -> None:
        self._now, self._scope = now, scope
        self._known: dict[bytes, Agents] = {}

    def __call__(self, step: Step) -> Agents:
        wanted = msgspec.json.encode(step.targets)
        if wanted not in self._known:
            self._known[wanted] = _agents(step, self._now, self._scope)
        return self._known[wanted]


def _step(step: Step, chosen: Agents) -> PreviewedStep:
    agents, problem = chosen
    return PreviewedStep(
        step=step,
        text=step.command or step.script or "",
        max_failures=max_failures(step, len(agents)),
        problem=problem,
        waves=tuple(
            PreviewedWave(wave.slots, tuple(agents[wave.first : wave.end]))
            for wave in waves(step, len(agents))
        ),
    )


def _agents(step: Step, now: datetime, scope: Scope) -> Agents:
    """Pairs of id and name, and what is wrong with them."""
    try:
        agents = list(choose(step.targets, now, scope).agents.items())
    except (TooManyAgents, OutOfScope) as error:
        return [], error.message
    is_missing = not agents and not step.targets.allow_empty
    return agents, f"No agent fits {step.targets.describe()}." if is_missing else None
