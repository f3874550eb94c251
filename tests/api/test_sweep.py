"""What sweepers share, what they give up, and that nothing of it keeps the rest waiting."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib.dynamo import due, jobs, runs
from chalicelib.operations.runs import sweep as sweeper
from chalicelib.operations.runs.sweep import sweep
from chalicelib.runs.job import JobKey
from tests.api.conftest import Clock, Fleet, People, RpcAgent, definition, named
from tests.stack.shifts import shift

HOUR = 3600


def trigger(admin: People, source: str) -> str:
    task = admin.data("POST", "/tasks", {"definition": source})["task"]
    run_id: str = admin.data("POST", f"/tasks/{task['id']}/execute")["id"]
    return run_id


def wide(fleet: list[Any]) -> str:
    ids = json.dumps([each.id for each in fleet])
    return f'Name = "wide"\n[[step]]\nCMD = "true"\nServerID = {ids}\n'


def test_one_sweep_ends_all_that_is_due_though_few_are_read_at_once(
    admin: People, fleet: Fleet, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "AT_ONCE", 1)
    run_id = trigger(admin, wide(fleet(20)))
    assert sweep(shift(travel.after(60))).ended == 20
    assert admin.data("GET", f"/runs/{run_id}")["run"]["state"] == "failed"


def test_sweepers_that_overlap_share_the_work(
    admin: People, fleet: Fleet, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger(admin, wide(fleet(12)))
    travel.after(60)
    with ThreadPoolExecutor(4) as sweepers:
        done = list(sweepers.map(lambda _: sweep(shift(travel.now)), range(4)))
    assert sum(each.ended for each in done) == 12
    assert sum(each.checked for each in done) <= 1


def test_a_sweeper_takes_up_nothing_when_its_time_is_nearly_up(
    admin: People, agent: Any, travel: Clock
) -> None:
    run_id = trigger(admin, definition(agent().id))
    now = travel.after(60)
    over = sweeper.Shift(lambda: now, now)
    assert sweep(over) == sweeper.Swept()
    assert admin.data("GET", f"/runs/{run_id}")["run"]["state"] == "queued"


def rounds(travel: Clock) -> Iterator[None]:
    """More than anything is tried; some end their handler."""
    for _ in range(40):
        try:
            sweep(shift(travel.after(HOUR), hands=1))
        except KeyboardInterrupt:
            continue
        finally:
            yield


class _Faulty:
    """Counts what it is asked for, and fails or ends its handler for some."""

    def __init__(self, real: Any, of: str, error: type[BaseException]) -> None:
        self.tries, self._real, self._of, self._error = 0, real, of, error

    def __call__(self, *given: Any, **named: Any) -> Any:
        asked = given[0] if isinstance(given[0], str) else given[0].key.run_id
        if asked != self._of:
            return self._real(*given, **named)
        self.tries += 1
        raise self._error("out of luck")


FAULTS = [(RuntimeError, "out of luck"), (KeyboardInterrupt, "each try ended before its time")]


@pytest.mark.parametrize(("error", "why"), FAULTS)
def test_a_job_that_cannot_be_ended_is_given_up_and_its_run_goes_on_to_its_end(
    admin: People,
    agent: Any,
    travel: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: type[BaseException],
    why: str,
) -> None:
    one = agent()
    run_id = trigger(admin, definition(one.id))
    faulty = _Faulty(sweeper.context_of, run_id, error)
    monkeypatch.setattr(sweeper, "context_of", faulty)
    for _ in rounds(travel):
        pass
    assert faulty.tries == due.QUEUED.patience.tries
    shown = admin.data("GET", f"/runs/{run_id}")
    (job,) = shown["steps"][0]["jobs"]
    reason = f"Given up by the sweeper: {why}."
    assert (job["state"], job["reason"]) == ("undelivered", reason)
    assert shown["run"]["state"] == "failed"
    assert reason in shown["run"]["reason"]
    assert f"is given up after {faulty.tries} tries" in caplog.text


def test_a_claimed_job_that_cannot_be_ended_is_lost(
    admin: People, agent: Any, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = agent()
    run_id = trigger(admin, definition(one.id) + 'Timeout = "5s"\n')
    one.poll()
    monkeypatch.setattr(sweeper, "context_of", _Faulty(sweeper.context_of, run_id, RuntimeError))
    for _ in rounds(travel):
        pass
    job = jobs.get(JobKey(run_id, 1, one.id))
    assert job is not None
    assert (job.state.value, job.reason) == ("lost", "Given up by the sweeper: out of luck.")


@pytest.mark.parametrize(("error", "why"), FAULTS)
def test_a_run_that_cannot_be_brought_on_fails_and_says_so(
    admin: People,
    agent: Any,
    travel: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: type[BaseException],
    why: str,
) -> None:
    one = agent()
    source = definition(one.id, one.id) + 'DeliverWithin = "9d"\nLostAfter = "9d"\n'
    source = source.replace('"/tmp"', '"/tmp"\nDeliverWithin = "9d"', 1)
    run_id = trigger(admin, source)
    faulty = _Faulty(sweeper.advance, run_id, error)
    monkeypatch.setattr(sweeper, "advance", faulty)
    for _ in rounds(travel):
        pass
    assert faulty.tries == due.RUN.patience.tries
    shown = admin.data("GET", f"/runs/{run_id}")["run"]
    reason = f"Given up by the sweeper: {why}."
    assert (shown["state"], shown["reason"]) == ("failed", reason)
    assert f"The run {run_id} is given up" in caplog.text
    assert one.poll()["jobs"] == [], "nothing more of it starts"


def test_bad_runs_keep_no_others_waiting(
    admin: People, agent: Any, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "AT_ONCE", 1)
    one = agent()
    bad = [trigger(admin, definition(one.id, name=f"bad {n}")) for n in range(8)]
    good = trigger(admin, definition(one.id, name="good"))
    held = {job["run_id"]: job for job in one.poll()["jobs"]}
    with monkeypatch.context() as killed:  # its end is known, and what follows was not written
        killed.setattr("chalicelib.operations.runs.ending.advance", lambda *_: 1 / 0)
        one.error("job.finish", **named(held[good]), outcome="exited", exit_code=0, duration_ms=1)
    real = sweeper.advance
    monkeypatch.setattr(
        sweeper, "advance", lambda run, now: 1 / 0 if run in bad else real(run, now)
    )
    sweep(shift(travel.after(60)))
    assert admin.data("GET", f"/runs/{good}")["run"]["state"] == "succeeded"
    for run_id in bad:
        run = runs.get(run_id)
        assert run is not None and not run.state.is_terminal


# --- agents that do not end what they should


def goes_on(one: RpcAgent, job: Any, travel: Clock, seconds: int) -> None:
    """An agent that is there, and says again and again that the job goes on."""
    lease = job["lease"]
    for _ in range(seconds // 30):
        travel.after(30)
        one.result("agent.heartbeat", leases=[lease])
        one.call("job.extend", **named(job))
        sweep(shift(travel.now))


@pytest.mark.parametrize("head", ["", 'LostAfter = "24h"\n'])
def test_an_agent_that_is_there_and_does_not_end_a_job_holds_no_run_for_ever(
    admin: People, agent: Any, travel: Clock, head: str
) -> None:
    """Nor itself: an agent with open jobs is not removed, and runs that exclude each other wait."""
    one = agent()
    run_id = trigger(admin, definition(one.id) + head)
    (job,) = one.poll()["jobs"]
    one.result("job.start", **named(job))
    goes_on(one, job, travel, 120)
    admin.data("POST", f"/runs/{run_id}/cancel")
    goes_on(one, job, travel, 240)
    assert admin.data("GET", f"/runs/{run_id}")["run"]["state"] == "cancelling"
    goes_on(one, job, travel, 300)
    shown = admin.data("GET", f"/runs/{run_id}")
    (ended,) = shown["steps"][0]["jobs"]
    assert (shown["run"]["ended_at"] is not None, ended["state"]) == (True, "lost")
    assert "asked to end it" in ended["reason"]
    assert one.error("job.extend", **named(job)) == -32003
    admin.data("DELETE", f"/agents/{one.id}")


def test_a_time_out_is_put_off_for_ten_minutes_at_most(
    admin: People, agent: Any, travel: Clock
) -> None:
    one = agent()
    run_id = trigger(admin, definition(one.id) + 'Timeout = "1m"\n')
    (job,) = one.poll()["jobs"]
    one.result("job.start", **named(job))
    goes_on(one, job, travel, 600)
    assert admin.data("GET", f"/runs/{run_id}")["run"]["state"] == "running"
    goes_on(one, job, travel, 300)
    (ended,) = admin.data("GET", f"/runs/{run_id}")["steps"][0]["jobs"]
    assert ended["state"] == "timed_out"


def test_a_job_that_was_cancelled_while_its_agent_is_away_is_waited_for(
    admin: People, agent: Any, travel: Clock
) -> None:
    """As long as `LostAfter` says: nobody knows whether it goes on."""
    one = agent()
    run_id = trigger(admin, definition(one.id) + 'LostAfter = "1h"\n')
    (job,) = one.poll()["jobs"]
    one.result("job.start", **named(job))
    one.result("agent.heartbeat", leases=[job["lease"]])
    admin.data("POST", f"/runs/{run_id}/cancel")
    for _ in range(20):
        sweep(shift(travel.after(120)))
    one.result("agent.heartbeat", leases=[job["lease"]])  # it is back, and told now
    sweep(shift(travel.after(50)))
    one.result("agent.heartbeat", leases=[job["lease"]])
    sweep(shift(travel.after(20)))
    assert admin.data("GET", f"/runs/{run_id}")["run"]["state"] == "cancelling"
    one.result("job.finish", **named(job), outcome="cancelled", duration_ms=1)
    (ended,) = admin.data("GET", f"/runs/{run_id}")["steps"][0]["jobs"]
    assert ended["state"] == "cancelled"
