"""Parameters of a task: checked before anything starts, and data in a command, never code. Pure."""

import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import Enum

import msgspec

from chalicelib.errors import BadParameter
from chalicelib.patterns import Pattern

MAX_PARAMS = 64
MAX_VALUE_BYTES = 8_192
MAX_ALL_BYTES = 64 << 10  # names and values: a run stands in one item of at most 400 KB
MAX_PATTERN_CHARACTERS = 256
MASK = "***"  # what is shown in place of a secret, in logs too
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]{1,18})?")


class ParamType(str, Enum):
    """What a value must look like. All values are text on the way."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"


_FORMS = {
    ParamType.INTEGER: (_INTEGER, "a whole number"),
    ParamType.NUMBER: (_NUMBER, "a number"),
    ParamType.BOOLEAN: (re.compile(r"true|false"), "true or false"),
}


class Param(msgspec.Struct, frozen=True):
    """One `[Params.name]`. Required when it has no default, or when it says so. The value of a
    secret one is not shown, and masked in logs."""

    name: str
    description: str = ""
    type: ParamType = ParamType.STRING
    default: str | None = None
    pattern: str | None = None
    choices: tuple[str, ...] = ()
    required: bool = False
    secret: bool = False

    def problem(self, value: str) -> str | None:
        """Why a value is refused, for a person; None when it is right."""
        problem = self._problem(value)
        return "is not what the task allows." if problem and self.secret else problem

    def _problem(self, value: str) -> str | None:
        form, words = _FORMS.get(self.type, (None, ""))
        if "\0" in value:
            return "must not contain NUL characters."
        if len(value.encode("utf-8", "surrogatepass")) > MAX_VALUE_BYTES:
            return f"must have at most {MAX_VALUE_BYTES} bytes."
        if form is not None and not form.fullmatch(value):
            return f"must be {words}, not '{value[:40]}'."
        if self.choices and value not in self.choices:
            return f"must be one of {', '.join(self.choices)}, not '{value[:40]}'."
        if self.pattern is not None and not Pattern(self.pattern).fits(value):
            return f"'{value[:40]}' does not match the pattern {self.pattern}."
        return None


class InvalidParameters(BadParameter):
    """Parameters that a trigger was given are wrong. `details` maps each name to its reason."""


def fill(params: Sequence[Param], given: Mapping[str, str]) -> dict[str, str]:
    """The values of all parameters: those given, and defaults. Raises InvalidParameters."""
    _check_size(given)  # before patterns are matched, which takes as long as there is text
    known = {param.name for param in params}
    wrong = {
        name: f"is not known. The task has {', '.join(sorted(known)) or 'no parameters'}."
        for name in given
        if name not in known
    }
    values: dict[str, str] = {}
    for param in params:
        value = given.get(param.name, None if param.required else param.default)
        if value is None:
            wrong[param.name] = "is required."
        elif (problem := param.problem(value)) is not None:
            wrong[param.name] = problem
        else:
            values[param.name] = value
    if wrong:
        text = " ".join(f"{name}: {reason}" for name, reason in wrong.items())
        raise InvalidParameters(f"Parameters: {text}", parameters=wrong)
    _check_size(values)
    return values


def _check_size(values: Mapping[str, str]) -> None:
    """Raises InvalidParameters for more text than a run has room for."""
    size = sum(
        len(f"{name}{value}".encode("utf-8", "surrogatepass")) for name, value in values.items()
    )
    if size > MAX_ALL_BYTES:
        raise InvalidParameters(
            f"Parameters: all of them together have {size} bytes, and may have {MAX_ALL_BYTES}. "
            "Put what is larger where the command can fetch it."
        )


def split(
    values: Mapping[str, str], secrets: Collection[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Those that anybody may read, and the secret ones."""
    plain = {name: value for name, value in values.items() if name not in secrets}
    return plain, {name: value for name, value in values.items() if name in secrets}


def hidden(values: Mapping[str, str], secrets: Collection[str]) -> dict[str, str]:
    """The values for people to read: secret ones as `MASK`."""
    return {name: MASK if name in secrets else value for name, value in values.items()}


def quoted(command: str, names: Collection[str]) -> str:
    """The shell command with `"${name}"` for each `${name}` that stands outside of quotes.

    Values never become part of the command's text: they are variables of its environment, and the
    shell does not parse what a variable holds. So a value cannot inject anything, and in double
    quotes it is not split into words either. Where this misjudges the quoting (here-documents),
    a value may be split, and nothing worse.
    """
    return "".join(
        f'"{piece}"' if is_bare and _name_of(piece) in names else piece
        for piece, is_bare in _pieces(command)
    )


def filled(command: str, values: Mapping[str, str]) -> str:
    """The command with its values in it, for people to read: it is never run."""
    return "".join(
        (shlex.quote(values[name]) if is_bare else values[name])
        if (name := _name_of(piece)) in values
        else piece
        for piece, is_bare in _pieces(command)
    )


def _name_of(piece: str) -> str:
    found = _REFERENCE.fullmatch(piece)
    return found[1] if found else ""


_PIECE = re.compile(r"""\\.|\$\{[A-Za-z_][A-Za-z0-9_]*\}|['"]|[^\\$'"]+|.""", re.DOTALL)


def _pieces(command: str) -> Iterator[tuple[str, bool]]:
    """The command cut at references, each piece with whether it stands outside of quotes.

    In single quotes a reference is no reference: the piece is cut into its first character.
    """
    quote = ""
    for found in _PIECE.finditer(command):
        piece = found[0]
        if quote == "'" and _name_of(piece):
            yield "$", False
            yield piece[1:], False
            continue
        if quote == "'" and piece[0] == "\\" and piece.endswith("'"):
            quote = ""  # in single quotes a backslash escapes nothing
        elif piece == quote:
            quote = ""
        elif piece in ("'", '"') and not quote:
            quote = piece
        yield piece, not quote
