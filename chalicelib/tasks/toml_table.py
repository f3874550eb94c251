"""Reading the tables of a task's TOML: each value with its type, each refusal with its line."""

import difflib
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

import msgspec

from chalicelib.errors import BadParameter
from chalicelib.tasks import task as limits
from chalicelib.tasks.task import Amount
from chalicelib.tasks.toml_lines import Path, line_of

_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+", re.ASCII)
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*%", re.ASCII)

Choice = TypeVar("Choice", bound=Enum)


class InvalidDefinition(BadParameter):
    """The task's definition is wrong. `details` has line, column and key, each None if unknown."""


class Table(msgspec.Struct, frozen=True):
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
            f"{where}: {reason}", line=line, column=None, key=spell((*self.path, key, *deeper))
        )

    def refuse_unknown(self, known: tuple[str, ...]) -> None:
        """Raises for the first key that is not known."""
        for key in self.values:
            if key not in known:
                spelled = {each.lower(): each for each in known}
                close = difflib.get_close_matches(key.lower(), spelled, cutoff=0.5)
                hint = f"Did you mean {spelled[close[0]]}?" if close else ""
                advice = hint or f"Known are {', '.join(known)}."
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

    def integer(self, key: str, least: int, most: int) -> int | None:
        """A whole number within bounds, or None where there is none."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.refuse(key, f"must be a whole number from {least} to {most}.")
        return value

    def number(self, key: str, least: float, most: float) -> float | None:
        """A number within bounds, or None where there is none."""
        value = self.values.get(key)
        if value is None:
            return None
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not least <= value <= most:
            raise self.refuse(key, f"must be a number from {least:g} to {most:g}.")
        return float(value)

    def flag(self, key: str) -> bool:
        """True or false; false where there is none."""
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            raise self.refuse(key, f"must be true or false, not {_kind(value)}.")
        return value

    def amount(self, key: str, least: int) -> Amount | None:
        """A number of agents or a percentage in quotes, or None where there is none."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and value >= least:
            return Amount(min(value, limits.MAX_AGENTS_PER_STEP))
        found = _PERCENT.fullmatch(value) if isinstance(value, str) else None
        if found and (0 if least == 0 else 0.001) <= float(found[1]) <= 100:
            return Amount(float(found[1]), is_percent=True)
        low = "0" if least == 0 else "1"
        raise self.refuse(key, f'must be a number of agents from {low} on, or such as "25%".')

    def choice(self, key: str, kind: type[Choice]) -> Choice | None:
        """One of the words of an enum, or None where there is none."""
        value = self.values.get(key)
        if value is None:
            return None
        words = [each.value for each in kind]
        if value not in words:
            raise self.refuse(key, f"must be one of {', '.join(words)}.")
        return kind(value)

    def texts(self, key: str) -> list[str] | None:
        """A list of strings, or None where there is none."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self.refuse(key, "must be a list of texts in quotes.")
        return value

    def table(self, key: str) -> "Table | None":
        """A table in this one, or None where there is none."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.refuse(key, f"must be a table, not {_kind(value)}.")
        label = f"{self.label}, {key}" if self.label else key
        return Table(self.source, value, (*self.path, key), label)


def spell(path: Path) -> str:
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
