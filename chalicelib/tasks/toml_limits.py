"""What a definition may ask of a parser, looked at before it is parsed: nesting, the length of
keys and numbers, and how many keys there are. Pure.

It is counted from brackets, dots, digits and equal signs outside of strings and comments, which
takes time that grows with the text alone, and no stack. No task that makes sense comes near.
"""

import re
from collections.abc import Iterator

from chalicelib.tasks.toml_lines import TEXT
from chalicelib.tasks.toml_table import InvalidDefinition

MAX_DEPTH = 8  # of arrays and inline tables; the deepest that means something has 3
MAX_KEY_PARTS = 8  # of a dotted key, or a header; the longest that means something has 3
MAX_DIGITS = 32  # of a number; 64 bits have 20
MAX_KEYS = 20_000  # 100 steps with 64 variables have under 9,000
_MARK = re.compile(r"[\[{]|[\]}]|[0-9]\w*|[^\W\d][\w-]*|[.=\n]|[^\S\n]+|.")


def check(source: str) -> None:
    """Raises InvalidDefinition, with the line."""
    depth = parts = keys = 0
    line = 1
    for mark in _marks(source):
        if mark in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise _refusal(line, f"is nested more than {MAX_DEPTH} levels deep.")
        elif mark in "]}":
            depth -= 1
        elif mark == ".":
            parts += 1
            if parts >= MAX_KEY_PARTS:
                raise _refusal(line, f"has a key of more than {MAX_KEY_PARTS} parts.")
        elif mark == "=":
            keys += 1
            parts = 0
            if keys > MAX_KEYS:
                raise _refusal(line, f"has more than {MAX_KEYS:,} keys.")
        elif mark[0].isdigit() and len(mark) > MAX_DIGITS:
            raise _refusal(line, f"has a number of more than {MAX_DIGITS} digits.")
        elif "\n" in mark:
            line += mark.count("\n")
            parts = 0
        elif mark == ",":
            parts = 0


def _marks(source: str) -> Iterator[str]:
    """What stands outside of strings and comments; of those, the ends of lines in them."""
    at = 0
    for text in TEXT.finditer(source):
        yield from (found[0] for found in _MARK.finditer(source, at, text.start()))
        yield "\n" * text[0].count("\n") or '"'
        at = text.end()
    yield from (found[0] for found in _MARK.finditer(source, at))


def _refusal(line: int, what: str) -> InvalidDefinition:
    return InvalidDefinition(
        f"line {line}: the definition {what}", line=line, column=None, key=None
    )
