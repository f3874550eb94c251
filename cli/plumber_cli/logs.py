"""Reading jobs' output: page by page while it grows, in the order in which it was written."""

import base64
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from plumber_cli.printers import Printer

if TYPE_CHECKING:
    from plumber_cli.client import Client

FOLLOW_SECONDS = 1.0  # the wire asks for one call a second at most
LAST_LINES_SECONDS = 3.0  # so long the news of a job's end waits for what it printed
WAIT_SECONDS = 5  # a call of a follower waits so long for something new
ENDS = ("complete", "incomplete")

StepAndJob = tuple[dict[str, Any], dict[str, Any]]


class Tail:
    """One job's log, and where it is printed. `begin` are the parameters of the first page: where
    it begins, from the beginning without. `attempt` is an earlier one's number."""

    def __init__(
        self,
        client: "Client",
        run_id: str,
        job_id: str,
        stream: str | None,
        printer: Printer,
        begin: Mapping[str, str] | None = None,
        attempt: int | None = None,
    ) -> None:
        self._client = client
        self._path = ("runs", run_id, "jobs", job_id, "log")
        self._what = {"stream": stream} if stream else {}
        if attempt is not None:
            self._what["attempt"] = str(attempt)
        self._where = dict(begin or {})
        self._printer = printer
        self.state = "streaming"
        self.missing: dict[str, Any] | None = None

    @property
    def has_ended(self) -> bool:
        """Nothing more will come."""
        return self.state in ENDS

    def print_new(self, wait_seconds: int = 0) -> None:
        """Prints everything that is there and was not printed yet. The control plane waits for
        something new so long."""
        wait = {"wait": str(wait_seconds)} if wait_seconds else {}
        while not self.has_ended:
            page = self._client.get(*self._path, **self._where, **self._what, **wait)
            self._where = {"cursor": page["next"]}
            self.missing = page["missing"]
            for record in page["records"]:
                self._printer.write(record["stream"], base64.b64decode(record["data"]))
            if not page["has_more"]:
                self.state = page["state"]
                return

    def print_to_the_end(self) -> None:
        """Prints as it comes, until the end: a call a second at most."""
        while not self.has_ended:
            began = time.monotonic()
            self.print_new(WAIT_SECONDS)
            time.sleep(max(0.0, FOLLOW_SECONDS - (time.monotonic() - began)))
        self.finish()

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
        for each in jobs:
            self._opened(each)
        for tail in self._tails.values():
            tail.print_new()
        self._next_at = time.monotonic() + FOLLOW_SECONDS

    def _opened(self, each: StepAndJob) -> Tail | None:
        step, job = each
        if has_begun(job) and job["id"] not in self._tails:
            self._tails[job["id"]] = self._open_tail(step, job)
            self._whose[job["id"]] = whose(step, job)
        return self._tails.get(job["id"])

    def read_ends(self, jobs: list[StepAndJob]) -> None:
        """Prints what jobs that have ended left to be printed, and waits a little for what is still
        on its way: whoever says then that they ended says it after their last lines."""
        left = [tail for each in jobs if (tail := self._opened(each)) is not None]
        until = time.monotonic() + LAST_LINES_SECONDS
        while left and time.monotonic() < until:
            for tail in left:
                tail.print_new(wait_seconds=1)
            for tail in left:
                if tail.has_ended:
                    tail.finish()
            left = [tail for tail in left if not tail.has_ended]

    def read_to_the_end(self, jobs: list[StepAndJob]) -> None:
        """Waits for bytes that are still coming, after the jobs have ended."""
        self.read(jobs)
        while not all(tail.has_ended for tail in self._tails.values()):
            time.sleep(FOLLOW_SECONDS)
            self.read(jobs)
        for tail in self._tails.values():
            tail.finish()

    def follow_one(self, job: StepAndJob) -> bool:
        """Prints one job's output as it comes, to its end; False while it has not begun."""
        step, found = job
        if not has_begun(found):
            return False
        tail = self._tails[found["id"]] = self._open_tail(step, found)
        self._whose[found["id"]] = whose(step, found)
        tail.print_to_the_end()
        return True

    def read_in_turn(self, jobs: list[StepAndJob]) -> None:
        """Prints what there is of one job after the other, and does not wait for more."""
        for each in jobs:
            self.read([each])
        for tail in self._tails.values():
            tail.finish()

    def incomplete(self) -> list[str]:
        """What is missing of the logs that are not whole."""
        return [
            missing(self._whose[id], tail.missing)
            for id, tail in self._tails.items()
            if tail.state == "incomplete"
        ]


def jobs_of(detail: dict[str, Any]) -> list[StepAndJob]:
    """The jobs that a run's page shows, with their steps, in order."""
    return [(step, job) for step in detail["steps"] for job in step["jobs"]]


def all_jobs(client: "Client", run_id: str, steps: list[dict[str, Any]]) -> list[StepAndJob]:
    """All jobs of steps, also those that the run's page has no room for: a call for a hundred."""
    found: list[StepAndJob] = []
    for step in steps:
        jobs = step["jobs"]
        if step["jobs_omitted"]:
            path = ("runs", run_id, "jobs")
            jobs, _ = client.pages(*path, at_most=None, step=str(step["number"]))
        found += [(step, job) for job in jobs]
    return found


def has_begun(job: dict[str, Any]) -> bool:
    """Whether there may be output."""
    return job["state"] == "claimed" or job["started_at"] is not None


def whose(step: dict[str, Any], job: dict[str, Any]) -> str:
    """Of which step and agent something is."""
    return f"step {step['number']} ('{step['name']}') on {job['agent_name']}"


def job_prefix(step: dict[str, Any], job: dict[str, Any]) -> str:
    """What stands before the lines of a job among others."""
    return f"{step['name']} {job['agent_name']} | "


def missing(owner: str, lacks: Mapping[str, Any] | None) -> str:
    """What to say of an incomplete log."""
    parts = (
        [
            f"{lacks[key]:,} {words}"
            for key, words in (
                ("chunks", "chunks"),
                ("stdout_bytes", "bytes of stdout"),
                ("stderr_bytes", "bytes of stderr"),
            )
            if lacks and lacks[key]
        ]
        if lacks
        else []
    )
    what = " and ".join(parts) or "A part"
    reason = f": {lacks['reason'].rstrip('.')}." if lacks else "."
    return f"The log of {owner} is incomplete. {what} missing{reason}"
