"""What a first page shows."""

from collections.abc import Mapping
from datetime import date, datetime

from chalicelib.access.principal import Permission
from chalicelib.agents.agent import AgentStatus
from chalicelib.api.access.render import by
from chalicelib.api.routing import Api, Request
from chalicelib.api.runs import render as render_run
from chalicelib.api.runs import shapes as run_shapes
from chalicelib.api.shapes import By, Shape
from chalicelib.api.tasks.shapes import RunStateName
from chalicelib.operations import overview as operation
from chalicelib.runs.attention import Failing
from chalicelib.runs.run import RunState
from chalicelib.runs.statistics import Day
from chalicelib.settings import settings
from chalicelib.tasks.schedule import Schedule

api = Api(__name__)


class DayCount(Shape, frozen=True):
    """The runs that were created on a day, by UTC. `failed` are timed out ones too. Durations are
    seconds of those that succeeded; the rate leaves cancelled ones out."""

    day: date
    active: int
    succeeded: int
    failed: int
    cancelled: int
    success_rate: float | None
    duration_p50: float | None
    duration_p95: float | None


class ScheduleBrief(Shape, frozen=True):
    """A schedule, by what one looks for at once. `task_name` is null where the task is gone."""

    id: str
    task_id: str
    task_name: str | None
    cron: str
    next_due_at: datetime | None
    last_due_at: datetime | None
    last_problem: str | None


class AgentCounts(Shape, frozen=True):
    """Agents by status."""

    online: int
    offline: int
    disabled: int
    never_seen: int


class FailingTask(Shape, frozen=True):
    """A task that failed within the last 24 hours, so often, and has not gone well since, by its
    newest run that failed. Each ad-hoc command that failed is one too: its `is_command`."""

    task_id: str
    task_name: str
    is_command: bool
    count: int
    run_id: str
    state: RunStateName
    reason: str | None
    triggered_by: By
    created_at: datetime


class GoneAgent(Shape, frozen=True):
    """An agent that is offline."""

    id: str
    name: str
    last_seen_at: datetime


class GivenUpLog(Shape, frozen=True):
    """The log of a job that could not be put together, since when that is known. What there is of
    it can be read, and says what is missing."""

    run_id: str
    task_name: str
    job_id: str
    at: datetime


class Overview(Shape, frozen=True):
    """What needs attention, as it was some seconds ago; all of it inside of the caller's scope.

    `runs_active` have not ended, `runs_failed` are those that failed or timed out of the last 24
    hours; each is counted up to 500, and `has_more` names the parts that may be more. `active` are
    the newest of the former, `failing` what of the latter nobody has mended, `agents_gone` those
    that went offline last: ten each at most. `days` are the last seven, counted from the newest 500
    runs: where those do not reach back so far, `counted_since` is when the oldest of them was
    created. `schedules_failing` made no run when they were due last, `schedules_next` come due
    next; of the first 500, 20 each at most.
    `logs_given_up` are those of the last seven days, of the latest 50. `dead_letters` is how much
    the control plane has given up, null where nobody can say or may know.
    """

    runs_active: int
    active: list[run_shapes.Run]
    runs_failed: int
    failing: list[FailingTask]
    days: list[DayCount]
    counted_since: datetime | None
    agents: AgentCounts
    agents_gone: list[GoneAgent]
    schedules_failing: list[ScheduleBrief]
    schedules_next: list[ScheduleBrief]
    logs_given_up: list[GivenUpLog]
    dead_letters: int | None
    has_more: list[str]


@api.get("/stats", needs=Permission.RUNS_READ, answers=Overview)
def show_overview(request: Request) -> Overview:
    """Counts for a first page: what runs, what failed, who is not there. Ask for it every 15
    seconds at most: within those the answer stays the same."""
    found = operation.overview(request.scope, request.now, settings.history_days)
    more = {
        "runs_active": found.going.runs.has_more,
        "runs_failed": found.failed.has_more,
        "days": found.newest.has_more,
        "agents": found.agents.has_more,
    }
    active = found.going.runs.found
    oldest = found.newest.found[-1].created_at if found.newest.found else None
    return Overview(
        runs_active=len(active),
        active=render_run.listed(active[: operation.SHOWN], found.going.counted),
        runs_failed=len(found.failed.found),
        failing=[_failing(each) for each in found.unmended[: operation.SHOWN]],
        days=[_day(each) for each in found.days],
        counted_since=oldest if found.newest.has_more else None,
        agents=AgentCounts(
            **{name: found.agents.counts.get(status, 0) for name, status in _STATUSES.items()}
        ),
        agents_gone=[
            GoneAgent(each.id, each.name, each.last_seen_at) for each in found.agents.gone
        ],
        schedules_failing=[_brief(each, found.task_names) for each in found.failing],
        schedules_next=[_brief(each, found.task_names) for each in found.next_due],
        logs_given_up=[
            GivenUpLog(each.run.id, each.run.task_name, each.job.job_id, each.at)
            for each in found.logs_given_up
        ],
        dead_letters=found.dead_letters,
        has_more=[name for name, is_so in more.items() if is_so],
    )


_STATUSES = {status.value: status for status in AgentStatus}


def _day(value: Day) -> DayCount:
    def count(*states: RunState) -> int:
        return sum(value.counts.get(state, 0) for state in states)

    return DayCount(
        day=value.day,
        active=count(*operation.ACTIVE),
        succeeded=count(RunState.SUCCEEDED),
        failed=count(*operation.BAD),
        cancelled=count(RunState.CANCELLED),
        success_rate=value.success_rate,
        duration_p50=value.duration_p50,
        duration_p95=value.duration_p95,
    )


def _failing(value: Failing) -> FailingTask:
    last = value.last
    return FailingTask(
        task_id=last.task_id,
        task_name=last.task_name,
        is_command=last.revision == 0,
        count=value.count,
        run_id=last.id,
        state=last.state.value,
        reason=last.reason,
        triggered_by=by(last.triggered_by),
        created_at=last.created_at,
    )


def _brief(value: Schedule, names: Mapping[str, str]) -> ScheduleBrief:
    return ScheduleBrief(
        id=value.id,
        task_id=value.task_id,
        task_name=names.get(value.task_id),
        cron=value.cron,
        next_due_at=value.next_due_at,
        last_due_at=value.last_due_at,
        last_problem=value.last_problem,
    )
