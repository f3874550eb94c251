"""Masking of secrets in output, before it is kept. Part of the supervisor: little is imported.

What is masked does not depend on how the command cut its writes: a stage holds back what may become
a secret with the next bytes. Values are found anywhere. Patterns see one line at a time, so with
patterns output is kept line by line; a line ends with a line feed or a carriage return. Of a line
over `LONGEST_LINE` bytes a match of up to `OVERLAP` bytes is found for certain.
"""

import re
from collections.abc import Sequence

MASK = b"***"
LONGEST_LINE = 65_536
OVERLAP = 1_024
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


class LineMask:
    """Masks what patterns match, in each line."""

    _END = re.compile(rb"[\r\n]")

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = [re.compile(pattern) for pattern in patterns]
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """The lines that have ended by now."""
        text = self._held + data
        kept: list[bytes] = []
        at = 0
        for end in self._END.finditer(text, len(self._held)):
            rest = self._cut_long(text[at : end.start()], kept)
            kept += [self._masked(rest), end.group()]
            at = end.end()
        self._held = self._cut_long(text[at:], kept)
        return b"".join(kept)

    def _cut_long(self, line: bytes, kept: list[bytes]) -> bytes:
        """Keeps what can be kept of a very long line; answers the rest."""
        while len(line) >= LONGEST_LINE + OVERLAP:
            cut = self._cut(line[: LONGEST_LINE + OVERLAP])
            kept.append(self._masked(line[:cut]))
            line = line[cut:]
        return line

    def _cut(self, piece: bytes) -> int:
        """Where no match is cut in two."""
        cut = LONGEST_LINE
        for pattern in self._patterns:
            for found in pattern.finditer(_text(piece)):
                begin, end = (len(_bytes(found.string[:at])) for at in found.span())
                if begin < cut < end:
                    cut = end
        return cut

    def _masked(self, line: bytes) -> bytes:
        text = _text(line)
        for pattern in self._patterns:
            text = pattern.sub(MASK.decode(), text)
        return _bytes(text)

    def flush(self) -> bytes:
        """The rest, at the end of the output."""
        held, self._held = self._held, b""
        return self._masked(held)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


class Masking:
    """All of it, for one stream."""

    def __init__(self, values: Sequence[str], patterns: Sequence[str]) -> None:
        self._stages: list[ValueMask | LineMask] = []
        if any(values):
            self._stages.append(ValueMask(values))
        if patterns:
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
