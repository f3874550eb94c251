"""How things look: tables for people, JSON for programs, colours on a terminal."""

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

import click

from plumber_cli import terminal

COLOURS = {
    "succeeded": "green",
    "online": "green",
    "failed": "red",
    "timed_out": "red",
    "lost": "red",
    "undelivered": "red",
    "offline": "red",
    "running": "blue",
    "claimed": "blue",
    "cancelling": "yellow",
    "cancelled": "yellow",
    "disabled": "yellow",
}


def state(word: str) -> str:
    """A state in its colour."""
    return click.style(word, fg=COLOURS.get(word)) if terminal.has_colours() else word


def as_json(document: Any) -> None:
    """For programs."""
    terminal.as_json(document, indent=2)


def hint(text: str) -> None:
    """For people, beside the answer: it goes to standard error."""
    terminal.say(text, err=True)


def warn(text: str) -> None:
    """Something that is wrong although the command goes on."""
    mark = click.style("Warning:", fg="yellow") if terminal.has_colours(err=True) else "Warning:"
    terminal.say(f"{mark} {text}", err=True)


# --- text


def clean(text: str) -> str:
    """Text as it is printed into a line, where its width counts."""
    return terminal.visible(text, colours=terminal.has_colours()).replace("\t", "^I")


def width(text: str) -> int:
    """How many columns the text takes on a terminal."""
    return sum(_columns(c) for c in click.unstyle(text))


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) == "Cf":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def pad(text: str, columns: int) -> str:
    """The text, and spaces up to so many columns."""
    return text + " " * (columns - width(text))


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell, wide characters counted as two."""
    lines = [headings, *([clean(cell) for cell in row] for row in rows)]
    widths = [max(width(line[column]) for line in lines) for column in range(len(headings))]
    for line in lines:
        cells = [pad(cell, columns) for cell, columns in zip(line, widths, strict=True)]
        terminal.say("  ".join(cells).rstrip())


def facts(lines: Mapping[str, str]) -> None:
    """Names and values below each other."""
    widest = max(map(width, lines))
    for name, value in lines.items():
        terminal.say(f"{pad(name, widest)}  {clean(value)}".rstrip())


def by(who: Mapping[str, str]) -> str:
    """Who did something: `ci (token)`, `schedule @daily`, or the installation's own name."""
    if who["kind"] == "system":
        return who["name"]
    if who["kind"] == "schedule":
        return f"schedule {who['name']}"
    return f"{who['name']} ({who['kind']})"


def reason(job: Mapping[str, Any]) -> str:
    """Why a job ended as it did; who cancelled it, where nothing else is said."""
    if job["reason"] or not job["stopped_by"]:
        return job["reason"] or ""
    return f"Cancelled by {by(job['stopped_by'])}."


def scope(given: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """What a token is narrowed to, given the names of tasks; a dash for nothing."""
    parts = [f"task {names.get(each, each)}" for each in given["tasks"]]
    parts += [f"{key}={value}" for key, value in given["labels"].items()]
    parts += [f"group {each}" for each in given["groups"]]
    return ", ".join(parts) or "-"


# --- time


def instant(text: str) -> datetime:
    """An instant of the API."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def when(text: str | None, now: datetime | None = None) -> str:
    """How long ago, or in how long; a dash for never."""
    if text is None:
        return "-"
    seconds = ((now or _now()) - instant(text)).total_seconds()
    span = rough(abs(seconds))
    return f"in {span}" if seconds < -1 else f"{span} ago"


def at(text: str | None, now: datetime | None = None) -> str:
    """The time of day here, and how long ago that was; a dash for never."""
    if text is None:
        return "-"
    here = instant(text).astimezone()
    return f"{here:%Y-%m-%d %H:%M:%S} ({when(text, now)})"


def _now() -> datetime:
    return datetime.now(timezone.utc)  # noqa: TID251  a person reads it now


def rough(seconds: float) -> str:
    """A span in its largest unit."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"


def duration(seconds: float | None) -> str:
    """1.2s, 3m04s, 2h05m; a dash where there is none."""
    if seconds is None:
        return "-"
    if round(seconds, 1) < 60:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 3_600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3_600}h{whole % 3_600 // 60:02d}m"


def exit_code(code: int | None) -> str:
    """A dash where there is none."""
    return "-" if code is None else str(code)
