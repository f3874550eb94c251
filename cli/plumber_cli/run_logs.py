"""`run logs` and `run outputs`: what the jobs of a run printed."""

import re
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import click

from plumber_cli import render, terminal
from plumber_cli.context import Context, output_option, pass_context
from plumber_cli.durations import span
from plumber_cli.errors import NOT_FOUND, Refused
from plumber_cli.given import RUN
from plumber_cli.logs import (
    FOLLOW_SECONDS,
    Follower,
    StepAndJob,
    Tail,
    all_jobs,
    has_begun,
    job_prefix,
    jobs_of,
)
from plumber_cli.printers import LinePrinter, Printer, RawPrinter

DOWNLOADED_FROM_BYTES = 1 << 20  # less comes sooner page by page
AGENTS_NAMED = 5  # of a group of equal outputs; the others are counted


def _instant(text: str) -> str:
    """The instant of `--since`, in RFC 3339: so long ago, or as given."""
    try:
        ago = timedelta(seconds=span(text))
    except click.BadParameter as error:
        try:
            at = datetime.fromisoformat(text.replace("Z", "+00:00"))
        except ValueError:
            reason = f"'{text}' is no time. Write 10m, 2h or 2026-01-31T12:00:00Z."
            raise click.BadParameter(reason) from error
        return at.astimezone(timezone.utc).isoformat()
    return (datetime.now(timezone.utc) - ago).isoformat()  # noqa: TID251 - an entry point


def _pattern(text: str, ignore_case: bool) -> "re.Pattern[str]":
    try:
        return re.compile(text, re.IGNORECASE if ignore_case else 0)
    except re.error as error:
        raise click.BadParameter(f"'{text}' is no regular expression: {error}.") from error


@click.command("logs")
@RUN
@click.argument("job_id", metavar="[JOB]", required=False)
@click.option("--attempt", type=click.IntRange(min=1), help="An earlier attempt, by its number.")
@click.option("--follow", "-f", is_flag=True, help="Go on until the end.")
@click.option("--stream", type=click.Choice(["stdout", "stderr"]), help="Only one of them.")
@click.option("--since", metavar="TIME", help="From then on: 10m ago, or an instant.")
@click.option("--tail", type=click.IntRange(1, 10_000), metavar="LINES", help="Only the last.")
@click.option("--grep", metavar="REGEX", help="Only lines that match.")
@click.option("--ignore-case", "-i", is_flag=True, help="For --grep.")
@click.option("--raw", is_flag=True, help="Byte for byte, without prefixes.")
@pass_context
def logs(
    context: Context,
    run_id: str,
    job_id: str | None,
    attempt: int | None,
    follow: bool,
    stream: str | None,
    since: str | None,
    tail: int | None,
    grep: str | None,
    ignore_case: bool,
    raw: bool,
) -> None:
    """Print the output of a run's jobs, or of one. JOB is a step's number or a job's id."""
    if since and tail:
        raise click.UsageError("Give --since or --tail, not both.")
    if raw and grep:
        raise click.UsageError("--raw prints every byte, --grep only some lines: give one of them.")
    pattern = _pattern(grep, ignore_case) if grep else None
    begin = {"since": _instant(since)} if since else {"tail": str(tail)} if tail else {}
    run_id = context.client.run_id(run_id)
    reading = _Reading(context, run_id, job_id, stream, begin, attempt)
    if pattern is not None and not (follow or begin):
        reading.search(pattern)
    elif raw and not (follow or begin):
        reading.print_raw()
    else:
        reading.print_lines(follow, raw, pattern)


class _Reading:
    """What is read of which jobs, and how it begins."""

    def __init__(
        self,
        context: Context,
        run_id: str,
        job_id: str | None,
        stream: str | None,
        begin: dict[str, str],
        attempt: int | None,
    ) -> None:
        self._client = context.client
        self._run_id, self._job_id, self._stream = run_id, job_id, stream
        self._begin, self._attempt = begin, attempt
        self._has_ended = False
        self._jobs: list[StepAndJob] = []

    def _look(self, *, is_live: bool = False) -> None:
        """Finds the jobs. While they go on, of a step that has very many those that its run's page
        shows; all of them when they have ended."""
        detail = self._client.get("runs", self._run_id)
        steps = [each for each in detail["steps"] if self._job_id in (None, str(each["number"]))]
        if steps:
            self._has_ended = detail["run"]["ended_at"] is not None or all(map(_is_over, steps))
            shown = [(step, job) for step in steps for job in step["jobs"]]
            is_whole = self._has_ended or not is_live
            self._jobs = all_jobs(self._client, self._run_id, steps) if is_whole else shown
        else:
            self._jobs = self._one_job(detail)
            self._has_ended = all(job["ended_at"] for _, job in self._jobs)
        if self._jobs and self._attempt is not None:
            self._jobs = [each for each in self._jobs if _has_had(each[1], self._attempt)]
            if not self._jobs:
                raise Refused(f"No job of these has had an attempt {self._attempt}.", NOT_FOUND)
        if not self._jobs:
            text = f"The run has no job '{self._job_id}'. 'plumber-cli run show' lists them."
            raise Refused(text)

    def _one_job(self, detail: dict[str, Any]) -> list[StepAndJob]:
        shown = [(step, job) for step, job in jobs_of(detail) if job["id"] == self._job_id]
        if shown or "-" not in str(self._job_id):
            return shown
        try:
            job = self._client.get("runs", self._run_id, "jobs", str(self._job_id))
        except Refused:
            return []
        return [(step, job) for step in detail["steps"] if step["number"] == job["step"]]

    def _prefix(self, step: dict[str, Any], job: dict[str, Any]) -> str:
        is_alone = self._job_id == job["id"] or len(self._jobs) == 1
        return "" if is_alone else job_prefix(step, job)

    def print_lines(self, follow: bool, raw: bool, pattern: "re.Pattern[str] | None") -> None:
        """As it comes, until everything that is there was printed, or until the end."""

        def open_tail(step: dict[str, Any], job: dict[str, Any]) -> Tail:
            printer = RawPrinter() if raw else LinePrinter(self._prefix(step, job), pattern)
            return self._tail(job, printer, self._begin)

        follower = Follower(open_tail)
        self._look(is_live=follow)
        if follow:
            self._follow(follower)
        else:
            follower.read_in_turn(self._jobs)
        if follower.incomplete():
            raise Refused(follower.incomplete()[0])

    def _tail(
        self, job: dict[str, Any], printer: Printer, begin: dict[str, str] | None = None
    ) -> Tail:
        attempt = self._attempt
        return Tail(self._client, self._run_id, job["id"], self._stream, printer, begin, attempt)

    def _follow(self, follower: Follower) -> None:
        notice = "The control plane is away. Waiting for it."
        self._client.endure(lambda: render.hint(notice))
        while not self._has_ended:
            if len(self._jobs) == 1 and follower.follow_one(self._jobs[0]):
                return
            follower.read(self._jobs)
            time.sleep(FOLLOW_SECONDS)
            self._look(is_live=True)
        follower.read_to_the_end(self._jobs)

    def print_raw(self) -> None:
        """Long streams straight from the log store, the others page by page."""
        self._look()
        for step, job in self._jobs:
            is_last = self._attempt in (None, job["attempt"])
            streams = (job["log"] or {}).get("streams", {}) if is_last else {}
            size = streams.get(self._stream, {}).get("bytes", 0)
            if size < DOWNLOADED_FROM_BYTES or not self._download(job):
                self._read_raw(step, job)

    def _download(self, job: dict[str, Any]) -> bool:
        """Whether it could be: a log of that length is put together a minute after its end."""
        path = ("runs", self._run_id, "jobs", job["id"], "log", "download")
        try:
            found = self._client.get(*path, stream=str(self._stream), redirect="false")
        except Refused:
            return False
        for piece in self._client.download(found["url"]):
            terminal.raw(piece)
        return True

    def _read_raw(self, step: dict[str, Any], job: dict[str, Any]) -> None:
        follower = Follower(lambda _, job: self._tail(job, RawPrinter()))
        follower.read_in_turn([(step, job)])
        if follower.incomplete():
            raise Refused(follower.incomplete()[0])

    def search(self, pattern: "re.Pattern[str]") -> None:
        """Matches as the control plane finds them."""
        self._look()
        jobs = {job["id"]: (step, job) for step, job in self._jobs}
        query = {"pattern": pattern.pattern, "regex": "true"}
        if pattern.flags & re.IGNORECASE:
            query["ignore_case"] = "true"
        if self._stream:
            query["stream"] = self._stream
        if self._attempt is not None:
            query["attempt"] = str(self._attempt)
        if self._attempt is None and len(jobs) > 1:
            self._search(("search",), query, jobs)
            return
        for job_id in jobs:
            self._search(("jobs", job_id, "log", "search"), query, jobs)

    def _search(
        self, path: tuple[str, ...], query: dict[str, str], jobs: dict[str, StepAndJob]
    ) -> None:
        cursor: str | None = ""
        while cursor is not None:
            page = self._client.get("runs", self._run_id, *path, cursor=cursor, **query)
            for match in page["matches"]:
                if match["job_id"] in jobs:
                    self._print_match(*jobs[match["job_id"]], match)
            cursor = page["next"]

    def _print_match(
        self, step: dict[str, Any], job: dict[str, Any], match: dict[str, Any]
    ) -> None:
        text, begin, end = match["text"], match["start"], match["end"]
        if terminal.has_colours():
            text = text[:begin] + click.style(text[begin:end], fg="red", bold=True) + text[end:]
        terminal.say(f"{self._prefix(step, job)}{match['line']}: {text}")


def _has_had(job: dict[str, Any], attempt: int) -> bool:
    is_begun = has_begun(job) and job["attempt"] == attempt
    return is_begun or any(each["number"] == attempt for each in job["earlier"])


def _is_over(step: dict[str, Any]) -> bool:
    is_whole = step["jobs_omitted"] == 0 and step["jobs"]
    return step["ended_at"] is not None or (
        bool(is_whole) and all(job["ended_at"] for job in step["jobs"])
    )


@click.command("outputs")
@RUN
@click.argument("step", type=click.IntRange(min=1), default=1)
@output_option
@pass_context
def outputs(context: Context, run_id: str, step: int) -> None:
    """Show which agents of a STEP printed the same, and what."""
    run_id = context.client.run_id(run_id)
    found = context.client.get("runs", run_id, "outputs", step=str(step))
    context.show(found, lambda: _draw_outputs(found))


def _draw_outputs(found: dict[str, Any]) -> None:
    for group in found["groups"]:
        size = group["stdout_bytes"] + group["stderr_bytes"]
        agents = "1 agent" if group["count"] == 1 else f"{group['count']} agents"
        head = f"{agents} printed {size:,} bytes: {_names(group['jobs'])}{_ending(group)}"
        terminal.say(click.style(head, bold=True) if terminal.has_colours() else head)
        sample = group["sample"]
        if sample and sample["text"]:
            for line in sample["text"].rstrip("\n").split("\n"):
                terminal.say(line.removesuffix("\r"))
            if sample["is_cut"]:
                job = sample["job_id"]
                render.hint(f"… 'plumber-cli run logs RUN {job}' prints all of it.")
        terminal.say("")
    if found["pending"]:
        terminal.say(f"Not ended yet: {_names(found['pending'])}")


def _ending(group: dict[str, Any]) -> str:
    if group["state"] == "succeeded":
        return ""
    code = group["exit_code"]
    return f" ({group['state']})" if code is None else f" ({group['state']}, exit code {code})"


def _names(jobs: list[dict[str, Any]]) -> str:
    names = ", ".join(job["agent_name"] for job in jobs[:AGENTS_NAMED])
    more = len(jobs) - AGENTS_NAMED
    return f"{names} and {more} more" if more > 0 else names
