"""Previews: what a run of a task would do now. Nothing is started, nothing written."""

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.operations.choice import choose
from chalicelib.operations.tasks import existing_task
from chalicelib.param import fill, filled, hidden
from chalicelib.task import Step, StoredTask
from chalicelib.task_toml import parse
from chalicelib.wave import max_failures, waves


@dataclass(frozen=True)
class PreviewedWave:
    """Agents of which `at_once` are active at most: pairs of id and name."""

    at_once: int
    agents: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class PreviewedStep:
    """A step with the agents that it would have. `text` is what would run, for people to read."""

    step: Step
    text: str
    max_failures: int
    problem: str | None
    waves: tuple[PreviewedWave, ...]


@dataclass(frozen=True)
class Preview:
    """All steps, with the parameters filled in."""

    task: StoredTask
    parameters: Mapping[str, str]
    steps: tuple[PreviewedStep, ...]


def preview(task_id: str, parameters: Mapping[str, str]) -> Preview:
    """Raises NotFound and InvalidParameters."""
    task = existing_task(task_id)
    definition = parse(task.definition)
    values = hidden(fill(definition.params, parameters), definition.secrets)
    return Preview(task, values, tuple(_step(step, values) for step in definition.steps))


def _step(step: Step, values: Mapping[str, str]) -> PreviewedStep:
    agents = list(choose(step.targets).items())
    is_missing = not agents and not step.targets.allow_empty
    return PreviewedStep(
        step=step,
        text=filled(step.command or step.script or "", values),
        max_failures=max_failures(step, len(agents)),
        problem=f"No agent fits {step.targets.describe()}." if is_missing else None,
        waves=tuple(
            PreviewedWave(wave.slots, tuple(agents[wave.first : wave.end]))
            for wave in waves(step, len(agents))
        ),
    )
