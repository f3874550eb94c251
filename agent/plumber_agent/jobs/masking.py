"""Masking of secrets in output, before it is kept. Part of the supervisor: little is imported.

What is masked does not depend on how the command cut its writes: a stage holds back what may become
a secret with the next bytes. Values are found anywhere. Patterns see one line at a time, so with
patterns output is kept line by line; a line ends with a line feed or a carriage return. Of a line
over `LONGEST_LINE` bytes a match of up to `OVERLAP` bytes is found for certain.
"""

import re
from collections.abc import Sequence
from typing import Protocol

MASK = b"***"
LONGEST_LINE = 65_536
OVERLAP = 1_024
LINES_BYTES = 65_536  # of lines that are masked together
SHORTEST_PART = 4  # of a value of several lines; shorter ones would mask half of the output


class ValueMask:
    """Masks fixed values, the longest where several begin at the same place."""

    def __init__(self, values: Sequence[str]) -> None:
        encoded = [value.encode("utf-8", "surrogateescape") for value in values]
        parts = [part for value in encoded for part in value.splitlines()]
        wanted = {each for each in encoded if each}
        wanted |= {part for part in parts if len(part) >= SHORTEST_PART}
        self._values = sorted(wanted, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, self._values)))
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What can be kept by now."""
        text = self._held + data
        kept = []
        at = 0
        hold = self._hold(text, at)
        while (found := self._pattern.search(text, at)) and found.start() < hold:
            kept += [text[at : found.start()], MASK]
            at = found.end()
            hold = self._hold(text, at) if hold < at else hold
        self._held = text[hold:]
        return b"".join([*kept, text[at:hold]])

    def _hold(self, text: bytes, begin: int) -> int:
        """Where the first thing begins that may become a value; the end when there is none."""
        first = len(text)
        for value in self._values:
            at = text.find(value[:1], max(begin, len(text) - len(value) + 1))
            while 0 <= at < first:
                if value.startswith(text[at:]):
                    first = at
                at = text.find(value[:1], at + 1)
        return first

    def flush(self) -> bytes:
        """The rest, at the end of the output."""
        held, self._held = self._held, b""
        return self._pattern.sub(MASK, held)


class Patterns(Protocol):
    """What masks lines: see `PatternMask`."""

    def mask(self, data: bytes, is_open: bool) -> tuple[bytes, int]:
        """The data masked, and how much of it that is."""


class LineMask:
    """Masks what patterns match, in each line. Whole lines are masked together."""

    _END = re.compile(rb"[\r\n]")

    def __init__(self, patterns: Patterns) -> None:
        self._patterns = patterns
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """The lines that have ended by now."""
        text = self._held + data
        kept: list[bytes] = []
        first = begin = 0  # of the lines that go together, and of the line that ends next
        for found in self._END.finditer(text, len(self._held)):
            end = found.end()
            if end - begin > LONGEST_LINE + OVERLAP:
                kept.append(self._masked(text[first:begin]))
                first = self._cut_long(text, begin, end - 1, kept)
            elif end - first > LINES_BYTES:
                kept.append(self._masked(text[first:begin]))
                first = begin
            begin = end
        kept.append(self._masked(text[first:begin]))
        self._held = text[self._cut_long(text, begin, len(text), kept) :]
        return b"".join(kept)

    def _cut_long(self, text: bytes, begin: int, end: int, kept: list[bytes]) -> int:
        """Keeps what can be kept of a very long line; answers where the rest begins."""
        while end - begin >= LONGEST_LINE + OVERLAP:
            masked, size = self._patterns.mask(text[begin : begin + LONGEST_LINE + OVERLAP], True)
            kept.append(masked)
            begin += size
        return begin

    def _masked(self, lines: bytes) -> bytes:
        return self._patterns.mask(lines, False)[0] if lines else b""

    def flush(self) -> bytes:
        """The rest, at the end of the output."""
        held, self._held = self._held, b""
        return self._masked(held)


class Masking:
    """All of it, for one stream."""

    def __init__(self, values: Sequence[str], patterns: Patterns | None) -> None:
        self._stages: list[ValueMask | LineMask] = []
        if any(values):
            self._stages.append(ValueMask(values))
        if patterns is not None:
            self._stages.append(LineMask(patterns))

    def feed(self, data: bytes) -> bytes:
        """What can be kept by now."""
        for stage in self._stages:
            data = stage.feed(data)
        return data

    def flush(self) -> bytes:
        """The rest, at the end of the output."""
        data = b""
        for stage in self._stages:
            data = stage.feed(data) + stage.flush()
        return data
