"""From TOML to a task's definition. What is wrong is refused with line, key and reason."""

from collections.abc import Mapping
from typing import Any

import tomli

from chalicelib.patterns import InvalidPattern, Pattern
from chalicelib.tasks import param as param_limits
from chalicelib.tasks import task as limits
from chalicelib.tasks.param import Param, ParamType
from chalicelib.tasks.step_toml import read_mask, read_name, read_step
from chalicelib.tasks.task import Concurrency, Definition, Step
from chalicelib.tasks.toml_table import InvalidDefinition, Table

TASK_KEYS = ("Name", "Description", "Timeout", "Concurrency", "Template", "Params", "Mask", "step")
PARAM_KEYS = ("Type", "Default", "Pattern", "Choices", "Required", "Secret", "Description")
MAX_DESCRIPTION_BYTES = 4_096


def parse(source: str) -> Definition:
    """What the TOML says. Raises InvalidDefinition; agents are not looked up."""
    root = Table(source, _load(source), (), "")
    root.refuse_unknown(TASK_KEYS)
    name = read_name(root)
    if name is None:
        raise root.refuse("Name", 'is missing. Begin with: Name = "what the task does"')
    description = root.text("Description") or ""
    if len(description.encode()) > MAX_DESCRIPTION_BYTES:
        raise root.refuse("Description", f"must have at most {MAX_DESCRIPTION_BYTES} bytes.")
    params, mask = _params(root), read_mask(root)
    return Definition(
        name=name,
        description=description,
        timeout_seconds=root.duration("Timeout"),
        concurrency=root.choice("Concurrency", Concurrency) or Concurrency.ALLOW,
        is_template=root.flag("Template"),
        params=params,
        steps=_steps(root, params, mask),
    )


def _steps(root: Table, params: tuple[Param, ...], mask: tuple[str, ...]) -> tuple[Step, ...]:
    steps = root.values.get("step")
    if steps is None:
        raise root.refuse("step", "there is no [[step]]. A task needs at least one.")
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise root.refuse("step", "steps are written as [[step]], with two brackets.")
    if not 1 <= len(steps) <= limits.MAX_STEPS:
        found = f"a task has 1 to {limits.MAX_STEPS} steps, this one has {len(steps)}."
        raise root.refuse("step", found)
    for index, values in enumerate(steps):
        _refuse_hidden_params(root.source, values, index, params)
    return tuple(read_step(root.source, values, index, mask) for index, values in enumerate(steps))


def _refuse_hidden_params(
    source: str, values: Mapping[str, Any], index: int, params: tuple[Param, ...]
) -> None:
    """Parameters are variables too: one that Env sets again would silently be lost."""
    env = values.get("Env")
    for param in params:
        if isinstance(env, dict) and param.name in env:
            table = Table(source, values, ("step", index), f"step {index + 1}")
            raise table.refuse("Env", f"{param.name}: is a parameter's name already.", param.name)


def _load(source: str) -> dict[str, Any]:
    size = len(source.encode("utf-8", "surrogatepass"))
    if size > limits.MAX_DEFINITION_BYTES:
        at_most = f"at most {limits.MAX_DEFINITION_BYTES} bytes"
        message = f"A definition has {at_most}, this one has {size}."
        raise InvalidDefinition(message, line=None, column=None, key=None)
    try:
        return tomli.loads(source)
    except tomli.TOMLDecodeError as error:
        raise InvalidDefinition(
            f"line {error.lineno}, column {error.colno}: {error.msg}. This is not TOML.",
            line=error.lineno,
            column=error.colno,
            key=None,
        ) from error


# --- parameters


def _params(root: Table) -> tuple[Param, ...]:
    params = root.table("Params")
    if params is None:
        return ()
    if len(params.values) > param_limits.MAX_PARAMS:
        raise root.refuse("Params", f"at most {param_limits.MAX_PARAMS} parameters.")
    return tuple(_param(params, name) for name in params.values)


def _param(params: Table, name: str) -> Param:
    if (problem := param_limits.name_problem(name)) is not None:
        raise params.refuse(name, problem)
    table = params.table(name)
    if table is None:
        raise params.refuse(name, "must be a table.")
    table.refuse_unknown(PARAM_KEYS)
    required = table.flag("Required")
    if required and "Default" in table.values:
        raise table.refuse("Default", "a required parameter has no default.")
    secret = table.flag("Secret")
    if secret and "Default" in table.values:
        raise table.refuse(
            "Default", "a secret has no default: whoever reads the task would see it."
        )
    param = Param(
        name=name,
        description=table.text("Description") or "",
        type=table.choice("Type", ParamType) or ParamType.STRING,
        default=_default(table),
        pattern=_pattern(table),
        choices=tuple(_plain(each) for each in _choices(table)),
        required=required,
        secret=secret,
    )
    if param.default is not None and (problem := param.problem(param.default)) is not None:
        raise table.refuse("Default", problem)
    return param


def _default(table: Table) -> str | None:
    value = table.values.get("Default")
    if value is None:
        return None
    if not isinstance(value, (str, int, float)):
        raise table.refuse("Default", "must be text, a number, true or false.")
    return _plain(value)


def _plain(value: Any) -> str:
    """As it reaches the command."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _choices(table: Table) -> list[Any]:
    value = table.values.get("Choices")
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, (str, int)) for each in value):
        raise table.refuse("Choices", "must be a list of texts or numbers.")
    if not value:
        raise table.refuse("Choices", "names nothing to choose from.")
    return value


def _pattern(table: Table) -> str | None:
    pattern = table.text("Pattern")
    if pattern is None:
        return None
    if len(pattern) > param_limits.MAX_PATTERN_CHARACTERS:
        most = param_limits.MAX_PATTERN_CHARACTERS
        raise table.refuse("Pattern", f"must have at most {most} characters.")
    try:
        Pattern(pattern)
    except InvalidPattern as error:
        raise table.refuse("Pattern", error.message) from error
    return pattern
