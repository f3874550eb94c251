"""Runs that exclude each other, and handlers that others overtake, over the real app."""

from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from chalicelib.dynamo import jobs, runs
from chalicelib.operations.runs import trigger
from chalicelib.operations.runs.sweep import sweep
from chalicelib.runs.run import Run
from tests.api.conftest import Clock, Fleet, People, named
from tests.api.fleet import WEB, run_of, start, states, task, work
from tests.stack.shifts import shift

# --- runs that exclude each other


def exclusive(admin: People, policy: str) -> str:
    task_id = task(admin, WEB, head=f'Concurrency = "{policy}"\n')
    return f"/tasks/{task_id}/execute"


def test_a_task_may_forbid_a_second_run(admin: People, fleet: Fleet) -> None:
    (one,) = fleet(1)
    path = exclusive(admin, "forbid")
    admin.data("POST", path)
    assert admin.refused("POST", path)[0] == 1005
    work([one])
    assert admin.data("POST", path)["state"] == "queued"


def test_a_second_run_may_wait_for_the_first(admin: People, fleet: Fleet) -> None:
    (one,) = fleet(1)
    path = exclusive(admin, "queue")
    first, second, third = (admin.data("POST", path)["id"] for _ in range(3))
    assert [run_of(admin, each)["is_held"] for each in (first, second, third)] == [
        False, True, True,
    ]  # fmt: skip
    for expected in (first, second, third):
        (job,) = one.poll()["jobs"]
        assert job["run_id"] == expected
        one.finish(job)


def test_a_run_that_has_its_turn_begins_though_an_earlier_one_has_come_into_being(
    admin: People, fleet: Fleet, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both triggers are cut short: one before its run is there, one when it has taken the turn."""
    (one,) = fleet(1)
    path = exclusive(admin, "queue")
    earlier, later = ({"Idempotency_Key": key} for key in ("earlier", "later"))
    for cut_short_at, key in (("create", earlier), ("begin", later)):
        with monkeypatch.context() as patch:
            patch.setattr(runs, cut_short_at, breaks_off)
            assert admin.refused("POST", path, **key)[0] == 5000
    first = admin.data("POST", path, **earlier)["id"]
    assert run_of(admin, first)["is_held"]
    sweep(shift(travel.after(30)))
    (job,) = one.poll()["jobs"]
    assert job["run_id"] > first
    one.finish(job)
    (job,) = one.poll()["jobs"]
    assert job["run_id"] == first


def test_a_run_whose_trigger_gave_it_up_too_early_has_its_turn_all_the_same(
    admin: People, fleet: Fleet, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = fleet(1)
    path = exclusive(admin, "forbid")
    create, on_their_way = runs.create, list[Run]()

    def times_out(run: Run) -> bool:
        on_their_way.append(run)
        raise ReadTimeoutError(endpoint_url="")

    with monkeypatch.context() as patch:
        patch.setattr(runs, "create", times_out)
        assert admin.refused("POST", path)[0] == 5000
    travel.after(300)
    assert admin.refused("POST", path)[0] == 1005
    assert all(map(create, on_their_way)), "which arrive at last"
    sweep(shift(travel.after(60)))
    assert work([one]) == [one.id]
    assert admin.data("POST", path)["state"] == "queued"


def breaks_off(*_: Any) -> None:
    raise ConnectionClosedError(endpoint_url="")


def test_a_line_of_waiting_runs_has_an_end(
    admin: People, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1,500 of one task kept the sweeper busy for half of its time."""
    (one,) = fleet(1)
    path = exclusive(admin, "queue")
    monkeypatch.setattr(trigger, "ACTIVE_AT_MOST", 3)
    for _ in range(3):
        admin.data("POST", path)
    code, message = admin.refused("POST", path)
    assert (code, "wait for their turn" in message) == (1005, True)
    (job,) = one.poll()["jobs"]
    one.finish(job)
    assert run_of(admin, admin.data("POST", path)["id"])["is_held"]


def test_a_second_run_may_take_the_place_of_the_first(admin: People, fleet: Fleet) -> None:
    (one,) = fleet(1)
    path = exclusive(admin, "replace")
    first = admin.data("POST", path)["id"]
    (job,) = one.poll()["jobs"]
    second = admin.data("POST", path)["id"]
    assert run_of(admin, second)["is_held"]
    assert one.poll(job["lease"])["cancels"] == [job["lease"]]
    one.result("job.finish", **named(job), outcome="cancelled", duration_ms=1)
    assert run_of(admin, first)["state"] == "cancelled"
    assert [each["run_id"] for each in one.poll()["jobs"]] == [second]


def test_a_run_that_the_index_shows_late_is_replaced_by_the_sweeper(
    admin: People, fleet: Fleet, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = fleet(1)
    path = exclusive(admin, "replace")
    first = admin.data("POST", path)["id"]
    (job,) = one.poll()["jobs"]
    with monkeypatch.context() as late:
        late.setattr(runs, "active_ids", lambda *_: iter(()))
        second = admin.data("POST", path)["id"]
    assert [run_of(admin, each)["state"] for each in (first, second)] == ["running", "queued"]
    sweep(shift(travel.after(30)))
    assert run_of(admin, first)["state"] == "cancelling"
    one.result("job.finish", **named(job), outcome="cancelled", duration_ms=1)
    assert work([one]) == [one.id]
    assert run_of(admin, second)["state"] == "succeeded"


@pytest.mark.parametrize("seen", ["by the sweeper", "at the end"])
def test_a_run_that_needs_no_turn_and_was_shown_late_is_replaced_too(
    admin: People, fleet: Fleet, travel: Clock, monkeypatch: pytest.MonkeyPatch, seen: str
) -> None:
    """The task was another then; or a schedule has its own mind about what overlaps."""
    (one,) = fleet(1)
    path = exclusive(admin, "allow")
    first = admin.data("POST", path)["id"]
    source = f'Name = "fleet"\nConcurrency = "replace"\n[[step]]\n{WEB}'
    changed = {"definition": source, "revision": 1}
    admin.data("PUT", path.removesuffix("/execute"), changed)
    with monkeypatch.context() as late:
        late.setattr(runs, "active_ids", lambda *_: iter(()))
        admin.data("POST", path)
    held, job = one.poll()["jobs"]
    if seen == "at the end":
        one.finish(job)
    else:
        sweep(shift(travel.after(30)))
    assert run_of(admin, first)["state"] == "cancelling"
    assert one.poll(held["lease"], job["lease"])["cancels"] == [held["lease"]]


# --- a run that ends while a slower handler is still putting its jobs out


@pytest.mark.parametrize("ends_by", ["a cancel", "a failure"])
def test_a_run_that_ends_while_its_jobs_are_put_out_leaves_none_behind(
    admin: People, fleet: Fleet, monkeypatch: pytest.MonkeyPatch, ends_by: str
) -> None:
    agents = fleet(3)
    path = f"/tasks/{task(admin, WEB + 'MaxFailures = 0')}/execute"
    put = jobs.put

    def overtaken(job: Any, *given: Any) -> bool:
        if job.index == 1:
            if ends_by == "a cancel":
                admin.data("POST", f"/runs/{job.key.run_id}/cancel")
            else:
                work(agents[:1], agents[0])
        return put(job, *given)

    monkeypatch.setattr(jobs, "put", overtaken)
    run_id = admin.data("POST", path)["id"]
    run = run_of(admin, run_id)
    rest = "cancelled" if ends_by == "a cancel" else "skipped"
    assert run["state"] == ("cancelled" if ends_by == "a cancel" else "failed")
    first = "cancelled" if ends_by == "a cancel" else "failed"
    assert list(states(admin, run_id).values()) == [first, rest, rest]
    assert work(agents) == []


# --- an inbox that is late, as indexes are


def test_a_late_inbox_puts_no_failure_on_the_gate(
    admin: People, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    agents = fleet(3)
    run_id = start(admin, WEB + "MaxParallel = 1\nMaxFailures = 0\n")
    (job,) = agents[0].poll()["jobs"]
    agents[0].result("job.start", **named(job))
    late = list(jobs.inbox(agents[0].id, 10))
    agents[0].finish(job)
    with monkeypatch.context() as patch:
        patch.setattr("chalicelib.dynamo.jobs.inbox", lambda *_: iter(late))
        assert agents[0].poll()["jobs"] == []
    work(agents)
    assert set(states(admin, run_id).values()) == {"succeeded"}


def test_what_a_late_inbox_still_shows_takes_no_other_jobs_place(
    admin: People, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = fleet(1)
    start(admin, WEB)
    (done,) = one.poll()["jobs"]
    late = list(jobs.inbox(one.id, 10))
    one.finish(done)
    other = admin.data("POST", "/commands", {"command": "true", "all": True})["id"]
    now = list(jobs.inbox(one.id, 10))
    with monkeypatch.context() as patch:
        patch.setattr("chalicelib.dynamo.jobs.inbox", lambda *_: iter(late + now))
        one.seq += 1
        answer = one.result("agent.poll", seq=one.seq, capacity=1, leases=[], protocol=1)
    assert [each["run_id"] for each in answer["jobs"]] == [other]
