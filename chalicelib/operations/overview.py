"""What a first page shows: what goes on, what failed, who is not there. Every part costs a bounded
number of calls, and is kept for a while in the warm process: many people may look at it at once."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from threading import Lock
from typing import Any, TypeVar

import msgspec

from chalicelib.access.scope import Scope
from chalicelib.agents.agent import AgentStatus, Candidate, Presence, status
from chalicelib.dynamo import agents, presences, run_history, schedules
from chalicelib.dynamo.run_history import Filter
from chalicelib.operations.work import count_dead_letters
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
SHOWN_SCHEDULES = 20
ACTIVE = (RunState.QUEUED, RunState.RUNNING, RunState.CANCELLING)
BAD = (RunState.FAILED, RunState.TIMED_OUT)

Part = TypeVar("Part")
_making = Lock()
_kept: OrderedDict[tuple[Any, ...], tuple[datetime, Any]] = OrderedDict()


class Runs(msgspec.Struct, frozen=True):
    """Runs, and whether there may be more of them than were looked at."""

    found: Sequence[Run]
    has_more: bool


class Overview(msgspec.Struct, frozen=True):
    """See `api.overview.Overview`. `newest` are what `days` were counted from."""

    active: Runs
    failed: Runs
    newest: Runs
    days: Sequence[Day]
    agents: Mapping[AgentStatus, int]
    has_more_agents: bool
    failing: Sequence[Schedule]
    next_due: Sequence[Schedule]
    dead_letters: int | None


def overview(scope: Scope, now: datetime, days_kept: int) -> Overview:
    """What is inside of a scope. Within some seconds, whoever has the same gets the same answer."""

    def look(wanted: Filter) -> Runs:
        found, following = run_history.find(wanted, RUNS, None, now, days_kept)
        return Runs(found, following is not None)

    def bad() -> Runs:
        return look(Filter(states=BAD, begin=now - RECENT, scope=scope))

    def newest() -> Runs:
        begin = datetime.combine(now.date() - timedelta(days=DAYS - 1), datetime.min.time())
        return look(Filter(begin=begin.replace(tzinfo=now.tzinfo), scope=scope))

    whose = msgspec.json.encode(scope)
    kept = _Kept(now)
    trend = kept("newest", whose, newest, TRENDS_KEPT_FOR)
    planned = kept("schedules", (), _schedules)
    mine = [each for each in planned if scope.holds_task(each.task_id)]
    counted, has_more_agents = _count_agents(kept("agents", (), _agents), scope, now)
    return Overview(
        active=kept("active", whose, lambda: look(Filter(states=ACTIVE, scope=scope))),
        failed=kept("failed", whose, bad),
        newest=trend,
        days=by_day(trend.found, now.date(), DAYS),
        agents=counted,
        has_more_agents=has_more_agents,
        failing=[each for each in mine if each.last_problem is not None][:SHOWN_SCHEDULES],
        next_due=sorted(
            (each for each in mine if each.next_due_at is not None),
            key=lambda each: each.next_due_at or now,
        )[:SHOWN_SCHEDULES],
        dead_letters=kept("letters", (), count_dead_letters) if scope.is_everything else None,
    )


class _Kept(msgspec.Struct, frozen=True):
    """Parts as they were a moment ago, or made now."""

    now: datetime

    def __call__(
        self, name: str, whose: Any, make: Callable[[], Part], lasts: timedelta = KEPT_FOR
    ) -> Part:
        key = (name, whose)
        with _making:  # many who come when it has lapsed look once, and not each of them
            known = _kept.get(key)
            if known is not None and self.now < known[0]:
                part: Part = known[1]
                return part
            part = make()
            _kept[key] = (self.now + lasts, part)
            while len(_kept) > KEPT_AT_MOST:
                _kept.popitem(last=False)
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


Fleet = tuple[list[Candidate], Mapping[str, Presence]]


def _agents() -> Fleet:
    """One more than are counted, where there are more; two scans, each of a call for a megabyte."""
    return list(islice(agents.everybody(), AGENTS + 1)), presences.everybody()


def _count_agents(
    known: Fleet, scope: Scope, now: datetime
) -> tuple[Mapping[AgentStatus, int], bool]:
    everybody, seen = known
    counted = Counter(
        status(each, seen.get(each.id), now)
        for each in everybody[:AGENTS]
        if scope.holds_agent(each.labels, each.group)
    )
    return counted, len(everybody) > AGENTS
