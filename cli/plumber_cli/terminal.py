"""The one way out: whatever this program prints goes through here, and through one filter.

Much of it was written by others: output of jobs, names, reasons, messages. A terminal obeys what it
is sent, to the clipboard and to what is typed next. So colours pass (SGR, `ESC [ … m`), and every
line ends without them; anything else that is no text is shown as `^[`, `^M`, `\\x9b`, `\\u202e`.
Where a file or a program reads, colours are left out and the rest is the same, since somebody may
look at the file. Two things are exact: raw output, which was asked for by that name, and documents
(JSON, TOML) that do not go to a terminal.
"""

import json
import os
import re
import shutil
import sys
from typing import Any

import click

RESET = "\x1b[0m"
_SPECIAL = re.compile(
    r"(\x1b\[[0-9;:]*m)"  # colours
    # C0 but for the tab, DEL, C1, separators of lines, what turns the direction, half characters.
    r"|[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_NOT_IN_JSON = re.compile(r"[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def is_terminal(*, err: bool = False) -> bool:
    """Whether it is no file and no pipe."""
    return (sys.stderr if err else sys.stdout).isatty()


def columns() -> int:
    """How wide it is."""
    return shutil.get_terminal_size().columns


def has_colours(*, err: bool = False) -> bool:
    """On a terminal, unless NO_COLOR says otherwise."""
    return is_terminal(err=err) and not os.environ.get("NO_COLOR")


def visible(text: str, *, colours: bool) -> str:
    """One line of text with nothing in it that a terminal would obey, but for colours."""
    if _SPECIAL.search(text) is None:
        return text
    last = ""

    def show(found: "re.Match[str]") -> str:
        nonlocal last
        if found[1]:
            last = found[1] if colours else ""
            return last
        code = ord(found[0])
        if code < 0x20 or code == 0x7F:
            return f"^{chr(code ^ 0x40)}"
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"

    shown = _SPECIAL.sub(show, text)
    return shown + RESET if last not in ("", RESET, "\x1b[m") else shown


def say(*lines: str, err: bool = False) -> None:
    """Prints lines, an empty one without any. An end of line in one of them is shown, too."""
    colours = has_colours(err=err)
    text = "\n".join(visible(line, colours=colours) for line in lines)
    click.echo(text, err=err, color=True)  # those that are left are wanted


def document(text: str) -> None:
    """Prints a text of several lines, to the byte where no terminal is."""
    if is_terminal():
        say(*text.removesuffix("\n").replace("\r\n", "\n").split("\n"))
    else:
        raw(text.encode("utf-8", "replace"))


def as_json(value: Any, *, indent: int | None = None, err: bool = False) -> None:
    """Prints a document for programs. It reads back as it was, half characters too."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    click.echo(_NOT_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text), err=err)


def raw(data: bytes) -> None:
    """Bytes as they are, at once."""
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def confirm(question: str) -> bool:
    """Asks for yes or no."""
    return click.confirm(visible(question, colours=False), err=True)


def ask_secret(what: str) -> str:
    """Asks for what is not shown while it is typed."""
    return str(click.prompt(what, hide_input=True, err=True))


def hang_up() -> None:
    """Nobody reads any more; nothing is said about that either."""
    sys.stderr.close()
