"""Schedules: when a cron expression in a time zone comes due, and what becomes of missed times.

The arithmetic is cronsim's, which does as Debian's cron does. Where clocks change, a job at a fixed
time in the hour that is skipped is due once, right after the change, and one in the hour that is
repeated is due once, in its first pass; where minute or hour begins with `*`, it goes with real
time. Pure.
"""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from enum import Enum
from functools import cache
from importlib import resources
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import msgspec
from cronsim import CronSim, CronSimError
from msgspec.structs import fields, replace

from chalicelib.access.by import By
from chalicelib.access.scope import EVERYTHING, Scope
from chalicelib.errors import BadParameter
from chalicelib.ids import derived_ulid
from chalicelib.tasks.task import Concurrency

ON_TIME_FOR = timedelta(minutes=5)  # a due time that is older when it is found was missed
MAX_CRON_CHARACTERS = 128
MAX_PARAMETER_BYTES = 65_536  # of all together; a schedule is one DynamoDB item of at most 400 KB
MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_FIELDS = {
    "minute": "0-59",
    "hour": "0-23",
    "day-of-month": "1-31 (L is the month's last day), and a day that the months have",
    "month": "1-12 or JAN-DEC",
    "day-of-week": "0-7 or SUN-SAT (0 and 7 are Sunday)",
}
# How far back the newest missed time is looked for, each only where the one before holds none.
_LOOKS_BACK = tuple(map(timedelta, (1 / 24, 1, 8, 32, 366)))


class Overlap(str, Enum):
    """What becomes of a due time while an earlier run of the task has not ended."""

    SKIP = "skip"  # no run
    QUEUE = "queue"  # the new run waits
    REPLACE = "replace"  # the earlier run is cancelled

    @property
    def concurrency(self) -> Concurrency:
        """The same, as a trigger says it."""
        return _CONCURRENCY[self]


_CONCURRENCY = {
    Overlap.SKIP: Concurrency.FORBID,
    Overlap.QUEUE: Concurrency.QUEUE,
    Overlap.REPLACE: Concurrency.REPLACE,
}


class CatchUp(str, Enum):
    """What becomes of due times that were missed: nothing, or one run for the newest of them."""

    NONE = "none"
    ONE = "one"


class Schedule(msgspec.Struct, frozen=True):
    """A schedule as stored. `next_due_at` is None while it is paused, and when nothing comes.

    `run_id` is the run that `next_due_at` makes, as soon as a sweeper has begun with it.
    `last_problem` says why the last due time made no run, and is None when it did. `scope` is that
    of whoever created it: it makes no runs outside of that.
    """

    id: str
    task_id: str
    cron: str
    time_zone: str
    overlap: Overlap
    catch_up: CatchUp
    paused: bool
    created_by: By
    created_at: datetime
    scope: Scope = EVERYTHING
    parameters: Mapping[str, str] = msgspec.field(default_factory=dict)
    next_due_at: datetime | None = None
    run_id: str | None = None
    last_due_at: datetime | None = None
    last_run_id: str | None = None
    last_problem: str | None = None


class Change(msgspec.Struct, frozen=True):
    """What people change of a schedule; what is None stays as it is."""

    cron: str | None = None
    time_zone: str | None = None
    overlap: Overlap | None = None
    catch_up: CatchUp | None = None
    paused: bool | None = None
    parameters: Mapping[str, str] | None = None

    def of(self, schedule: Schedule) -> Schedule:
        """The schedule with the change."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        return replace(schedule, **{name: to for name, to in given.items() if to is not None})


def is_same_clock(one: Schedule, other: Schedule) -> bool:
    """Whether both come due at the same times."""
    return (one.cron, one.time_zone, one.paused) == (other.cron, other.time_zone, other.paused)


# --- what is right


def check(cron: str, time_zone: str, parameters: Mapping[str, str], now: datetime) -> None:
    """Raises BadParameter when the expression, the time zone or the parameters cannot be."""
    if len(cron) > MAX_CRON_CHARACTERS:
        raise BadParameter(f"The cron expression has more than {MAX_CRON_CHARACTERS} characters.")
    if next(_times(cron, time_zone, now), None) is None:
        raise BadParameter(f"The cron expression '{cron}' never comes due.")
    size = sum(
        len(f"{name}{value}".encode("utf-8", "surrogatepass")) for name, value in parameters.items()
    )
    if size > MAX_PARAMETER_BYTES:
        raise BadParameter(f"The parameters have more than {MAX_PARAMETER_BYTES} bytes together.")


def _parsed(cron: str, begin: datetime) -> CronSim:
    fields = MACROS.get(cron.strip().lower(), cron).split()
    if cron.strip().startswith("@") and len(fields) == 1:
        raise BadParameter(f"'{cron}' is not known. There are {', '.join(MACROS)}.")
    if len(fields) != len(_FIELDS):
        raise BadParameter(
            f"The cron expression '{cron}' has {len(fields)} fields. It needs {len(_FIELDS)}: "
            f"{', '.join(_FIELDS)}; for example '30 2 * * MON-FRI'."
        )
    try:
        return CronSim(" ".join(fields), begin)
    except CronSimError as error:
        raise BadParameter(_wrong_field(cron, fields, str(error))) from error


def _wrong_field(cron: str, fields: list[str], problem: str) -> str:
    name = problem.removeprefix("Bad ")
    if name not in _FIELDS:
        return f"The cron expression '{cron}' is wrong: {problem}."
    given = fields[list(_FIELDS).index(name)]
    return (
        f"The cron expression '{cron}' has '{given}' as {name}. "
        f"It takes {_FIELDS[name]}; also *, ranges, lists and steps: */5, 1-4, 1,3."
    )


def _zone(name: str) -> ZoneInfo:
    if name not in _zone_names():
        like = [each for each in sorted(_zone_names()) if _city(each) == _city(name)]
        raise BadParameter(
            f"There is no time zone '{name[:64]}'. "
            + (f"Did you mean {like[0]}?" if like else "Write an IANA name, as Europe/Berlin.")
        )
    return ZoneInfo(name)


def _city(zone: str) -> str:
    return zone.rpartition("/")[2].lower().replace(" ", "_")


@cache
def _zone_names() -> frozenset[str]:
    """The names of tzdata, so that they are the same on every machine."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("ascii").split())


# --- when


def upcoming(cron: str, time_zone: str, after: datetime, count: int) -> list[datetime]:
    """The first `count` due times after an instant, in UTC; fewer where no more come within 50
    years. Raises BadParameter."""
    return list(islice(_times(cron, time_zone, after), count))


def next_times(schedule: Schedule, after: datetime, count: int) -> list[datetime]:
    """The same of a schedule, paused or not."""
    return upcoming(schedule.cron, schedule.time_zone, after, count)


def next_time(schedule: Schedule, after: datetime) -> datetime | None:
    """The first of them."""
    return next(_times(schedule.cron, schedule.time_zone, after), None)


def in_zone(time_zone: str, instant: datetime) -> datetime:
    """The instant by the clocks of a time zone. Raises BadParameter."""
    return instant.astimezone(_zone(time_zone))


def _times(cron: str, time_zone: str, after: datetime) -> Iterator[datetime]:
    """All due times after an instant, ascending, in UTC. Raises BadParameter."""
    zone = _zone(time_zone)
    expression = _parsed(cron, after.astimezone(zone))
    last = after
    for found in expression:
        instant = found.astimezone(timezone.utc)
        if not expression.fixup_tz and instant.astimezone(zone).hour not in expression.hours:
            continue  # a midnight that the clocks skip
        if instant > last:  # the first pass of a repeated hour may be over
            last = instant
            yield instant


def due(schedule: Schedule, now: datetime) -> datetime | None:
    """The due time that should make a run now; None when there is none.

    That is the oldest that is not older than ON_TIME_FOR. Where all are, they were missed: with
    `catch_up` one it is the newest of them.
    """
    oldest = schedule.next_due_at
    if oldest is None or oldest > now:
        return None
    on_time_since = now - ON_TIME_FOR
    if oldest >= on_time_since:
        return oldest
    if on_time := _up_to(schedule, on_time_since - timedelta.resolution, now):
        return on_time[0]
    return _newest(schedule, oldest, now) if schedule.catch_up is CatchUp.ONE else None


def _newest(schedule: Schedule, oldest: datetime, now: datetime) -> datetime:
    """The newest due time that has come, given the oldest."""
    for span in _LOOKS_BACK:
        if found := _up_to(schedule, max(oldest, now - span), now):
            return found[-1]
    return [oldest, *_up_to(schedule, oldest, now)][-1]


def _up_to(schedule: Schedule, after: datetime, until: datetime) -> list[datetime]:
    times = _times(schedule.cron, schedule.time_zone, after)
    return list(takewhile(lambda time: time <= until, times))


# --- names that follow from a due time


def idempotency_key(schedule: Schedule, due_at: datetime) -> str:
    """The trigger's key: a due time makes one run."""
    return f"schedule-{schedule.id}-{due_at:%Y%m%dT%H%M%SZ}"


def run_id(schedule: Schedule, due_at: datetime, now: datetime) -> str:
    """The id of the run that is begun now: it sorts among the others by when it begins."""
    return derived_ulid(now, hashlib.sha256(idempotency_key(schedule, due_at).encode()).digest())
