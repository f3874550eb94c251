"""Reading jobs' output: page by page while it grows, in the order in which it was written."""

import base64
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from plumber_cli.printers import Printer

if TYPE_CHECKING:
    from plumber_cli.client import Client

FOLLOW_SECONDS = 1.0  # the wire asks for one call a second at most
ENDS = ("complete", "incomplete")

StepAndJob = tuple[dict[str, Any], dict[str, Any]]


class Tail:
    """One job's log from its beginning, and where it is printed."""

    def __init__(
        self, client: "Client", run_id: str, job_id: str, stream: str | None, printer: Printer
    ) -> None:
        self._client = client
        self._path = ("runs", run_id, "jobs", job_id, "log")
        self._stream = {"stream": stream} if stream else {}
        self._cursor = ""
        self._printer = printer
        self.state = "streaming"

    @property
    def has_ended(self) -> bool:
        """Nothing more will come."""
        return self.state in ENDS

    def print_new(self) -> None:
        """Prints everything that is there and was not printed yet."""
        while not self.has_ended:
            page = self._client.get(*self._path, cursor=self._cursor, **self._stream)
            self._cursor, self.state = page["next"], page["state"]
            for record in page["records"]:
                self._printer.write(record["stream"], base64.b64decode(record["data"]))
            if not page["records"]:
                return

    def finish(self) -> None:
        """Prints what has no end of line."""
        self._printer.finish()


class Follower:
    """The output of a run's jobs, all that have begun at once, as it comes."""

    def __init__(self, open_tail: Callable[[dict[str, Any], dict[str, Any]], Tail]) -> None:
        self._open_tail = open_tail
        self._tails: dict[str, Tail] = {}
        self._whose: dict[str, str] = {}
        self._next_at = 0.0

    def is_due(self) -> bool:
        """Whether the wire allows the next look."""
        return time.monotonic() >= self._next_at

    def read(self, jobs: list[StepAndJob]) -> None:
        """Prints what is new of every job that has begun."""
        for step, job in jobs:
            if has_begun(job) and job["id"] not in self._tails:
                self._tails[job["id"]] = self._open_tail(step, job)
                self._whose[job["id"]] = whose(step, job)
        for tail in self._tails.values():
            tail.print_new()
        self._next_at = time.monotonic() + FOLLOW_SECONDS

    def read_to_the_end(self, jobs: list[StepAndJob]) -> None:
        """Waits for bytes that are still coming, after the jobs have ended."""
        self.read(jobs)
        while not all(tail.has_ended for tail in self._tails.values()):
            time.sleep(FOLLOW_SECONDS)
            self.read(jobs)
        for tail in self._tails.values():
            tail.finish()

    def read_in_turn(self, jobs: list[StepAndJob]) -> None:
        """Prints what there is of one job after the other, and does not wait for more."""
        for each in jobs:
            self.read([each])
        for tail in self._tails.values():
            tail.finish()

    def incomplete(self) -> list[str]:
        """Whose log has parts that will never come."""
        return [self._whose[id] for id, tail in self._tails.items() if tail.state == "incomplete"]


def jobs_of(detail: dict[str, Any]) -> list[StepAndJob]:
    """All jobs of a run with their steps, in order."""
    return [(step, job) for step in detail["steps"] for job in step["jobs"]]


def has_begun(job: dict[str, Any]) -> bool:
    """Whether there may be output."""
    return job["state"] == "claimed" or job["started_at"] is not None


def whose(step: dict[str, Any], job: dict[str, Any]) -> str:
    """Of which step and agent something is."""
    return f"step {step['number']} ('{step['name']}') on {job['agent_name']}"


def job_prefix(step: dict[str, Any], job: dict[str, Any]) -> str:
    """What stands before the lines of a job among others."""
    return f"{step['name']} {job['agent_name']} | "


def missing(owner: str) -> str:
    """What to say of an incomplete log."""
    return f"A part of the output of {owner} is missing: its agent could not deliver it."
