"""From TOML to a task's definition. What is wrong is refused with line, key and reason."""

import difflib
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import tomli

from chalicelib import task as limits
from chalicelib.errors import BadParameter
from chalicelib.task import Definition, Step
from chalicelib.toml_lines import Path, line_of

_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

TASK_KEYS = ("Name", "Timeout", "step")
STEP_KEYS = ("Name", "ServerID", "Path", "CMD", "Timeout", "Env")


class InvalidDefinition(BadParameter):
    """The task's definition is wrong. `details` has line, column and key, each None if unknown."""


@dataclass(frozen=True)
class _Table:
    """A table of the document, with what is needed to say where something in it is wrong."""

    source: str
    values: Mapping[str, Any]
    path: Path
    label: str

    def refuse(self, key: str, reason: str, *deeper: str) -> InvalidDefinition:
        """The error for a key of this table, or for one further in."""
        line = line_of(self.source, (*self.path, key, *deeper))
        where = ", ".join(
            part for part in (f"line {line}" if line else "", self.label, key) if part
        )
        return InvalidDefinition(
            f"{where}: {reason}", line=line, column=None, key=_spell((*self.path, key, *deeper))
        )

    def refuse_unknown(self, known: tuple[str, ...]) -> None:
        """Raises for the first key that is not known."""
        for key in self.values:
            if key not in known:
                close = difflib.get_close_matches(key.lower(), [k.lower() for k in known], 1, 0.5)
                hint = next((k for k in known if close and k.lower() == close[0]), None)
                advice = f"Did you mean {hint}?" if hint else f"Known are {', '.join(known)}."
                raise self.refuse(key, f"unknown key. {advice}")

    def text(self, key: str) -> str | None:
        """A string, or None where there is none."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.refuse(key, f"must be text in quotes, not {_kind(value)}.")
        if "\0" in value:
            raise self.refuse(key, "must not contain NUL characters.")
        return value

    def duration(self, key: str) -> float | None:
        """Seconds, or None where there is none."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.refuse(key, 'must be a duration in quotes, such as "30s" or "1h30m".')
        if not _DURATION.fullmatch(value):
            raise self.refuse(key, f'\'{value[:40]}\' is no duration. Write "30s" or "1h30m".')
        seconds = sum(float(n) * _SECONDS[unit] for n, unit in _DURATION_PART.findall(value))
        if not 0 < seconds <= limits.MAX_DURATION_SECONDS:
            raise self.refuse(key, "must be more than nothing and at most 30d.")
        return seconds


def _spell(path: Path) -> str:
    """`step[2].Env.A`, counting from 1 as the panel and the CLI do."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _kind(value: Any) -> str:
    kinds: tuple[tuple[type, str], ...] = (
        (bool, "true or false"),
        (int, "a number"),
        (float, "a number"),
        (str, "text"),
        (list, "a list"),
        (dict, "a table"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), "a date or time")


def parse(source: str) -> Definition:
    """What the TOML says. Raises InvalidDefinition; agents are not looked up."""
    root = _Table(source, _load(source), (), "")
    root.refuse_unknown(TASK_KEYS)
    name = _name(root)
    if name is None:
        raise root.refuse("Name", 'is missing. Begin with: Name = "what the task does"')
    timeout = root.duration("Timeout")
    steps = root.values.get("step")
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        if steps is None:
            raise root.refuse("step", "there is no [[step]]. A task needs at least one.")
        raise root.refuse("step", "steps are written as [[step]], with two brackets.")
    if not 1 <= len(steps) <= limits.MAX_STEPS:
        found = f"a task has 1 to {limits.MAX_STEPS} steps, this one has {len(steps)}."
        raise root.refuse("step", found)
    return Definition(
        name=name,
        timeout_seconds=timeout,
        steps=tuple(_step(source, values, index) for index, values in enumerate(steps)),
    )


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


def _step(source: str, values: Mapping[str, Any], index: int) -> Step:
    given = values.get("Name")
    quoted = f" ('{given[:40]}')" if isinstance(given, str) and given.strip() else ""
    table = _Table(source, values, ("step", index), f"step {index + 1}{quoted}")
    table.refuse_unknown(STEP_KEYS)
    return Step(
        number=index + 1,
        name=_name(table) or f"step {index + 1}",
        agent_ids=_agent_ids(table),
        path=_path(table),
        command=_command(table),
        env=_env(table),
        timeout_seconds=table.duration("Timeout"),
    )


def _name(table: _Table) -> str | None:
    text = table.text("Name")
    if text is None:
        return None
    name = text.strip()
    if not 1 <= len(name) <= limits.MAX_NAME_CHARACTERS or not name.isprintable():
        at_most = limits.MAX_NAME_CHARACTERS
        raise table.refuse("Name", f"must have 1 to {at_most} printable characters, on one line.")
    return name


def _agent_ids(table: _Table) -> tuple[str, ...]:
    value = table.values.get("ServerID")
    if value is None:
        raise table.refuse("ServerID", "is missing: the id of the agent that runs this step.")
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise table.refuse("ServerID", "must be an agent's id in quotes, or a list of them.")
    if not 1 <= len(given) <= limits.MAX_AGENTS_PER_STEP:
        at_most = limits.MAX_AGENTS_PER_STEP
        raise table.refuse("ServerID", f"must name 1 to {at_most} agents, not {len(given)}.")
    ids = tuple(_uuid(table, text) for text in given)
    twice = next((each for each in ids if ids.count(each) > 1), None) if len(ids) > 1 else None
    if twice is not None:
        raise table.refuse("ServerID", f"names the agent '{twice}' twice.")
    return ids


def _uuid(table: _Table, text: str) -> str:
    try:
        parsed = str(uuid.UUID(text))
    except ValueError:
        parsed = ""
    if parsed != text.lower():
        raise table.refuse("ServerID", f"'{text[:40]}' is no agent's id: those are UUIDs.")
    return parsed


def _bytes(text: str) -> int:
    return len(text.encode())


def _path(table: _Table) -> str | None:
    path = table.text("Path")
    if path is None:
        return None
    if not path.startswith("/"):
        raise table.refuse(
            "Path", f"must be absolute, as in \"/opt/project\"; '{path[:40]}' is not."
        )
    if _bytes(path) > limits.MAX_PATH_BYTES:
        raise table.refuse("Path", f"must have at most {limits.MAX_PATH_BYTES} bytes.")
    return path


def _command(table: _Table) -> str:
    command = table.text("CMD")
    if command is None or not command.strip():
        raise table.refuse("CMD", "is missing: the command that this step runs.")
    if _bytes(command) > limits.MAX_COMMAND_BYTES:
        raise table.refuse(
            "CMD",
            f"must have at most {limits.MAX_COMMAND_BYTES} bytes, this one has {_bytes(command)}. "
            "Put long scripts into a file on the machine.",
        )
    return command


def _env(table: _Table) -> dict[str, str]:
    value = table.values.get("Env", {})
    if not isinstance(value, dict):
        raise table.refuse("Env", 'must be a table, as in Env = { STAGE = "prod" }.')
    checks: tuple[tuple[Callable[[str, Any], bool], str], ...] = (
        (lambda name, _: _ENV_NAME.fullmatch(name) is None, "is no name of a variable."),
        (
            lambda name, _: name.startswith(limits.RESERVED_ENV_PREFIX),
            f"names that begin with {limits.RESERVED_ENV_PREFIX} are the product's own.",
        ),
        (lambda _, text: not isinstance(text, str), "must be text in quotes."),
        (lambda _, text: "\0" in text, "must not contain NUL characters."),
        (
            lambda _, text: _bytes(text) > limits.MAX_ENV_VALUE_BYTES,
            f"must have at most {limits.MAX_ENV_VALUE_BYTES} bytes.",
        ),
    )
    for name, text in value.items():
        for is_wrong, reason in checks:
            if is_wrong(name, text):
                raise table.refuse("Env", f"{name[:40]}: {reason}", name)
    if len(value) > limits.MAX_ENV_ENTRIES:
        raise table.refuse("Env", f"must have at most {limits.MAX_ENV_ENTRIES} variables.")
    if sum(_bytes(name) + _bytes(text) for name, text in value.items()) > limits.MAX_ENV_BYTES:
        raise table.refuse("Env", f"must have at most {limits.MAX_ENV_BYTES} bytes in all.")
    return dict(value)
