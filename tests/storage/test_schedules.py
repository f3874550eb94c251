"""The schedules' table: each verb is one conditional write, on every backend."""

from datetime import datetime, timedelta, timezone

import pytest
from msgspec.structs import replace

from chalicelib.access.by import By, Kind
from chalicelib.access.scope import Scope
from chalicelib.dynamo import schedules
from chalicelib.tasks.schedule import CatchUp, Change, Overlap, Schedule

pytestmark = pytest.mark.usefixtures("backend")

NOW = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
ANN = By(Kind.TOKEN, "t1", "ann")
HOURLY = Schedule(
    id="S1",
    task_id="T",
    cron="@hourly",
    time_zone="Europe/Berlin",
    overlap=Overlap.QUEUE,
    catch_up=CatchUp.ONE,
    paused=False,
    created_by=ANN,
    created_at=NOW,
    scope=Scope(("T",), {"env": "prod"}, ("web",)),
    parameters={"version": "1.2"},
    next_due_at=NOW,
)


@pytest.fixture
def hourly() -> Schedule:
    schedules.create(HOURLY)
    return HOURLY


def due(now: datetime, limit: int = 10) -> list[str]:
    return [entry.key[0] for entry in schedules.due(now, limit)]


def stored(schedule_id: str = "S1") -> Schedule:
    found = schedules.get(schedule_id)
    assert found is not None
    return found


def test_a_schedule_is_kept_until_it_is_deleted(hourly: Schedule) -> None:
    assert schedules.get("S1") == hourly
    assert schedules.delete("S1")
    assert not schedules.delete("S1")
    assert schedules.get("S1") is None
    assert due(NOW, 10) == []


def test_lists_are_oldest_first_and_paged() -> None:
    for number in (3, 1, 2):
        task_id = "U" if number == 2 else "T"
        schedules.create(replace(HOURLY, id=f"S{number}", task_id=task_id))
    first, following = schedules.search(2, None)
    rest, end = schedules.search(2, following)
    assert ([each.id for each in first + rest], end) == (["S1", "S2", "S3"], None)
    assert [each.id for each in schedules.of_task("T", 10, None)[0]] == ["S1", "S3"]
    assert schedules.of_task("X", 10, None) == ([], None)


def test_those_are_due_that_wait_for_a_time_that_has_come_longest_first() -> None:
    for name, due_at in [("now", NOW), ("early", NOW - HOUR), ("late", NOW + HOUR), ("no", None)]:
        schedules.create(replace(HOURLY, id=name, next_due_at=due_at))
    assert due(NOW, 10) == ["early", "now"]
    assert due(NOW - 2 * HOUR, 10) == []


def test_a_due_time_has_the_run_that_was_noted_first(hourly: Schedule) -> None:
    first = schedules.begin(hourly, NOW, "R1")
    assert first == replace(hourly, run_id="R1")
    assert schedules.begin(hourly, NOW, "R2") == first
    assert stored() == first


def test_a_schedule_is_seen_to_by_who_claims_it_and_waits_for_the_same_time(
    hourly: Schedule,
) -> None:
    (entry,) = schedules.due(NOW, 10)
    assert schedules.claim_due(entry, NOW) == hourly
    assert schedules.claim_due(entry, NOW) is None
    assert due(NOW) == []
    (again,) = schedules.due(NOW + HOUR, 10)
    assert again == entry.claimed(NOW)
    taken = schedules.take(hourly, NOW, NOW + HOUR, last_run_id="R1")
    assert taken is not None
    (following,) = schedules.due(NOW + HOUR, 10)
    assert (following.at, following.tries) == (NOW + HOUR, 0)


def test_a_due_time_that_was_left_cannot_be_begun(hourly: Schedule) -> None:
    schedules.take(hourly, NOW, NOW + HOUR)
    assert schedules.begin(hourly, NOW, "R1") is None
    assert stored().run_id is None


def test_a_due_time_is_taken_once(hourly: Schedule) -> None:
    schedules.begin(hourly, NOW, "R1")
    taken = schedules.take(hourly, NOW, NOW + HOUR, last_run_id="R1")
    assert taken == replace(hourly, next_due_at=NOW + HOUR, last_due_at=NOW, last_run_id="R1")
    assert schedules.take(hourly, NOW, NOW + 2 * HOUR) is None
    assert stored() == taken
    assert due(NOW, 10) == []
    assert due(NOW + HOUR, 10) == ["S1"]


def test_a_due_time_without_a_run_says_why_until_the_next_one_makes_one(hourly: Schedule) -> None:
    first = schedules.take(hourly, NOW, NOW + HOUR, last_run_id="R1")
    assert first is not None
    second = schedules.take(first, NOW + HOUR, NOW + 2 * HOUR, problem="Missed.")
    assert second is not None
    assert (second.last_problem, second.last_run_id) == ("Missed.", "R1")
    third = schedules.take(second, NOW + 2 * HOUR, None, last_run_id="R3")
    assert third is not None
    assert (third.last_problem, third.last_run_id, third.next_due_at) == (None, "R3", None)
    assert due(NOW + 9 * HOUR, 10) == []


def test_what_was_deleted_does_not_come_back(hourly: Schedule) -> None:
    schedules.delete("S1")
    assert schedules.begin(hourly, NOW, "R1") is None
    assert schedules.take(hourly, NOW, NOW + HOUR) is None
    assert schedules.change(hourly, Change(cron="@daily").of(hourly)) is None
    assert schedules.get("S1") is None


def test_a_paused_schedule_waits_for_nothing(hourly: Schedule) -> None:
    schedules.begin(hourly, NOW, "R1")
    paused = replace(hourly, paused=True, next_due_at=None)
    assert schedules.change(hourly, paused) == paused
    assert due(NOW, 10) == []
    assert schedules.take(hourly, NOW, NOW + HOUR) is None
    resumed = replace(paused, paused=False, next_due_at=NOW + HOUR)
    assert schedules.change(paused, resumed) == resumed
    assert due(NOW + HOUR, 10) == ["S1"]


def test_a_change_that_is_not_of_the_time_leaves_the_due_time_alone(hourly: Schedule) -> None:
    moved = schedules.take(hourly, NOW, NOW + HOUR)
    changed = schedules.change(hourly, Change(overlap=Overlap.SKIP, parameters={}).of(hourly))
    assert moved is not None
    assert changed == replace(moved, overlap=Overlap.SKIP, parameters={})


@pytest.mark.parametrize(
    "change", [Change(cron="@daily"), Change(time_zone="Asia/Tokyo"), Change(paused=True)]
)
@pytest.mark.parametrize("second", [Change(time_zone="UTC"), Change(overlap=Overlap.SKIP)])
def test_of_two_changes_one_passes_where_it_was_of_the_time(
    hourly: Schedule, change: Change, second: Change
) -> None:
    first = schedules.change(hourly, change.of(hourly))
    assert first is not None
    assert schedules.change(hourly, second.of(hourly)) is None
    assert stored() == first


OTHERS = [
    Change(overlap=Overlap.SKIP),
    Change(catch_up=CatchUp.NONE),
    Change(parameters={"a": "b"}),
]


@pytest.mark.parametrize("change", OTHERS)
@pytest.mark.parametrize("second", OTHERS)
def test_of_two_changes_of_other_things_neither_undoes_the_other(
    hourly: Schedule, change: Change, second: Change
) -> None:
    first = schedules.change(hourly, change.of(hourly))
    assert first is not None
    after = schedules.change(hourly, second.of(hourly))
    assert after == (None if change is second else second.of(first))
    assert stored() == (after or first)
