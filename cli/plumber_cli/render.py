"""How things look: tables for people, JSON for programs, colours on a terminal."""

import json
import os
import sys
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

import click

COLOURS = {
    "succeeded": "green",
    "online": "green",
    "complete": "green",
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


def has_colours() -> bool:
    """On a terminal, unless NO_COLOR says otherwise."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def state(word: str) -> str:
    """A state in its colour."""
    return click.style(word, fg=COLOURS.get(word)) if has_colours() else word


def as_json(document: Any) -> None:
    """For programs."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell, wide characters counted as two."""
    lines = [list(headings), *(list(row) for row in rows)]
    widths = [max(width(line[column]) for line in lines) for column in range(len(headings))]
    for line in lines:
        cells = [cell + " " * (widths[i] - width(cell)) for i, cell in enumerate(line)]
        click.echo("  ".join(cells).rstrip())


def width(text: str) -> int:
    """How many columns the text takes on a terminal."""
    plain = click.unstyle(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in plain
    )


def instant(text: str | None) -> datetime | None:
    """An instant of the API."""
    return None if text is None else datetime.fromisoformat(text.replace("Z", "+00:00"))


def when(text: str | None, now: datetime | None = None) -> str:
    """How long ago, or in how long; a dash for never."""
    at = instant(text)
    if at is None:
        return "-"
    seconds = ((now or datetime.now(timezone.utc)) - at).total_seconds()  # noqa: TID251
    span = rough(abs(seconds))
    return f"in {span}" if seconds < -1 else f"{span} ago"


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
    if seconds < 60:
        return f"{seconds:.1f}s"
    whole = int(seconds)
    if whole < 3_600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3_600}h{whole % 3_600 // 60:02d}m"


def exit_code(code: int | None) -> str:
    """A dash where there is none."""
    return "-" if code is None else str(code)


def parse_duration(text: str) -> int:
    """Seconds of "90s", "15m", "24h", "30d". Raises ValueError."""
    number, unit = text[:-1], text[-1:]
    size = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}.get(unit)
    if size is None or not number.isdigit() or int(number) == 0:
        raise ValueError(text)
    return int(number) * size


def facts(lines: dict[str, str]) -> None:
    """Names and values below each other."""
    widest = max(map(width, lines))
    for name, value in lines.items():
        click.echo(f"{name}{' ' * (widest - width(name))}  {value}")
