"""What a first page shows: what goes on, what failed, who is not there. Every part costs a bounded
number of calls, and is kept for a while in the warm process: many people may look at it at once."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from threading import Lock
from typing import Any, TypeVar

import msgspec

from chalicelib.access.scope import Scope
from chalicelib.agents.agent import AgentStatus, Candidate, Presence, status
from chalicelib.dynamo import agents, gates, jobs, presences, run_history, runs, schedules, tasks
from chalicelib.dynamo.run_history import Filter
from chalicelib.operations.work import count_dead_letters
from chalicelib.runs.attention import Failing, failing
from chalicelib.runs.job import JobKey, JobState
from chalicelib.runs.run import Run, RunState
from chalicelib.runs.statistics import Day, by_day
from chalicelib.tasks.schedule import Schedule

KEPT_FOR = timedelta(seconds=15)
TRENDS_KEPT_FOR = timedelta(minutes=1)
KEPT_AT_MOST = 100  # parts: so many scopes are asked for here
DAYS = 7
RECENT = timedelta(days=1)
RUNS = run_history.LOOKED_AT  # looked at for each part
AGENTS, SCHEDULES, PAGE = 5_000, 500, 100
SHOWN = 10  # of what is named and not only counted
SHOWN_SCHEDULES = 20
LOGS_LOOKED_AT, LOGS_TOLD_FOR = 50, timedelta(days=7)
ACTIVE = (RunState.QUEUED, RunState.RUNNING, RunState.CANCELLING)
BAD = (RunState.FAILED, RunState.TIMED_OUT)

Part = TypeVar("Part")
_keeping = Lock()
_kept: "OrderedDict[tuple[Any, ...], _Slot]" = OrderedDict()


class Runs(msgspec.Struct, frozen=True):
    """Runs, and whether there may be more of them than were looked at."""

    found: Sequence[Run]
    has_more: bool


class Going(msgspec.Struct, frozen=True):
    """The runs that have not ended, and what has ended in the newest of them (see `gates`)."""

    runs: Runs
    counted: Mapping[str, Mapping[JobState, int]]


class Gone(msgspec.Struct, frozen=True):
    """An agent that was there and is not heard of any more."""

    id: str
    name: str
    last_seen_at: datetime


class GivenUpLog(msgspec.Struct, frozen=True):
    """The log of a job that could not be put together."""

    run: Run
    job: JobKey
    at: datetime


class Agents(msgspec.Struct, frozen=True):
    """By status, and those that are offline, the last to go first."""

    counts: Mapping[AgentStatus, int]
    gone: Sequence[Gone]
    has_more: bool


class Overview(msgspec.Struct, frozen=True):
    """See `api.overview.Overview`. `newest` are what `days` were counted from."""

    going: Going
    failed: Runs
    unmended: Sequence[Failing]
    newest: Runs
    days: Sequence[Day]
    agents: Agents
    logs_given_up: Sequence[GivenUpLog]
    failing: Sequence[Schedule]
    next_due: Sequence[Schedule]
    task_names: Mapping[str, str]  # of these schedules, by id
    dead_letters: int | None


def overview(scope: Scope, now: datetime, days_kept: int) -> Overview:
    """What is inside of a scope. Within some seconds, whoever has the same gets the same answer."""

    def look(wanted: Filter) -> Runs:
        found, following = run_history.find(wanted, RUNS, None, now, days_kept)
        return Runs(found, following is not None)

    def going() -> Going:
        found = look(Filter(states=ACTIVE, scope=scope))
        return Going(found, gates.counted(found.found[:SHOWN]))

    def bad() -> Runs:
        return look(Filter(states=BAD, begin=now - RECENT, scope=scope))

    def newest() -> Runs:
        begin = datetime.combine(now.date() - timedelta(days=DAYS - 1), datetime.min.time())
        return look(Filter(begin=begin.replace(tzinfo=now.tzinfo), scope=scope))

    whose = msgspec.json.encode(scope)
    kept = _Kept(now)
    trend = kept("newest", whose, newest, TRENDS_KEPT_FOR)
    failed = kept("failed", whose, bad)
    planned = kept("schedules", (), _schedules)
    mine = [each for each in planned if scope.holds_task(each.task_id)]
    bad_ones = [each for each in mine if each.last_problem is not None][:SHOWN_SCHEDULES]
    next_due = _next_due(mine)
    of_tasks = {each.task_id for each in (*bad_ones, *next_due)}
    return Overview(
        going=kept("going", whose, going),
        failed=failed,
        unmended=failing(failed.found, trend.found),
        newest=trend,
        days=by_day(trend.found, now.date(), DAYS),
        agents=_count_agents(kept("agents", (), _agents), scope, now),
        logs_given_up=[
            each
            for each in kept("logs", (), lambda: _logs_given_up(now))
            if scope.holds_run(each.run.task_id, each.run.reach)
        ],
        failing=bad_ones,
        next_due=next_due,
        task_names=kept("names", tuple(sorted(of_tasks)), lambda: _names(of_tasks)),
        dead_letters=kept("letters", (), count_dead_letters) if scope.is_everything else None,
    )


class _Slot:
    """A part, until when it may be shown, and the lock of who makes it."""

    def __init__(self) -> None:
        self.making = Lock()
        self.until: datetime | None = None
        self.part: Any = None


class _Kept(msgspec.Struct, frozen=True):
    """Parts as they were a moment ago, or made now."""

    now: datetime

    def __call__(
        self, name: str, whose: Any, make: Callable[[], Part], lasts: timedelta = KEPT_FOR
    ) -> Part:
        with _keeping:
            slot = _kept.setdefault((name, whose), _Slot())
            while len(_kept) > KEPT_AT_MOST:
                _kept.popitem(last=False)
        with slot.making:  # many who come when it has lapsed look once, and not each of them
            if slot.until is None or self.now >= slot.until:
                slot.part = make()
                slot.until = self.now + lasts
            part: Part = slot.part
            return part


def forget() -> None:
    """Makes this process look at everything again."""
    _kept.clear()


def _schedules() -> list[Schedule]:
    found: list[Schedule] = []
    cursor: str | None = None
    while len(found) < SCHEDULES:
        some, cursor = schedules.search(PAGE, cursor)
        found += some
        if cursor is None:
            break
    return found


def _next_due(planned: Sequence[Schedule]) -> list[Schedule]:
    due = [(each.next_due_at, each) for each in planned if each.next_due_at is not None]
    return [each for _, each in sorted(due, key=lambda pair: pair[0])[:SHOWN_SCHEDULES]]


def _names(task_ids: Collection[str]) -> dict[str, str]:
    return {task.id: task.name for task in tasks.named(task_ids)} if task_ids else {}


Fleet = tuple[list[Candidate], Mapping[str, Presence]]


def _agents() -> Fleet:
    """One more than are counted, where there are more; two scans, each of a call for a megabyte."""
    return list(islice(agents.everybody(), AGENTS + 1)), presences.everybody()


def _count_agents(known: Fleet, scope: Scope, now: datetime) -> Agents:
    everybody, seen = known
    counted: Counter[AgentStatus] = Counter()
    gone: list[Gone] = []
    for each in everybody[:AGENTS]:
        if scope.holds_agent(each.labels, each.group):
            presence = seen.get(each.id)
            is_now = status(each, presence, now)
            counted[is_now] += 1
            if presence is not None and is_now is AgentStatus.OFFLINE:
                gone.append(Gone(each.id, each.name, presence.last_seen_at))
    gone.sort(key=lambda each: each.last_seen_at, reverse=True)
    return Agents(counted, gone[:SHOWN], len(everybody) > AGENTS)


def _logs_given_up(now: datetime) -> list[GivenUpLog]:
    """One query and one batch; whose run is gone is told no more."""
    found = jobs.logs_given_up(now - LOGS_TOLD_FOR, LOGS_LOOKED_AT)
    at = {jobs.key_of(each): each.at for each in found}
    ids = sorted({key.run_id for key in at})
    known = {run.id: run for run in runs.get_many(ids)} if ids else {}
    return [
        GivenUpLog(known[key.run_id], key, instant)
        for key, instant in at.items()
        if key.run_id in known
    ]
