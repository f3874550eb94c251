"""Tasks, their revisions and their runs."""

from chalicelib.access.principal import Permission
from chalicelib.api.routing import Api, Request
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
from chalicelib.operations.tasks.task_list import list_by_name
from chalicelib.operations.tasks.tasks import create_task, delete_task, replace_task
from chalicelib.runs.run_page import ended_in_step
from chalicelib.runs.statistics import statistics
from chalicelib.settings import settings
from chalicelib.tasks.task import StoredTask
from chalicelib.tasks.task_toml import parse

api = Api(__name__)


@api.get(
    "/tasks",
    needs=Permission.TASKS_READ,
    answers=list[shapes.Task],
    query={"name": "exactly this name"},
)
def list_tasks(request: Request) -> Page:
    """The tasks by name."""
    limit = request.limit()
    if "name" in request.query:
        task = tasks.get_by_name(request.query["name"])
        is_listed = task is not None and request.scope.holds_task(task.id)
        return Page([render_task.task(task)] if task and is_listed else [], None)
    found, following = list_by_name(request.scope, limit, request.cursor())
    return Page([render_task.task(each) for each in found], following)


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
    return render_task.task_detail(task, parse(task.definition))


@api.get(
    "/tasks/{task_id}", needs=Permission.TASKS_READ, on=resolvers.task, answers=shapes.TaskDetail
)
def show_task(request: Request, task: StoredTask) -> shapes.TaskDetail:
    """A task with its current TOML."""
    return render_task.task_detail(task, parse(task.definition))


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
    return render_task.task_detail(saved, parse(saved.definition))


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
