"""The logs of jobs: read, searched, compared, downloaded."""

import itertools
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import cast

from chalice.app import Response

from chalicelib import clock
from chalicelib.access.principal import Permission
from chalicelib.api.logs import shapes
from chalicelib.api.routing import Api, Request
from chalicelib.api.runs import resolvers
from chalicelib.errors import BadParameter, NotFound
from chalicelib.logs import log
from chalicelib.logs.log import LogState, Position, Stream
from chalicelib.logs.log_search import Needle
from chalicelib.operations.logs import logs, outputs, search
from chalicelib.runs.job import Job
from chalicelib.runs.run import Progress, all_jobs

api = Api(__name__)

SEARCH_SECONDS = 2.0  # then a call answers what it has found
LONGEST_TAIL = 10_000  # lines
LONGEST_WAIT = 10  # seconds; API Gateway gives a call 29
LOOK_SECONDS = 0.15  # between looks for a new chunk while an answer waits: S3 takes 0.4 $ a million
LOOKS_PER_JOB = 7  # between looks at the job, so that its end is known within a second
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


def _searched_job(request: Request, run_id: str, job_id: str) -> tuple[Job, Progress]:
    """One job, and its run, which knows the names of its agents."""
    return _job(request, run_id, job_id), resolvers.progress(request, run_id)


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
        "since": "begin with what was printed at this instant, by the agent's clock",
        "wait": f"seconds, at most {LONGEST_WAIT}: while there is nothing new, the answer waits",
    },
)
def read_log(request: Request, job: Job) -> shapes.LogPage:
    """A page of a job's output. Call again with `next` until the end, at most once a second: with
    `wait` a follower sees each line as soon as it is there."""
    position = Position.parse(request.query.get("cursor", ""))
    if position is None:
        raise BadParameter("The cursor is not one that a page of a log has answered.")
    stream, tail = _stream(request), request.number("tail", LONGEST_TAIL)
    since = request.instant("since")
    if sum(bool(each) for each in (request.query.get("cursor"), tail, since)) > 1:
        raise BadParameter("Give one of cursor, tail and since.")
    logs.follow(job, request.now)
    if tail is not None:
        return _page(logs.read_tail(job, tail, stream, request.now))
    if since is not None:
        return _page(logs.read_since(job, since, stream, request.now))
    waits = request.number("wait", LONGEST_WAIT) or 0
    return _page(_wait_for_more(job, position, stream, request.now, waits))


def _wait_for_more(
    job: Job, position: Position, stream: Stream | None, now: datetime, seconds: int
) -> logs.LogPage:
    until = time.monotonic() + seconds
    for look in itertools.count(1):
        page = logs.read(job, position, stream, now)
        is_live = page.state in (LogState.STREAMING, LogState.SHIPPING)
        if page.records or not is_live or time.monotonic() > until:
            return page
        position = page.next
        time.sleep(LOOK_SECONDS)
        if look % LOOKS_PER_JOB == 0 and page.state is LogState.STREAMING:
            job = logs.job_of(job.key, job.attempt)
            now = clock.read()
            logs.follow(job, now)
    raise AssertionError("unreachable")


def _page(page: logs.LogPage) -> shapes.LogPage:
    return shapes.LogPage(
        records=[
            shapes.LogRecord(cast(shapes.StreamName, each.stream.word), each.at, each.data)
            for each in page.records
        ],
        next=str(page.next),
        has_more=page.has_more,
        state=page.state.value,
        missing=None if page.missing is None else _missing(page.missing),
        job_state=page.job.state.value,
    )


def _missing(value: log.Missing) -> shapes.Missing:
    return shapes.Missing(value.chunks, value.stdout_bytes, value.stderr_bytes, value.reason)


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
    on=_searched_job,
    answers=shapes.LogMatches,
    query={**SEARCH, **STREAM, **ATTEMPT},
)
def search_log(request: Request, found: tuple[Job, Progress]) -> shapes.LogMatches:
    """The lines of one job's log that match."""
    needle, stream = _needle(request), _stream(request)
    job, progress = found
    cursor = request.query.get("cursor", "")
    return _matches(search.search(job, needle, stream, cursor, _budget()), _names(progress))


@api.get(
    "/runs/{run_id}/search",
    needs=Permission.LOGS_READ,
    on=resolvers.progress,
    answers=shapes.LogMatches,
    query={**SEARCH, **STREAM, "step": "its number; all without"},
)
def search_run(request: Request, progress: Progress) -> shapes.LogMatches:
    """The lines of all jobs' logs that match, one job after the other."""
    needle, stream = _needle(request), _stream(request)
    step = request.number("step", 9_999)
    ordered = sorted(progress.jobs, key=lambda job: (job.key.step, job.index))
    begun = [job for job in ordered if job.claimed_at and step in (None, job.key.step)]
    cursor = request.query.get("cursor", "")
    return _matches(search.search_jobs(begun, needle, stream, cursor, _budget()), _names(progress))


def _names(progress: Progress) -> dict[str, str]:
    return {id: name for step in progress.steps for id, name in step.agents.items()}


def _matches(found: search.Found, names: Mapping[str, str]) -> shapes.LogMatches:
    matches = [
        shapes.LogMatch(
            job_id=job.key.job_id,
            agent_id=job.key.agent_id,
            agent_name=names.get(job.key.agent_id, job.key.agent_id),
            step=job.key.step,
            line=match.line,
            stream=cast(shapes.StreamName, match.stream.word),
            at=match.at,
            text=match.text,
            start=match.start,
            end=match.end,
        )
        for job, match in found.matches
    ]
    return shapes.LogMatches(matches, found.next, found.searched_bytes)


@api.get(
    "/runs/{run_id}/outputs",
    needs=Permission.LOGS_READ,
    on=resolvers.progress,
    answers=shapes.Outputs,
    query={"step": "its number; the first without"},
)
def compare_outputs(request: Request, progress: Progress) -> shapes.Outputs:
    """Which agents of a step printed the same, and what."""
    wanted = request.number("step", 9_999) or 1
    for step in progress.steps:
        if step.number == wanted:
            groups, pending = outputs.grouped(all_jobs(progress, step))
            return shapes.Outputs(
                [_group(each, step.agents) for each in groups],
                [_output_job(job, step.agents) for job in pending],
            )
    raise NotFound(f"The run has no step {wanted}.")


def _group(group: outputs.Group, names: Mapping[str, str]) -> shapes.OutputGroup:
    sample = None
    if group.sample is not None:
        text = group.sample.decode(errors="replace")
        sample = shapes.OutputSample(group.jobs[0].key.job_id, text, group.is_cut)
    return shapes.OutputGroup(
        count=len(group.jobs),
        jobs=[_output_job(job, names) for job in group.jobs],
        stdout_bytes=group.stdout_bytes,
        stderr_bytes=group.stderr_bytes,
        sample=sample,
    )


def _output_job(job: Job, names: Mapping[str, str]) -> shapes.OutputJob:
    name = names.get(job.key.agent_id, job.key.agent_id)
    return shapes.OutputJob(job.key.job_id, job.key.agent_id, name, job.state.value, job.exit_code)
