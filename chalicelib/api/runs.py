"""Runs, and the logs of their jobs."""

from datetime import timedelta
from typing import cast

from chalice.app import Response

from chalicelib.api import render, shapes
from chalicelib.api.routing import Api, Request
from chalicelib.dynamo import runs
from chalicelib.errors import BadParameter, NotFound
from chalicelib.log import Position, Stream
from chalicelib.operations import logs
from chalicelib.operations.cancel import cancel
from chalicelib.principal import Permission
from chalicelib.settings import settings

api = Api(__name__)


@api.get("/runs", needs=Permission.RUNS_READ, answers=list[shapes.Run])
def list_runs(request: Request) -> shapes.Page:
    """All runs, newest first."""
    found, following = runs.history(
        request.limit(), request.cursor(), request.now, settings.history_days
    )
    return shapes.Page([render.run(each) for each in found], following)


@api.get("/runs/{run_id}", needs=Permission.RUNS_READ, answers=shapes.RunDetail)
def show_run(request: Request, run_id: str) -> shapes.RunDetail:
    """A run with its steps and jobs."""
    progress = runs.progress(run_id.upper())
    if progress is None:
        raise NotFound(f"There is no run with the id '{run_id}'.")
    return render.run_detail(progress)


@api.post("/runs/{run_id}/cancel", needs=Permission.RUNS_CANCEL, answers=shapes.Run)
def cancel_run(request: Request, run_id: str) -> shapes.Run:
    """Nothing more starts; what runs is ended. The run is `cancelling` until all of it has."""
    return render.run(cancel(run_id.upper(), cancelled_by=request.caller().name, now=request.now))


def _stream(request: Request) -> Stream | None:
    word = request.query.get("stream", "")
    for stream in Stream:
        if stream.word == word:
            return stream
    if word:
        raise BadParameter(f"stream must be stdout or stderr, not '{word[:32]}'.")
    return None


@api.get(
    "/runs/{run_id}/jobs/{job_id}/log",
    needs=Permission.LOGS_READ,
    answers=shapes.LogPage,
    query={"stream": "stdout or stderr; both in their order without", "cursor": "where to go on"},
)
def read_log(request: Request, run_id: str, job_id: str) -> shapes.LogPage:
    """A page of a job's output. Call again with `next`, at most once a second, until the end."""
    position = Position.parse(request.query.get("cursor", ""))
    if position is None:
        raise BadParameter("The cursor is not one that a page of a log has answered.")
    job = logs.existing_job(run_id.upper(), job_id)
    page = logs.read(job, position, _stream(request), request.now)
    return shapes.LogPage(
        records=[
            shapes.LogRecord(cast(shapes.StreamName, each.stream.word), each.at, each.data)
            for each in page.records
        ],
        next=str(page.next),
        state=page.state.value,
        job_state=page.job.state.value,
    )


@api.get(
    "/runs/{run_id}/jobs/{job_id}/log/download",
    needs=Permission.LOGS_READ,
    answers=shapes.LogDownload,
    query={"stream": "stdout or stderr", "redirect": "false answers the address instead"},
)
def download_log(request: Request, run_id: str, job_id: str) -> shapes.LogDownload | Response:
    """One whole stream, byte for byte, as a presigned address."""
    stream = _stream(request)
    if stream is None:
        raise BadParameter("Say which stream: ?stream=stdout or ?stream=stderr.")
    found = logs.download(logs.existing_job(run_id.upper(), job_id), stream)
    if request.query.get("redirect") != "false":
        headers: dict[str, str | list[str]] = {"Location": found.url, "Cache-Control": "no-store"}
        return Response(body="", status_code=302, headers=headers)
    return shapes.LogDownload(
        url=found.url,
        file_name=found.file_name,
        bytes=found.size,
        expires_at=request.now + timedelta(seconds=found.expires_in_seconds),
    )
