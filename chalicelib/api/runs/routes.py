"""Runs and their jobs."""

from typing import Any

from chalice.app import Response

from chalicelib.access.principal import Permission
from chalicelib.api.envelope import encoded
from chalicelib.api.routing import Api, Request
from chalicelib.api.runs import render as render_run
from chalicelib.api.runs import resolvers, shapes
from chalicelib.api.shapes import Page
from chalicelib.dynamo import gates, job_pages, run_history
from chalicelib.ids import new_ulid
from chalicelib.operations.runs.cancel import cancel, cancel_job
from chalicelib.operations.runs.commands import match, run_command
from chalicelib.operations.runs.existing import no_run
from chalicelib.operations.runs.retry import retry
from chalicelib.operations.runs.waiting import waited_for
from chalicelib.runs.context import Context
from chalicelib.runs.job import Job, JobState
from chalicelib.runs.run import Progress, Run, RunState, Trigger
from chalicelib.runs.run_page import RunPage, ended_in_step
from chalicelib.runs.run_summary import RetryWhat
from chalicelib.settings import settings

api = Api(__name__)


NDJSON = "application/x-ndjson"
LONGEST_TEXT = 128  # that is searched for
FILTERS = {
    "task": "only runs of the task with this id",
    "agent": "only runs with jobs on the agent with this id",
    "state": "only runs in this state, or in one of several: failed,timed_out",
    "q": "only runs with this in the task's name, their id, or the name of who triggered them",
    "trigger": "only runs started by: person, schedule, retry, command",
    "by": "only runs triggered by who has this name or id",
    "from": "only runs created at this instant or later",
    "to": "only runs created before this instant",
}


@api.get("/runs", needs=Permission.RUNS_READ, answers=list[shapes.Run], query=FILTERS)
def list_runs(request: Request) -> Page:
    """Runs, newest first. A page may be short or empty while `next` leads on."""
    found, following = _history(request)
    return Page(render_run.listed(found, gates.counted(found)), following)


def _history(request: Request) -> tuple[list[Run], str | None]:
    wanted = run_history.Filter(
        task_id=request.identifier("task") or request.scope.only_task,
        agent_id=request.identifier("agent"),
        states=request.choices("state", RunState),
        trigger=request.choice("trigger", Trigger),
        by=request.name("by"),
        text=request.query.get("q", "")[:LONGEST_TEXT],
        begin=request.instant("from"),
        end=request.instant("to"),
        scope=request.scope,
    )
    return run_history.find(
        wanted, request.limit(), request.cursor(), request.now, settings.history_days
    )


@api.get("/exports/runs", needs=Permission.RUNS_READ, answers=NDJSON, query=FILTERS)
def export_runs(request: Request) -> Response:
    """Runs as JSON lines, newest first; the header `Plumber-Next` is the cursor of what follows."""
    found, following = _history(request)
    listed = render_run.listed(found, gates.counted(found))
    lines = b"".join(encoded(each) + b"\n" for each in listed)
    headers: dict[str, str | list[str]] = {"Content-Type": NDJSON}
    if following is not None:
        headers["Plumber-Next"] = request.sealed(following)
    return Response(body=lines.decode(), status_code=200, headers=headers)


@api.get("/runs/{run_id}", needs=Permission.RUNS_READ, on=resolvers.page, answers=shapes.RunDetail)
def show_run(request: Request, page: RunPage) -> shapes.RunDetail:
    """A run with its steps and the first jobs of each."""
    return render_run.run_detail(page, waited_for(page, request.now))


@api.post(
    "/runs/{run_id}/cancel",
    needs=Permission.RUNS_CANCEL,
    on=resolvers.run,
    audits="run.cancel",
    answers=shapes.Run,
)
def cancel_run(request: Request, run: Run) -> shapes.Run:
    """Nothing more starts; what runs is ended. The run is `cancelling` until all of it has."""
    after = cancel(run, cancelled_by=request.caller().by, now=request.now)
    return render_run.run(after, gates.counted([after]).get(after.id))


@api.post(
    "/runs/{run_id}/jobs/{job_id}/cancel",
    needs=Permission.RUNS_CANCEL,
    on=resolvers.job_with_context,
    audits="job.cancel",
    answers=shapes.Job,
)
def cancel_one_job(request: Request, found: tuple[Job, Context]) -> shapes.Job:
    """Cancels one job. The run goes on as its MaxFailures says."""
    return render_run.job(cancel_job(found, cancelled_by=request.caller().by, now=request.now))


@api.get(
    "/runs/{run_id}/jobs/{job_id}",
    needs=Permission.RUNS_READ,
    on=resolvers.job,
    answers=shapes.Job,
)
def show_job(request: Request, job: Job) -> shapes.Job:
    """One job of a run, once its step has come to it."""
    return render_run.job(job)


@api.get(
    "/runs/{run_id}/jobs",
    needs=Permission.RUNS_READ,
    on=resolvers.run_id,
    answers=list[shapes.Job],
    query={
        "step": "its number; all without",
        "state": "only jobs in this state, or in one of several",
    },
)
def list_jobs(request: Request, run_id: str) -> Page:
    """The jobs of a run, in the order of steps. A page may be short or empty while `next` leads
    on."""
    states = frozenset(request.choices("state", JobState))
    wanted = job_pages.Filter(request.number("step", 9_999), states)
    page = job_pages.find(run_id, wanted, request.limit(), request.cursor())
    if page is None:
        raise no_run(run_id)
    found, following = page
    return Page([render_run.job(each) for each in found], following)


@api.post(
    "/runs/{run_id}/retry",
    needs=Permission.RUNS_TRIGGER,
    on=resolvers.head,
    audits="run.retry",
    takes=shapes.RetryRequest,
    answers=shapes.Run,
    status=201,
    headers={"Idempotency-Key": "the same key within a day answers the same run"},
)
def retry_run(request: Request, progress: Progress, body: shapes.RetryRequest) -> shapes.Run:
    """Runs again: all of it, from the first failed step on, or only where it did not succeed. An
    ad-hoc command needs the permission of its first run; secret parameters are given again."""
    begun = retry(
        progress,
        RetryWhat(body.what),
        body.parameters,
        caller=request.caller(),
        new_run_id=new_ulid(request.now),
        idempotency_key=request.headers.get("idempotency-key"),
        now=request.now,
    )
    return render_run.run(begun.run, ended_in_step(begun))


@api.post(
    "/commands",
    needs=Permission.TASKS_WRITE,
    audits="command.run",
    takes=shapes.Command,
    answers=shapes.Run,
    status=201,
    headers={"Idempotency-Key": "the same key within a day answers the same run"},
)
def execute_command(request: Request, body: shapes.Command) -> shapes.Run:
    """Runs one command on many agents at once, without a task."""
    begun = run_command(
        _step_keys(body),
        triggered_by=request.caller().by,
        run_id=new_ulid(request.now),
        idempotency_key=request.headers.get("idempotency-key"),
        now=request.now,
        scope=request.scope,
    )
    return render_run.run(begun.run, ended_in_step(begun))


@api.post(
    "/agents/match", needs=Permission.AGENTS_READ, takes=shapes.Targeting, answers=shapes.Match
)
def match_agents(request: Request, body: shapes.Targeting) -> shapes.Match:
    """Whom a step or a command with these targets would run on now. Starts nothing."""
    return render_run.match(match(_targets(body), request.now, request.scope))


def _targets(body: shapes.Command | shapes.Targeting) -> dict[str, Any]:
    """The keys of a `[[step]]` that say where it runs."""
    targets = {
        "Labels": body.labels,
        "Group": body.group,
        "Selector": body.selector,
        "All": body.all or None,
    }
    chosen = {key: value for key, value in targets.items() if value is not None}
    keys = {"ServerID": body.agent_ids, "Targets": chosen or None}
    return {key: value for key, value in keys.items() if value is not None}


def _step_keys(body: shapes.Command) -> dict[str, Any]:
    """The command with the keys of a `[[step]]`."""
    keys = {
        "CMD": body.command,
        "Script": body.script,
        "Shell": body.shell,
        "Path": body.path,
        "User": body.user,
        "Env": body.env,
        "Timeout": body.timeout,
        "DeliverWithin": body.deliver_within,
        "MaxParallel": body.max_parallel,
        "MaxFailures": body.max_failures,
    }
    return {**_targets(body), **{key: each for key, each in keys.items() if each is not None}}
