"""Finding text in a log: records in, matching lines out, a call at a time. Pure.

A line counts from 1 in the order in which its first byte stands in the log, over all streams; it
ends with a line feed. Colours are passed over. A line of more than `LONGEST_LINE` bytes is searched
in pieces that overlap by `CARRY_BYTES`, and reported once.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from chalicelib.errors import BadParameter
from chalicelib.logs.log import Position, Record, Stream
from chalicelib.patterns import InvalidPattern, Pattern
from chalicelib.reader import Reader

MAX_PATTERN_CHARACTERS = 1_000
LONGEST_LINE = 65_536
CARRY_BYTES = 1_024  # of a line that has not ended, in a cursor
SHOWN_CHARACTERS = 400  # of a matching line, around the match
_STYLES = re.compile(rb"\x1b\[[0-9;:]*m")


class Needle:
    """What is looked for. Raises BadParameter for a pattern that is none."""

    def __init__(self, pattern: str, *, is_regex: bool, ignore_case: bool) -> None:
        if not 1 <= len(pattern) <= MAX_PATTERN_CHARACTERS:
            raise BadParameter(f"pattern must have 1 to {MAX_PATTERN_CHARACTERS} characters.")
        self.is_literal = not is_regex
        try:
            compiled = Pattern(pattern, is_literal=self.is_literal, ignore_case=ignore_case)
        except InvalidPattern as error:
            raise BadParameter(f"pattern {error.message}") from error
        self.find = compiled.find


class Match(msgspec.Struct, frozen=True):
    """A line with a match. `start` and `end` are characters of `text`, a part of the line."""

    line: int
    stream: Stream
    at: datetime
    text: str
    start: int
    end: int


class OpenLine(msgspec.Struct, frozen=True):
    """A line that has not ended: what is known of it, or the last of that."""

    number: int
    at: datetime
    data: bytes = b""
    is_reported: bool = False


_STATE = Reader(dict[str, Any])
_OPEN_LINES = Reader(dict[str, OpenLine])


class Cursor(msgspec.Struct, frozen=True):
    """Where a search goes on."""

    position: Position = msgspec.field(default_factory=Position)
    next_number: int = 1
    open: "dict[Stream, OpenLine]" = msgspec.field(default_factory=dict)

    def __str__(self) -> str:
        state = {
            "p": str(self.position),
            "n": self.next_number,
            "o": {str(stream.value): each for stream, each in self.open.items()},
        }
        return msgspec.json.encode(state).decode()

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Raises BadParameter for what no search has answered."""
        if not text:
            return cls()
        try:
            state: dict[str, Any] = _STATE.json(text)
            position = Position.parse(state["p"])
            lines = _OPEN_LINES.plain(state["o"])
            open_lines = {Stream(int(value)): each for value, each in lines.items()}
            if position is None:
                raise ValueError(state["p"])
            return cls(position, int(state["n"]), open_lines)
        except (msgspec.DecodeError, LookupError, TypeError, ValueError) as error:
            raise BadParameter("The cursor is not one that a search has answered.") from error


class Scan:
    """Takes records in their order and gives the matching lines that they complete."""

    def __init__(self, needle: Needle, cursor: Cursor) -> None:
        self._needle = needle
        self._next = cursor.next_number
        self._open = dict(cursor.open)

    def take(self, record: Record) -> Iterator[Match]:
        """Matches in lines that end in this record."""
        *ended, rest = record.data.split(b"\n")
        if self._needle.is_literal and not self._may_match(record):
            self._pass_over(record, len(ended), rest)
            return
        for piece in ended:
            yield from self._look(record.stream, self._extend(record, piece))
            del self._open[record.stream]
        if rest:
            self._extend(record, rest)
            yield from self.shorten(LONGEST_LINE)

    def _may_match(self, record: Record) -> bool:
        """A quick look at all of it: most records have no match at all."""
        line = self._open.get(record.stream)
        data = (line.data if line else b"") + record.data
        return self._needle.find(_shown(data)) is not None

    def _pass_over(self, record: Record, ends: int, rest: bytes) -> None:
        """As if every line had been looked at."""
        if ends:
            self._next += ends - (record.stream in self._open)
            self._open.pop(record.stream, None)
        if rest:
            self._extend(record, rest)
            list(self.shorten(LONGEST_LINE))

    def _extend(self, record: Record, piece: bytes) -> OpenLine:
        line = self._open.get(record.stream)
        if line is None:
            line = OpenLine(self._next, record.at)
            self._next += 1
        line = msgspec.structs.replace(line, data=line.data + piece)
        self._open[record.stream] = line
        return line

    def shorten(self, longest: int = CARRY_BYTES) -> Iterator[Match]:
        """Matches in open lines that are longer than that: only their last part is kept then."""
        for stream, line in self._open.items():
            if len(line.data) > longest:
                found = list(self._look(stream, line))
                yield from found
                self._open[stream] = msgspec.structs.replace(
                    line,
                    data=line.data[-CARRY_BYTES:],
                    is_reported=line.is_reported or bool(found),
                )

    def finish(self) -> Iterator[Match]:
        """Matches in what the log ends with. A line that is not complete is looked at again."""
        for stream, line in self._open.items():
            yield from self._look(stream, line)

    def _look(self, stream: Stream, line: OpenLine) -> Iterator[Match]:
        text = _shown(line.data)
        found = None if line.is_reported else self._needle.find(text)
        if found is not None:
            begin = max(0, found[0] - SHOWN_CHARACTERS // 4)
            shown = text[begin : begin + SHOWN_CHARACTERS]
            end = min(found[1] - begin, len(shown))
            yield Match(line.number, stream, line.at, shown, found[0] - begin, end)

    def cursor(self, position: Position) -> Cursor:
        """To go on from `position`, after `shorten`."""
        return Cursor(position, self._next, dict(self._open))


def _shown(data: bytes) -> str:
    return _STYLES.sub(b"", data).decode(errors="replace")
