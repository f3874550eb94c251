"""The logs of jobs: read, searched, compared, downloaded."""

import time
from datetime import timedelta

from chalice.app import Response

from chalicelib import clock
from chalicelib.access.principal import Permission
from chalicelib.api.logs import render, shapes
from chalicelib.api.routing import Api, Request
from chalicelib.api.runs import resolvers
from chalicelib.dynamo import run_pages
from chalicelib.errors import BadParameter, NotFound
from chalicelib.logs.log import Position, Stream
from chalicelib.logs.log_search import Needle
from chalicelib.operations.logs import logs, outputs, search
from chalicelib.operations.logs.following import Patience, follow, wait_for_more
from chalicelib.runs.job import Job
from chalicelib.runs.run import Progress, Run, all_jobs

api = Api(__name__)

SEARCH_SECONDS = 1.5  # then a call answers what it has found: no answer takes over 2
LONGEST_TAIL = 10_000  # lines
LAST_LINE = 999_999_999  # a log has a gigabyte at most
LONGEST_WAIT = 10  # seconds; API Gateway gives a call 29
LOOK_SECONDS = 0.15  # between looks for a new chunk while an answer waits: S3 takes 0.4 $ a million
STREAM = {"stream": "stdout or stderr; both in their order without"}
ATTEMPT = {"attempt": "an earlier attempt's number; the last one without"}
SEARCH = {
    "pattern": "what to look for, up to 1,000 characters",
    "regex": "true: the pattern is a regular expression",
    "ignore_case": "true: upper and lower case are the same",
    "cursor": "where to go on",
}


def _stream(request: Request) -> Stream | None:
    word = request.query.get("stream", "")
    for stream in (Stream.STDOUT, Stream.STDERR):
        if stream.word == word:
            return stream
    if word:
        raise BadParameter(f"stream must be stdout or stderr, not '{word[:32]}'.")
    return None


def _job(request: Request, run_id: str, job_id: str) -> Job:
    """One job, as it was in the attempt that is asked for."""
    key = resolvers.key(run_id, job_id)
    return logs.job_of(key, request.number("attempt", 9_999), request.scope)


@api.get(
    "/runs/{run_id}/jobs/{job_id}/log",
    needs=Permission.LOGS_READ,
    on=_job,
    answers=shapes.LogPage,
    query={
        **STREAM,
        **ATTEMPT,
        "cursor": "where to go on; from the beginning without",
        "tail": f"begin with the last so many lines, at most {LONGEST_TAIL}",
        "line": "begin where this line begins, or before; counted from 1 over both streams",
        "since": "begin with what was printed at this instant, by the agent's clock",
        "wait": f"seconds, at most {LONGEST_WAIT}: while there is nothing new, the answer waits",
    },
)
def read_log(request: Request, job: Job) -> shapes.LogPage:
    """A page of a job's output. Call again with `next` until the end, at most once a second: with
    `wait` a follower sees each line as soon as it is there."""
    place = request.cursor()
    stream, tail = _stream(request), request.number("tail", LONGEST_TAIL)
    line, since = request.number("line", LAST_LINE), request.instant("since")
    if sum(bool(each) for each in (place, tail, line, since)) > 1:
        raise BadParameter("Give one of cursor, tail, line and since.")
    follow(job, request.now)
    if tail is not None:
        return render.page(logs.read_tail(job, tail, stream, request.now))
    if line is not None:
        return render.page(logs.read_line(job, line, stream, request.now))
    if since is not None:
        return render.page(logs.read_since(job, since, stream, request.now))
    waits = request.number("wait", LONGEST_WAIT) or 0
    position = Position.parse(place or "")
    if position is None:
        raise BadParameter("The cursor is not one that a page of a log has answered.")
    return render.page(wait_for_more(job, position, stream, _patience(waits)))


def _patience(seconds: int) -> Patience:
    until = time.monotonic() + seconds
    return Patience(
        is_over=lambda: time.monotonic() > until,
        pause=lambda: time.sleep(LOOK_SECONDS),
        now=clock.read,
    )


@api.get(
    "/runs/{run_id}/jobs/{job_id}/log/download",
    needs=Permission.LOGS_READ,
    on=_job,
    answers=shapes.LogDownload,
    query={
        "stream": "stdout, stderr, or all: both in their order",
        **ATTEMPT,
        "redirect": "false answers the address instead",
    },
)
def download_log(request: Request, job: Job) -> shapes.LogDownload | Response:
    """One whole stream, byte for byte, or all as text, as a presigned address."""
    name = request.query.get("stream", "")
    if name not in ("stdout", "stderr", "all"):
        raise BadParameter("Say which: ?stream=stdout, ?stream=stderr or ?stream=all.")
    found = logs.download(job, name)
    if request.query.get("redirect") != "false":
        headers: dict[str, str | list[str]] = {"Location": found.url, "Cache-Control": "no-store"}
        return Response(body="", status_code=302, headers=headers)
    return shapes.LogDownload(
        url=found.url,
        file_name=found.file_name,
        bytes=found.size,
        expires_at=request.now + timedelta(seconds=found.expires_in_seconds),
    )


def _needle(request: Request) -> Needle:
    return Needle(
        request.query.get("pattern", ""),
        is_regex=request.query.get("regex") == "true",
        ignore_case=request.query.get("ignore_case") == "true",
    )


def _budget() -> search.Budget:
    until = time.monotonic() + SEARCH_SECONDS
    return search.Budget(lambda: time.monotonic() > until)


@api.get(
    "/runs/{run_id}/jobs/{job_id}/log/search",
    needs=Permission.LOGS_READ,
    on=_job,
    answers=shapes.LogMatches,
    query={**SEARCH, **STREAM, **ATTEMPT},
)
def search_log(request: Request, job: Job) -> shapes.LogMatches:
    """The lines of one job's log that match."""
    needle, stream = _needle(request), _stream(request)
    cursor = request.cursor() or ""
    return render.matches(search.search(job, needle, stream, cursor, _budget()))


@api.get(
    "/runs/{run_id}/search",
    needs=Permission.LOGS_READ,
    on=resolvers.run,
    answers=shapes.LogMatches,
    query={**SEARCH, **STREAM, "step": "its number; all without"},
)
def search_run(request: Request, run: Run) -> shapes.LogMatches:
    """The lines of all jobs' logs that match, one job after the other."""
    needle, stream = _needle(request), _stream(request)
    step, cursor = request.number("step", 9_999), request.cursor() or ""
    return render.matches(search.search_run(run.id, step, needle, stream, cursor, _budget()))


@api.get(
    "/runs/{run_id}/outputs",
    needs=Permission.LOGS_READ,
    on=resolvers.head,
    answers=shapes.Outputs,
    query={"step": "its number; the first without"},
)
def compare_outputs(request: Request, head: Progress) -> shapes.Outputs:
    """Which jobs of a step ended alike and printed the same, and what."""
    wanted = request.number("step", 9_999) or 1
    progress = run_pages.with_jobs(head, wanted, wanted)
    for step in progress.steps:
        if step.number == wanted:
            groups, pending = outputs.grouped(all_jobs(progress, step))
            return shapes.Outputs(
                [render.group(each, step.agents) for each in groups],
                [render.output_job(job, step.agents) for job in pending],
            )
    raise NotFound(f"The run has no step {wanted}.")
