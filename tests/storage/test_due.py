"""The due-queue, on every backend: what stands where, and who may claim it."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest
from msgspec.structs import replace

from chalicelib.access.by import INSTALLATION
from chalicelib.dynamo import due, jobs, runs
from chalicelib.runs.job import Deadlines, Job, JobKey, JobState
from chalicelib.runs.run import Run, RunState

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)
KEY = JobKey("01R", 1, "agent-a")
on_every_store = pytest.mark.usefixtures("backend")


def put(key: JobKey = KEY, at: datetime = NOW) -> None:
    assert jobs.put(Job(key, JobState.QUEUED), NOW, at, NOW + timedelta(days=9))


def only(kind: due.Kind = due.QUEUED, until: datetime = NOW) -> due.Entry:
    (entry,) = jobs.due(kind, until, 10)
    return entry


# --- the index


@on_every_store
def test_the_oldest_comes_first_whatever_the_shard() -> None:
    for number in range(20):
        put(JobKey("01R", 1, f"agent-{number}"), NOW - number * SECOND)
    found = jobs.due(due.QUEUED, NOW, 100)
    assert [entry.at for entry in found] == [NOW - number * SECOND for number in range(19, -1, -1)]


@on_every_store
def test_so_many_are_read_of_each_shard() -> None:
    for number in range(60):
        put(JobKey("01R", 1, f"agent-{number}"), NOW - number * SECOND)
    found = Counter(entry.queue for entry in jobs.due(due.QUEUED, NOW, 2))
    assert found == dict.fromkeys(due.QUEUED.queues, 2)


def test_the_jobs_of_one_run_are_spread_over_all_shards() -> None:
    queues = Counter(due.CLAIMED.queue(("01R", f"JOB#001#agent-{n}")) for n in range(4_000))
    assert sorted(queues) == sorted(due.CLAIMED.queues)
    assert max(queues.values()) < 2 * min(queues.values())


# --- the claim


@on_every_store
def test_an_entry_is_claimed_once_and_put_off() -> None:
    put()
    entry = only()
    claimed = jobs.claim_due(entry, NOW + SECOND)
    assert claimed is not None
    wait = due.QUEUED.patience.wait(1)
    assert (claimed.due_at, claimed.due_tries) == (NOW + SECOND + wait, 1)
    assert jobs.claim_due(entry, NOW + SECOND) is None
    assert jobs.due(due.QUEUED, NOW + wait, 10) == []
    assert only(until=NOW + SECOND + wait) == entry.claimed(NOW + SECOND)


@on_every_store
def test_each_try_counts_and_waits_longer() -> None:
    put()
    now, waits = NOW, []
    for tries in range(1, 5):
        claimed = jobs.claim_due(only(until=now), now)
        assert claimed is not None and claimed.due_at is not None
        assert claimed.due_tries == tries
        waits.append((claimed.due_at - now).total_seconds())
        now = claimed.due_at
    assert waits == [30, 60, 120, 240]


@on_every_store
def test_what_became_due_of_another_kind_is_not_claimed_though_the_time_is_the_same() -> None:
    put()
    queued = only()
    jobs.claim(KEY, "lease", 1, NOW, Deadlines(NOW, None))
    assert only(due.CLAIMED).at == queued.at
    assert jobs.claim_due(queued, NOW) is None
    assert jobs.claim_due(only(due.CLAIMED), NOW) is not None


@on_every_store
def test_what_stands_at_another_time_is_not_claimed() -> None:
    put()
    assert jobs.claim_due(replace(only(), at=NOW - SECOND), NOW) is None


@on_every_store
def test_a_claim_makes_nothing_that_is_not_there() -> None:
    put()
    gone = replace(only(), key=("01R", "JOB#001#nobody"))
    assert jobs.claim_due(gone, NOW) is None
    assert jobs.get(JobKey("01R", 1, "nobody")) is None


@on_every_store
def test_of_many_who_claim_at_once_one_has_it() -> None:
    put()
    entry = only()
    with ThreadPoolExecutor(8) as claimants:
        claims = list(claimants.map(lambda _: jobs.claim_due(entry, NOW), range(16)))
    assert sum(claim is not None for claim in claims) == 1


@on_every_store
def test_what_moves_on_by_itself_begins_to_count_anew() -> None:
    put()
    jobs.claim_due(only(), NOW)
    jobs.claim(KEY, "lease", 1, NOW, Deadlines(NOW, None))
    assert only(due.CLAIMED).tries == 0


@on_every_store
def test_a_run_that_ends_is_due_no_more() -> None:
    run = Run("01R", "T", "task", 1, 1, RunState.QUEUED, INSTALLATION, NOW, NOW + timedelta(days=9))
    runs.create(run)
    (entry,) = runs.due(NOW + timedelta(days=1), 10)
    assert entry.kind == due.RUN
    runs.end("01R", RunState.CANCELLED, None, (), NOW)
    assert runs.due(NOW + timedelta(days=1), 10) == []
    assert runs.claim_due(entry, NOW) is None


# --- patience


def test_waits_double_up_to_the_longest() -> None:
    patience = due.Patience(timedelta(seconds=10), timedelta(minutes=1), tries=9)
    waits = [patience.wait(tries).total_seconds() for tries in (1, 2, 3, 4, 5, 999)]
    assert waits == [10, 20, 40, 60, 60, 60]


@pytest.mark.parametrize("kind", [due.RUN, due.CLAIMED, due.QUEUED])
def test_what_a_sweep_did_not_end_is_due_again_at_the_next_one(kind: due.Kind) -> None:
    assert kind.patience.wait(1) < timedelta(minutes=1)


def test_a_log_is_tried_for_a_day() -> None:
    tried = sum(map(due.LOG.patience.wait, range(1, due.LOG.patience.tries)), timedelta())
    assert timedelta(hours=23) < tried < timedelta(hours=25)
