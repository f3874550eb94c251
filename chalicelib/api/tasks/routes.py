"""Tasks, their revisions and their runs."""

from chalicelib.access.principal import Permission
from chalicelib.access.scope import Scope
from chalicelib.api.routing import DEFAULT_LIMIT, Api, Request
from chalicelib.api.runs import render as render_run
from chalicelib.api.runs import shapes as run_shapes
from chalicelib.api.shapes import Page
from chalicelib.api.tasks import render as render_task
from chalicelib.api.tasks import resolvers, shapes
from chalicelib.dynamo import gates, run_history, tasks
from chalicelib.ids import new_ulid
from chalicelib.operations.runs.trigger import trigger
from chalicelib.operations.tasks import templates
from chalicelib.operations.tasks.preview import preview
from chalicelib.operations.tasks.task_list import list_by_name, newest_runs
from chalicelib.operations.tasks.tasks import (
    check,
    create_task,
    delete_task,
    names_of,
    replace_task,
)
from chalicelib.runs.run_page import ended_in_step
from chalicelib.runs.statistics import statistics
from chalicelib.settings import settings
from chalicelib.tasks.task import StoredTask
from chalicelib.tasks.task_toml import parse
from chalicelib.tasks.toml_table import InvalidDefinition

MOST_OUTCOMES = 20

api = Api(__name__)


@api.get(
    "/tasks",
    needs=Permission.TASKS_READ,
    answers=list[shapes.Task],
    query={
        "name": "exactly this name",
        "q": "only tasks with this in their names, or with this id",
        "outcomes": f"so many of each task's newest runs, {MOST_OUTCOMES} at most; none without",
    },
)
def list_tasks(request: Request) -> Page:
    """The tasks by name. With `q` a page may be short while `next` leads on; with `outcomes` it has
    20 tasks at most, for each costs a query."""
    limit, outcomes = request.limit(), request.number("outcomes", MOST_OUTCOMES)
    limit = limit if outcomes is None else min(limit, DEFAULT_LIMIT)
    if (name := request.name("name")) is not None:
        task = tasks.get_by_name(name)
        is_listed = task is not None and request.scope.holds_task(task.id)
        found, following = [task] if task and is_listed else [], None
    else:
        text = request.query.get("q", "").strip()
        found, following = list_by_name(request.scope, limit, request.cursor(), text)
    ids = [each.id for each in found]
    recent = newest_runs(ids, outcomes, request.scope) if outcomes else {}
    return Page([render_task.task(each, recent.get(each.id)) for each in found], following)


@api.post(
    "/tasks",
    needs=Permission.TASKS_WRITE,
    audits="task.create",
    takes=shapes.TaskSource,
    answers=shapes.TaskDetail,
    status=201,
)
def save_new_task(request: Request, body: shapes.TaskSource) -> shapes.TaskDetail:
    """Saves a new task from its TOML."""
    task = create_task(
        body.definition,
        task_id=new_ulid(request.now),
        created_by=request.caller().by,
        now=request.now,
        scope=request.scope,
    )
    return _detail(task, request.scope)


@api.post(
    "/tasks/validate",
    needs=Permission.TASKS_READ,
    takes=shapes.TaskSource,
    answers=shapes.CheckedTask,
)
def validate_task(request: Request, body: shapes.TaskSource) -> shapes.CheckedTask:
    """Whether a TOML could be saved, its agents looked up. Saves nothing."""
    return _checked(request, body)


@api.post(
    "/tasks/findings",
    needs=Permission.TASKS_READ,
    takes=shapes.TaskSource,
    answers=shapes.Findings,
)
def find_faults(request: Request, body: shapes.TaskSource) -> shapes.Findings:
    """The same for somebody who is still writing: what is wrong is told, and is no refusal."""
    try:
        return shapes.Findings(faults=[], checked=_checked(request, body))
    except InvalidDefinition as error:
        return render_task.faults(error)


def _checked(request: Request, body: shapes.TaskSource) -> shapes.CheckedTask:
    checked = check(body.definition, request.now, request.scope)
    known = tasks.get_by_name(checked.definition.name)
    if known is not None and not request.scope.holds_task(known.id):
        known = None
    agents = names_of(checked.definition, request.scope)
    return render_task.checked_task(checked.definition, known, agents, checked.findings)


@api.get(
    "/tasks/{task_id}", needs=Permission.TASKS_READ, on=resolvers.task, answers=shapes.TaskDetail
)
def show_task(request: Request, task: StoredTask) -> shapes.TaskDetail:
    """A task with its current TOML."""
    return _detail(task, request.scope)


@api.put(
    "/tasks/{task_id}",
    needs=Permission.TASKS_WRITE,
    on=resolvers.task,
    audits="task.save",
    takes=shapes.TaskSource,
    answers=shapes.TaskDetail,
)
def save_task(request: Request, task: StoredTask, body: shapes.TaskSource) -> shapes.TaskDetail:
    """Saves the next revision; `revision` is the one that it replaces."""
    saved = replace_task(
        task,
        body.definition,
        revision=body.revision,
        updated_by=request.caller().by,
        now=request.now,
        scope=request.scope,
    )
    return _detail(saved, request.scope)


def _detail(task: StoredTask, scope: Scope) -> shapes.TaskDetail:
    definition = parse(task.definition, task.agents)
    return render_task.task_detail(task, definition, names_of(definition, scope))


@api.delete(
    "/tasks/{task_id}", needs=Permission.TASKS_WRITE, on=resolvers.task, audits="task.delete"
)
def remove_task(request: Request, task: StoredTask) -> None:
    """Deletes a task; its runs stay readable."""
    delete_task(task, request.scope)


@api.get(
    "/tasks/{task_id}/revisions",
    needs=Permission.TASKS_READ,
    on=resolvers.task,
    answers=list[shapes.Revision],
)
def list_revisions(request: Request, task: StoredTask) -> Page:
    """The saved states of a task, newest first."""
    found, following = tasks.revisions(task, request.limit(), request.cursor())
    return Page([render_task.revision(each) for each in found], following)


@api.post(
    "/tasks/{task_id}/execute",
    needs=Permission.RUNS_TRIGGER,
    on=resolvers.task,
    audits="task.execute",
    takes=shapes.Execution,
    answers=run_shapes.Run,
    status=201,
    headers={"Idempotency-Key": "the same key within a day answers the same run"},
)
def execute_task(request: Request, task: StoredTask, body: shapes.Execution) -> run_shapes.Run:
    """Triggers a run of the current revision. The header `Idempotency-Key` makes it repeatable."""
    begun = trigger(
        task,
        triggered_by=request.caller().by,
        run_id=new_ulid(request.now),
        idempotency_key=request.headers.get("idempotency-key"),
        now=request.now,
        parameters=body.parameters,
        scope=request.scope,
    )
    return render_run.run(begun.run, ended_in_step(begun))


@api.post(
    "/tasks/{task_id}/plan",
    needs=Permission.TASKS_READ,
    on=resolvers.task,
    takes=shapes.Execution,
    answers=shapes.Plan,
)
def plan_task(request: Request, task: StoredTask, body: shapes.Execution) -> shapes.Plan:
    """What a run would do now: steps, agents and waves, parameters filled in. Starts nothing."""
    return render_task.plan(preview(task, body.parameters, request.now, request.scope))


@api.get(
    "/tasks/{task_id}/executions",
    needs=Permission.RUNS_READ,
    on=resolvers.task_id,
    answers=list[run_shapes.Run],
)
def list_executions(request: Request, task_id: str) -> Page:
    """The runs of a task, newest first."""
    found, following = run_history.find(
        run_history.Filter(task_id=task_id, scope=request.scope),
        request.limit(),
        request.cursor(),
        request.now,
        settings.history_days,
    )
    return Page(render_run.listed(found, gates.counted(found)), following)


@api.get("/templates", needs=Permission.TASKS_READ, answers=list[shapes.Template])
def list_templates(request: Request) -> Page:
    """Definitions to start from: own tasks that are marked so, then the library's."""
    found, following = templates.page(request.scope, request.limit(), request.cursor())
    return Page([render_task.template(each) for each in found], following)


@api.get(
    "/tasks/{task_id}/stats",
    needs=Permission.RUNS_READ,
    on=resolvers.task,
    answers=run_shapes.Statistics,
)
def show_statistics(request: Request, task: StoredTask) -> run_shapes.Statistics:
    """Success rate, durations and last failures of the task's newest runs."""
    found, _ = run_history.find(
        run_history.Filter(task_id=task.id, scope=request.scope),
        run_history.LOOKED_AT,
        None,
        request.now,
        settings.history_days,
    )
    return render_run.statistics(statistics(found))
