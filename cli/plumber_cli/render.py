"""How things look: tables for people, JSON for programs, colours on a terminal."""

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

import click

from plumber_cli import terminal

GAP = "  "
NARROWEST = 12  # columns of a cell that is cut: every state has room

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
    """Columns as wide as their widest cell, wide characters counted as two. On a terminal that is
    too narrow the widest are cut, but for the first one, which others are told by."""
    lines = [headings, *([clean(cell) for cell in row] for row in rows)]
    widths = [max(width(line[column]) for line in lines) for column in range(len(headings))]
    if terminal.is_terminal():
        widths = fitted(widths, terminal.columns() - len(GAP) * (len(widths) - 1))
    for line in lines:
        cells = [pad(cut(cell, room), room) for cell, room in zip(line, widths, strict=True)]
        terminal.say(GAP.join(cells).rstrip())


def fitted(widths: Sequence[int], room: int) -> list[int]:
    """The widths of columns that have so much room together: the widest give way first, none below
    NARROWEST, and the first one not at all."""
    fit = list(widths)
    while sum(fit) > room and max(fit[1:], default=0) > NARROWEST:
        fit[fit.index(max(fit[1:]), 1)] -= 1
    return fit


def cut(text: str, columns: int) -> str:
    """The text, or what there is room for and a mark; without its colours then."""
    if width(text) <= columns:
        return text
    kept, used = "", 0
    for character in click.unstyle(text):
        used += _columns(character)
        if used > columns - 1:
            break
        kept += character
    return f"{kept}…"


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


def outcome(run: Mapping[str, Any]) -> str:
    """A run's state in its colour, and how many failures it has tolerated."""
    number = run["tolerated_failures"]
    failures = "1 failure" if number == 1 else f"{number} failures"
    return f"{state(run['state'])}, {failures} tolerated" if number else state(run["state"])


def reason(job: Mapping[str, Any]) -> str:
    """Why a job ended as it did; who cancelled it, where nothing else is said; of one that waits
    for an agent which is not there, that it is not."""
    if is_waiting_in_vain(job):
        return f"{job['agent_name']} is {not_there(job)}; undelivered {when(job['deliver_by'])}"
    if job["reason"] or not job["stopped_by"]:
        return job["reason"] or ""
    return f"Cancelled by {by(job['stopped_by'])}."


def is_waiting_in_vain(job: Mapping[str, Any]) -> bool:
    """Whether a job is queued for an agent that is not there."""
    return job["agent_status"] not in (None, "online")


def not_there(job: Mapping[str, Any]) -> str:
    """How an agent is that is not there."""
    return str(job["agent_status"]).replace("never_seen", "not seen yet")


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
