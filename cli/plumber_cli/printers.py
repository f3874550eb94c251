"""Where output goes: to people line by line, to programs byte for byte."""

import codecs
import sys
from typing import Protocol

import click

from plumber_cli import render

LONGEST_LINE = 1 << 16  # characters that are kept back until the end of their line comes


class Printer(Protocol):
    """Takes the records of one job in their order."""

    def write(self, stream: str, data: bytes) -> None:
        """Prints, at once or with the rest of the line."""

    def finish(self) -> None:
        """Prints what is left."""


class RawPrinter:
    """Bytes as they were written, those of both streams to standard output."""

    def write(self, stream: str, data: bytes) -> None:
        """Prints at once, so that a follower sees half a line too."""
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def finish(self) -> None:
        """Nothing is kept back."""


class LinePrinter:
    """Text line by line, each behind a prefix; both streams to standard output, standard error
    in red on a terminal. Bytes that are no UTF-8 become replacement characters."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._decoders = {stream: _new_decoder() for stream in ("stdout", "stderr")}
        self._rest = {"stdout": "", "stderr": ""}

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
        if lines:
            is_marked = stream == "stderr" and render.has_colours()
            texts = [click.style(line, fg="red") if is_marked else line for line in lines]
            click.echo("\n".join(self._prefix + text for text in texts))


def _new_decoder() -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder("utf-8")("replace")
