"""Reading jobs' output: page by page while it grows, byte for byte."""

import base64
import codecs
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from plumber_cli import render
from plumber_cli.errors import Refused

if TYPE_CHECKING:
    from plumber_cli.client import Client

FOLLOW_SECONDS = 0.5
ENDS = ("complete", "incomplete")


class Tail:
    """One job's log, from a cursor on."""

    def __init__(self, client: "Client", run_id: str, job_id: str, stream: str | None) -> None:
        self._client = client
        self._path = f"/runs/{run_id}/jobs/{job_id}/log"
        self._stream = {"stream": stream} if stream else {}
        self._cursor = ""
        self.state = "streaming"

    def page(self) -> list[tuple[str, bytes]]:
        """What is new, stream by stream in order."""
        page = self._client.get(self._path, cursor=self._cursor, **self._stream)
        self._cursor, self.state = page["next"], page["state"]
        return [(each["stream"], base64.b64decode(each["data"])) for each in page["records"]]

    @property
    def has_ended(self) -> bool:
        """Nothing more will come."""
        return self.state in ENDS


class RawPrinter:
    """Bytes as they were written."""

    def write(self, stream: str, data: bytes) -> None:
        """Both streams go to standard output."""
        sys.stdout.buffer.write(data)

    def flush(self) -> None:
        """Everything so far is out."""
        sys.stdout.buffer.flush()


class LinePrinter:
    """Text line by line, each behind a prefix; standard error in red on a terminal."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._decoders = {
            stream: codecs.getincrementaldecoder("utf-8")("replace")
            for stream in ("stdout", "stderr")
        }
        self._rest = {"stdout": "", "stderr": ""}

    def write(self, stream: str, data: bytes) -> None:
        """Prints whole lines and keeps the rest."""
        text = self._rest[stream] + self._decoders[stream].decode(data)
        *lines, self._rest[stream] = text.split("\n")
        for line in lines:
            self._print(stream, line)

    def flush(self) -> None:
        """Prints what has no end of line."""
        for stream, rest in self._rest.items():
            if rest:
                self._print(stream, rest)
            self._rest[stream] = ""

    def _print(self, stream: str, line: str) -> None:
        is_marked = stream == "stderr" and render.has_colours()
        click.echo(self._prefix + (click.style(line, fg="red") if is_marked else line))


class Follower:
    """The output of all jobs of a run, as they come."""

    def __init__(self, client: "Client", run_id: str) -> None:
        self._client = client
        self._run_id = run_id
        self._open: dict[str, tuple[Tail, LinePrinter]] = {}
        self._read_at = 0.0

    def read(self, detail: dict[str, Any]) -> None:
        """What is new of every job that has begun; at most every half second."""
        if time.monotonic() - self._read_at >= FOLLOW_SECONDS:
            self._read_all(detail)

    def read_to_the_end(self, detail: dict[str, Any]) -> None:
        """Waits for bytes that are still coming."""
        while True:
            self._read_all(detail)
            if all(tail.has_ended for tail, _ in self._open.values()):
                break
            time.sleep(FOLLOW_SECONDS)
        for _, printer in self._open.values():
            printer.flush()

    def _read_all(self, detail: dict[str, Any]) -> None:
        self._read_at = time.monotonic()
        for step in detail["steps"]:
            for job in step["jobs"]:
                if job["started_at"] is None and job["state"] != "claimed":
                    continue
                if job["id"] not in self._open:
                    prefix = f"{step['name']} {job['agent_name']} | "
                    tail = Tail(self._client, self._run_id, job["id"], None)
                    self._open[job["id"]] = (tail, LinePrinter(prefix))
                self._read_one(*self._open[job["id"]])

    def _read_one(self, tail: Tail, printer: LinePrinter) -> None:
        while not tail.has_ended:
            records = tail.page()
            for stream, data in records:
                printer.write(stream, data)
            if not records:
                return


def print_log(tail: Tail, printer: "RawPrinter | LinePrinter", *, follow: bool, what: str) -> None:
    """Prints a job's log as far as it goes, or until it ends. Raises Refused for a missing part."""
    while not tail.has_ended:
        records = tail.page()
        for stream, data in records:
            printer.write(stream, data)
        if not records:
            if not follow and tail.state == "streaming":
                break
            if not tail.has_ended:
                time.sleep(FOLLOW_SECONDS)
    printer.flush()
    if tail.state == "incomplete":
        raise Refused(f"A part of the log of {what} is missing: its agent could not deliver it.")
