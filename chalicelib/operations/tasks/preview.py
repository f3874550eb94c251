"""Previews: what a run of a task would do now. Nothing is started, nothing written."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from chalicelib.access.scope import EVERYTHING, OutOfScope, Scope
from chalicelib.operations.runs.choice import TooManyAgents, choose
from chalicelib.runs.wave import max_failures, waves
from chalicelib.tasks.param import fill, hidden
from chalicelib.tasks.param_lint import Finding, lint
from chalicelib.tasks.task import Step, StoredTask
from chalicelib.tasks.task_toml import parse


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
    """All steps, the parameters that they would have, and what is to be said of their use."""

    task: StoredTask
    parameters: Mapping[str, str]
    steps: tuple[PreviewedStep, ...]
    findings: tuple[Finding, ...]


def preview(
    task: StoredTask, parameters: Mapping[str, str], now: datetime, scope: Scope = EVERYTHING
) -> Preview:
    """Raises InvalidParameters."""
    definition = parse(task.definition)
    values = hidden(fill(definition.params, parameters), definition.secrets)
    return Preview(
        task,
        values,
        tuple(_step(each, now, scope) for each in definition.steps),
        lint(task.definition, definition),
    )


def _step(step: Step, now: datetime, scope: Scope) -> PreviewedStep:
    agents, problem = _agents(step, now, scope)
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


def _agents(step: Step, now: datetime, scope: Scope) -> tuple[list[tuple[str, str]], str | None]:
    """Pairs of id and name, and what is wrong with them."""
    try:
        agents = list(choose(step.targets, now, scope).agents.items())
    except (TooManyAgents, OutOfScope) as error:
        return [], error.message
    is_missing = not agents and not step.targets.allow_empty
    return agents, f"No agent fits {step.targets.describe()}." if is_missing else None
