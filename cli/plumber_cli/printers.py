"""Where output goes: to people line by line, to programs byte for byte."""

import codecs
import re
from typing import Protocol

import click

from plumber_cli import terminal

MARKS = "plumber"  # the agent's own stream: what is missing at that place
COLOURS = {"stderr": "red", MARKS: "yellow"}
STREAMS = ("stdout", "stderr", MARKS)
LONGEST_LINE = 1 << 16  # characters that are kept back until the end of their line comes


class Printer(Protocol):
    """Takes the records of one job in their order."""

    def write(self, stream: str, data: bytes) -> None:
        """Prints, at once or with the rest of the line."""

    def finish(self) -> None:
        """Prints what is left."""


class RawPrinter:
    """Bytes as they were written, those of both streams to standard output; marks to standard
    error."""

    def write(self, stream: str, data: bytes) -> None:
        """Prints at once, so that a follower sees half a line too."""
        if stream == MARKS:
            terminal.say(*data.decode(errors="replace").splitlines(), err=True)
            return
        terminal.raw(data)

    def finish(self) -> None:
        """Nothing is kept back."""


class LinePrinter:
    """Text line by line, each behind a prefix; both streams to standard output, standard error
    in red on a terminal. Bytes that are no UTF-8 become replacement characters. With a pattern,
    only lines that match."""

    def __init__(self, prefix: str, pattern: "re.Pattern[str] | None" = None) -> None:
        self._prefix = prefix
        self._pattern = pattern
        self._decoders = {stream: _new_decoder() for stream in STREAMS}
        self._rest = dict.fromkeys(STREAMS, "")

    def write(self, stream: str, data: bytes) -> None:
        """Prints whole lines and keeps the rest, up to a limit."""
        text = self._rest[stream] + self._decoders[stream].decode(data)
        *lines, rest = text.split("\n")
        if len(rest) > LONGEST_LINE:
            lines, rest = [*lines, rest], ""
        self._rest[stream] = rest
        self._print(stream, lines)

    def finish(self) -> None:
        """Prints what has no end of line."""
        for stream, decoder in self._decoders.items():
            rest = self._rest[stream] + decoder.decode(b"", final=True)
            self._rest[stream] = ""
            if rest:
                self._print(stream, [rest])

    def _print(self, stream: str, lines: list[str]) -> None:
        if self._pattern is not None:
            lines = [line for line in lines if self._pattern.search(line)]
        lines = [line.removesuffix("\r") for line in lines]
        if lines:
            colour = COLOURS.get(stream) if terminal.has_colours() else None
            texts = [click.style(line, fg=colour) if colour else line for line in lines]
            terminal.say(*(self._prefix + text for text in texts))


def _new_decoder() -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder("utf-8")("replace")
