"""Finding runs of the past, on every backend."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.dynamo import jobs, run_history, runs
from chalicelib.dynamo.run_history import Filter, find
from chalicelib.dynamo.run_items import (
    HISTORY_SHARDS,
    LISTED_BY,
    STATE_SHARDS,
    RunItem,
    history_shard,
    state_partition,
    state_shard,
)
from chalicelib.errors import BadParameter
from chalicelib.ids import new_ulid
from chalicelib.runs.job import Job, JobKey, JobState
from chalicelib.runs.run import RunState, Trigger
from tests.bench.product import metered
from tests.storage.test_runs import make

pytestmark = pytest.mark.usefixtures("backend")

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
DAYS = 90


def add(days_ago: float, task_id: str = "T", *agents: str, **values: object) -> str:
    created_at = NOW - timedelta(days=days_ago)
    run = replace(make(new_ulid(created_at), task_id, created_at), **values)  # type: ignore[arg-type]
    assert runs.create(run)
    for step, agent_id in enumerate(agents, 1):
        job = Job(JobKey(run.id, step, agent_id), JobState.QUEUED)
        assert jobs.put(job, created_at, created_at, run.expires_at)
    return run.id


def found(limit: int = 2, **criteria: object) -> list[str]:
    return list(_pages(Filter(**criteria), limit))  # type: ignore[arg-type]


def _pages(wanted: Filter, limit: int) -> Iterator[str]:
    cursor: str | None = None
    while True:
        page, cursor = find(wanted, limit, cursor, NOW, DAYS)
        assert len(page) <= limit
        yield from (run.id for run in page)
        if cursor is None:
            return


def test_all_runs_are_found_newest_first() -> None:
    ids = [add(days_ago) for days_ago in (80, 40, 20, 1, 0.5)]
    assert found() == ids[::-1]
    assert found(limit=100) == ids[::-1]


def test_runs_are_found_by_task_agent_state_and_trigger() -> None:
    one = add(5, "T", "a", "a")
    two = add(4, "U", "b", trigger=Trigger.SCHEDULE)
    three = add(3, "T", "a", "b")
    runs.end(two, RunState.FAILED, None, (), NOW)
    assert found(task_id="T") == [three, one]
    assert found(agent_id="a") == [three, one]
    assert found(agent_id="b") == [three, two]
    assert found(agent_id="b", task_id="U") == [two]
    assert found(states=(RunState.FAILED,)) == [two]
    assert found(states=(RunState.QUEUED,)) == [three, one]
    assert found(trigger=Trigger.SCHEDULE) == [two]
    assert found(task_id="T", trigger=Trigger.SCHEDULE) == []


def test_runs_are_found_between_two_instants() -> None:
    one, two, three = add(30), add(20), add(10)
    assert found(begin=NOW - timedelta(days=20)) == [three, two]
    assert found(end=NOW - timedelta(days=20, milliseconds=-1)) == [two, one]
    assert found(begin=NOW - timedelta(days=25), end=NOW - timedelta(days=15)) == [two]


def test_what_has_expired_is_not_found() -> None:
    add(91)
    assert found() == []


@pytest.mark.parametrize("cursor", ["", "x", "0" * 25, "0" * 25 + "!"])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(BadParameter):
        find(Filter(), 10, cursor, NOW, DAYS)


@pytest.mark.parametrize("cursor", ["U" * 26, "Z" * 26, "7" + "Z" * 25])
def test_a_cursor_of_no_time_that_there_is_is_refused(cursor: str) -> None:
    with pytest.raises(BadParameter):
        find(Filter(), 10, cursor, NOW, DAYS)


def test_a_page_costs_a_bounded_number_of_calls_whatever_its_cursor() -> None:
    run_id = add(1)
    far_off = "09F2K5YY000000000000000000"  # in the year 2300
    for cursor, ids in ((far_off, [run_id]), ("0" * 26, []), (new_ulid(NOW), [run_id])):
        with metered() as meter:
            found_by_it, following = find(Filter(), 10, cursor, NOW, DAYS)
        assert ([run.id for run in found_by_it], following) == (ids, None)
        assert meter.take().reads <= len(HISTORY_SHARDS) + 1


@pytest.mark.parametrize(
    "criteria",
    [
        {"end": NOW - timedelta(days=36_500)},
        {"begin": NOW + timedelta(days=1)},
        {"begin": NOW - timedelta(days=2), "end": NOW - timedelta(days=3)},
    ],
)
def test_no_time_has_no_runs(criteria: dict[str, datetime]) -> None:
    add(2.5)
    assert found(**criteria) == []


@pytest.mark.parametrize(
    ("criteria", "calls"),
    [
        ({}, len(HISTORY_SHARDS) + 1),
        ({"states": (RunState.QUEUED,)}, len(STATE_SHARDS) + 1),
        ({"task_id": "T"}, 2),
        ({"agent_id": "a"}, 2),
    ],
)
def test_quiet_years_cost_nothing(criteria: dict[str, Any], calls: int) -> None:
    ids = [add(days_ago, "T", "a") for days_ago in (3_000, 300, 1)]
    with metered() as meter:
        page, cursor = find(Filter(**criteria), 10, None, NOW, 3_650)
        assert (meter.take().reads, cursor) == (calls, None)
        assert [run.id for run in page] == ids[::-1]
        for quiet in (ids[1], ids[0]):
            find(Filter(**criteria), 10, quiet, NOW, 3_650)
            assert meter.take().reads <= calls


def test_a_page_in_which_few_fit_looks_at_so_many_and_leads_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run_history, "PAGE", 3)
    for _ in range(2):
        old = add(9, "T", "a")
    for number in range(20):
        runs.end(add(8 - number / 10, "T", "a"), RunState.FAILED, None, (), NOW)
    runs.end(old, RunState.TIMED_OUT, None, (), NOW)
    for criteria in ({"task_id": "T"}, {"agent_id": "a"}):
        wanted = Filter(states=(RunState.TIMED_OUT,), **criteria)
        pages, cursor = [], None
        while True:
            with metered() as meter:
                page, cursor = find(wanted, 10, cursor, NOW, DAYS)
                assert meter.take().reads <= run_history.CALLS_AT_MOST
            pages.append([run.id for run in page])
            if cursor is None:
                break
        assert pages == [[], [old]], "fifteen are looked at, then the rest"


def test_what_does_not_fit_by_its_entry_is_not_read() -> None:
    for days_ago in (5, 4, 3):
        add(days_ago)
    ours = add(2, trigger=Trigger.SCHEDULE)
    with metered() as meter:
        page, _ = find(Filter(trigger=Trigger.SCHEDULE), 10, None, NOW, DAYS)
        assert meter.take().calls["dynamodb.BatchGetItem"] == 1
        assert [run.id for run in page] == [ours]
        find(Filter(trigger=Trigger.RETRY), 10, None, NOW, DAYS)
        assert meter.take().calls["dynamodb.BatchGetItem"] == 0


def test_a_run_is_shown_as_it_is_now_not_as_an_index_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """The index by state is late: it still has a run that has ended meanwhile."""
    run_id = add(1)
    late = list(run_history._merged(RunItem.by_state, _queued(), "0" * 26, "7" + "Z" * 25, 10))
    runs.end(run_id, RunState.FAILED, None, (), NOW)
    monkeypatch.setattr(run_history, "_merged", lambda *_: iter(late))
    assert found(states=(RunState.QUEUED,)) == []


def _queued() -> list[str]:
    return [state_partition(RunState.QUEUED.value, shard) for shard in STATE_SHARDS]


def test_the_index_of_all_runs_is_written_once_for_each() -> None:
    """What an entry holds never changes, so that a run that goes on costs its index nothing."""
    immutable = {"kind", "task_id", "trigger"}
    changes = {"state", "started_at", "ended_at", "results", "step", "deadline_at", "run_state"}
    assert set(LISTED_BY) >= immutable
    assert changes.isdisjoint(LISTED_BY)
    for index in (RunItem.by_time, RunItem.by_task):
        projection = index.Meta.projection
        held = {*projection.non_key_attributes, *index._hash_key_attribute().attr_name.split()}
        assert held >= immutable - {"task_id"}
        assert changes.isdisjoint(held)


def test_the_runs_of_a_time_lie_in_all_shards() -> None:
    ids = [add(number / 100) for number in range(40)]
    assert {history_shard(run_id) for run_id in ids} == set(HISTORY_SHARDS)
    assert len({state_shard("queued", run_id) for run_id in ids}) == len(STATE_SHARDS)
    assert found(limit=7) == ids


def test_an_agent_with_many_jobs_in_a_run_is_looked_through_a_thousand_a_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run_history, "AGENTS_JOBS", 5)
    ids = [add(days_ago, "T", *["a"] * 4) for days_ago in (4, 3, 2, 1)]
    assert found(agent_id="a", limit=10) == ids[::-1]
