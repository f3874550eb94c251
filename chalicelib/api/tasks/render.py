"""From tasks to the API's shapes."""

from collections.abc import Mapping, Sequence

from chalicelib.agents.agent import AgentStatus
from chalicelib.api.access.render import by
from chalicelib.api.shapes import TomlError
from chalicelib.api.tasks import shapes
from chalicelib.operations.tasks.preview import Preview, PreviewedStep
from chalicelib.operations.tasks.templates import Template
from chalicelib.runs.run import Run, RunState
from chalicelib.runs.run_summary import tolerated_failures
from chalicelib.tasks.param import Param
from chalicelib.tasks.param_lint import Finding, lint
from chalicelib.tasks.schedule import Schedule
from chalicelib.tasks.target import Targets
from chalicelib.tasks.task import Amount, Definition, Step, StoredRevision, StoredTask
from chalicelib.tasks.toml_table import InvalidDefinition


def task(value: StoredTask, recent: Sequence[Run] | None = None) -> shapes.Task:
    """A task in a list, with its newest runs where they are asked for."""
    return shapes.Task(
        id=value.id,
        name=value.name,
        revision=value.revision,
        step_count=value.step_count,
        is_template=value.is_template,
        created_at=value.created_at,
        updated_at=value.updated_at,
        updated_by=by(value.updated_by),
        recent=None if recent is None else [_outcome(run) for run in recent],
    )


def _outcome(run: Run) -> shapes.Outcome:
    return shapes.Outcome(
        run_id=run.id,
        state=run.state.value,
        created_at=run.created_at,
        duration_seconds=run.seconds,
        tolerated_failures=tolerated_failures(run),
    )


def task_detail(
    value: StoredTask, definition: Definition, agents: Mapping[str, str]
) -> shapes.TaskDetail:
    """A task with what its TOML says. `agents` are the names of those that it names, by id."""
    return shapes.TaskDetail(
        task=task(value),
        definition=value.definition,
        description=definition.description,
        timeout_seconds=definition.timeout_seconds,
        concurrency=definition.concurrency.value,
        params=[_param(each) for each in definition.params],
        steps=[step(each) for each in definition.steps],
        warnings=_warnings(lint(value.definition, definition)),
        agents=dict(agents),
    )


def faults(error: InvalidDefinition) -> shapes.Findings:
    """All that is known to be wrong with a definition."""
    return shapes.Findings(
        faults=[TomlError(**each) for each in error.details["errors"]], checked=None
    )


def checked_task(
    definition: Definition,
    known: StoredTask | None,
    agents: Mapping[str, str],
    warnings: Sequence[Finding],
) -> shapes.CheckedTask:
    """What a definition says that is not saved; `known` is the task of its name."""
    return shapes.CheckedTask(
        name=definition.name,
        task_id=known.id if known else None,
        params=[_param(each) for each in definition.params],
        steps=[step(each) for each in definition.steps],
        agents=dict(agents),
        warnings=_warnings(warnings),
    )


def _warnings(findings: Sequence[Finding]) -> list[shapes.Warning]:
    return [shapes.Warning(each.line, each.key, each.message) for each in findings]


def _param(value: Param) -> shapes.Param:
    return shapes.Param(
        name=value.name,
        description=value.description,
        type=value.type.value,
        default=value.default,
        pattern=value.pattern,
        choices=list(value.choices),
        required=value.required or value.default is None,
        secret=value.secret,
    )


def _targets(value: Targets) -> shapes.Targets:
    return shapes.Targets(
        agent_ids=list(value.agent_ids),
        labels=dict(value.labels),
        group=value.group,
        selector=value.selector,
        all=value.everybody,
        allow_empty=value.allow_empty,
    )


def _amount(value: Amount | None) -> str | None:
    return None if value is None else str(value)


def step(value: Step) -> shapes.Step:
    """One step of a definition."""
    return shapes.Step(
        number=value.number,
        name=value.name,
        targets=_targets(value.targets),
        path=value.path,
        command=value.command,
        script=value.script,
        shell=value.shell,
        user=value.user,
        env=dict(value.env),
        timeout_seconds=value.timeout_seconds,
        deliver_within_seconds=value.deliver_within_seconds,
        lost_after_seconds=value.lost_after_seconds,
        canary=_amount(value.canary),
        max_parallel=_amount(value.max_parallel),
        max_failures=_amount(value.max_failures),
        retries=value.retry.times,
        retry_delay_seconds=value.retry.delay_seconds,
        retry_backoff=value.retry.backoff,
        retry_on=[state.value for state in value.retry.on],
        when=value.when.value,
        mask=list(value.mask),
    )


def revision(value: StoredRevision) -> shapes.Revision:
    """A saved state of a task."""
    return shapes.Revision(
        task_id=value.task_id,
        number=value.number,
        definition=value.definition,
        saved_by=by(value.saved_by),
        created_at=value.created_at,
    )


def plan(value: Preview) -> shapes.Plan:
    """What a run would do."""
    return shapes.Plan(
        task_id=value.task.id,
        revision=value.task.revision,
        parameters=dict(value.parameters),
        steps=[_planned_step(each, value.agents) for each in value.steps],
        agents=len(value.agents),
        offline=sum(status is not AgentStatus.ONLINE for status in value.agents.values()),
        warnings=_warnings(value.findings),
    )


def _planned_step(value: PreviewedStep, agents: Mapping[str, AgentStatus]) -> shapes.PlannedStep:
    return shapes.PlannedStep(
        number=value.step.number,
        name=value.step.name,
        when=value.step.when.value,
        targets=value.step.targets.describe(),
        path=value.step.path,
        text=value.text,
        max_failures=value.max_failures,
        problem=value.problem,
        waves=[
            shapes.PlannedWave(
                wave.at_once,
                [shapes.PlannedAgent(id, name, agents[id].value) for id, name in wave.agents],
            )
            for wave in value.waves
        ],
    )


def template(value: Template) -> shapes.Template:
    """A definition to start from."""
    return shapes.Template(
        id=value.id,
        name=value.name,
        description=value.description,
        definition=value.definition,
        is_own=value.is_own,
    )


def schedule(value: Schedule, task_name: str | None, last: RunState | None) -> shapes.Schedule:
    """A schedule with what came of it last; `last` is the state of the last run that it made."""
    return shapes.Schedule(
        id=value.id,
        task_id=value.task_id,
        task_name=task_name,
        cron=value.cron,
        time_zone=value.time_zone,
        overlap=value.overlap.value,
        catch_up=value.catch_up.value,
        paused=value.paused,
        parameters=dict(value.parameters),
        created_by=by(value.created_by),
        created_at=value.created_at,
        next_due_at=value.next_due_at,
        last_due_at=value.last_due_at,
        last_run_id=value.last_run_id,
        last_run_state=last.value if last else None,
        last_problem=value.last_problem,
    )
