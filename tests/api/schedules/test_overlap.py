"""Times that were missed or paused, earlier runs that go on, schedules with faults."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.access.by import INSTALLATION
from chalicelib.agents.agent import Agent, Facts
from chalicelib.dynamo import agents, runs, schedules
from chalicelib.dynamo.due import SCHEDULE
from chalicelib.operations.tasks import schedules as firing
from chalicelib.operations.tasks.tasks import create_task
from chalicelib.tasks.schedule import CatchUp, Overlap, Schedule
from tests.api.conftest import Clock, People, RpcAgent, agent_id, definition
from tests.api.schedules.conftest import DAYS, HOURS, MINUTES, NINE, history, stop_all
from tests.stack.shifts import shift

# --- missed, paused


@pytest.mark.parametrize(("catch_up", "made"), [("none", 0), ("one", 1)])
def test_what_was_missed_is_left_out_or_caught_up_by_one_run(
    admin: People, task_id: str, make: Any, travel: Clock, catch_up: str, made: int
) -> None:
    path = make("@hourly", catch_up=catch_up)
    assert firing.fire_due(shift(travel.after(3 * DAYS + 20 * MINUTES))) == made
    shown = admin.data("GET", path)
    assert shown["next_due_at"] == "2030-01-10T10:00:00Z"
    assert (shown["last_problem"] is None) == bool(made)
    if made:
        assert shown["last_due_at"] == "2030-01-10T09:00:00Z"
    else:
        assert shown["last_problem"].startswith("Missed:")
    assert firing.fire_due(shift(travel.now)) == 0
    stop_all(admin, task_id)
    assert firing.fire_due(shift(travel.after(40 * MINUTES))) == 1
    assert admin.data("GET", path)["last_problem"] is None


@pytest.mark.parametrize("catch_up", ["none", "one"])
def test_a_time_that_is_on_time_is_all_that_fires_after_missed_ones(
    admin: People, task_id: str, make: Any, travel: Clock, catch_up: str
) -> None:
    path = make("@hourly", catch_up=catch_up)
    assert firing.fire_due(shift(travel.after(3 * DAYS))) == 1
    shown = admin.data("GET", path)
    assert shown["last_due_at"] == "2030-01-10T09:00:00Z"
    assert len(history(admin, task_id)) == 1


@pytest.mark.parametrize("catch_up", ["none", "one"])
def test_a_paused_schedule_fires_nothing_and_goes_on_from_when_it_is_resumed(
    admin: People, task_id: str, make: Any, travel: Clock, catch_up: str
) -> None:
    path = make("@hourly", catch_up=catch_up)
    assert admin.data("PATCH", path, {"paused": True})["next_due_at"] is None
    assert admin.data("PATCH", path, {"paused": True})["paused"]
    assert firing.fire_due(shift(travel.after(5 * HOURS))) == 0
    resumed = admin.data("PATCH", path, {"paused": False})
    assert resumed["next_due_at"] == "2030-01-07T15:00:00Z"
    assert firing.fire_due(shift(travel.now)) == 0
    assert admin.data("PATCH", path, {"paused": False}) == resumed
    assert firing.fire_due(shift(travel.after(1 * HOURS))) == 1
    assert len(history(admin, task_id)) == 1


# --- overlap, faults


def test_a_due_time_is_skipped_while_an_earlier_run_goes_on(
    admin: People, task_id: str, make: Any, travel: Clock
) -> None:
    path = make("@hourly", overlap="skip")
    travel.after(59 * MINUTES + 45)
    by_hand = admin.data("POST", f"/tasks/{task_id}/execute")
    assert firing.fire_due(shift(travel.after(30))) == 0
    assert "has not ended" in admin.data("GET", path)["last_problem"]
    assert [run["id"] for run in history(admin, task_id)] == [by_hand["id"]]
    stop_all(admin, task_id)
    assert firing.fire_due(shift(travel.after(1))) == 0, "what was skipped stays so"
    assert firing.fire_due(shift(travel.after(1 * HOURS))) == 1


def test_a_run_by_hand_just_before_the_sweep_counts_as_earlier(
    admin: People, task_id: str, make: Any, travel: Clock
) -> None:
    path = make("@hourly", overlap="skip")
    travel.after(1 * HOURS)
    admin.data("POST", f"/tasks/{task_id}/execute")
    assert firing.fire_due(shift(travel.after(20))) == 0
    assert "has not ended" in admin.data("GET", path)["last_problem"]


def test_a_due_time_replaces_an_earlier_run(
    admin: People, task_id: str, make: Any, travel: Clock
) -> None:
    make("@hourly", overlap="replace")
    assert [firing.fire_due(shift(travel.after(1 * HOURS))) for _ in range(2)] == [1, 1]
    first, second = history(admin, task_id)
    assert (first["state"], second["state"]) == ("cancelled", "queued")


def test_a_due_time_waits_for_an_earlier_run(
    admin: People, task_id: str, make: Any, worker: RpcAgent, travel: Clock
) -> None:
    make("@hourly", overlap="queue")
    assert [firing.fire_due(shift(travel.after(1 * HOURS))) for _ in range(2)] == [1, 1]
    first, second = history(admin, task_id)
    jobs = worker.poll()["jobs"]
    assert [job["run_id"] for job in jobs] == [first["id"]]
    worker.finish(jobs[0])
    assert [job["run_id"] for job in worker.poll()["jobs"]] == [second["id"]]


def test_parameters_that_fit_no_more_are_said_and_the_schedule_goes_on(
    admin: People, task_id: str, make: Any, worker: RpcAgent, travel: Clock
) -> None:
    path = make("@hourly", parameters={"version": "2"})
    plain = {"definition": definition(worker.id), "revision": 1}
    admin.data("PUT", f"/tasks/{task_id}", plain)
    assert firing.fire_due(shift(travel.after(1 * HOURS))) == 0
    shown = admin.data("GET", path)
    assert "version: is not known" in shown["last_problem"]
    assert shown["next_due_at"] == "2030-01-07T11:00:00Z"
    admin.data("PATCH", path, {"parameters": {}})
    assert firing.fire_due(shift(travel.after(1 * HOURS))) == 1


def test_the_schedules_of_a_deleted_task_go_when_one_of_them_is_due(
    admin: People, task_id: str, make: Any, travel: Clock
) -> None:
    for cron in ("@hourly", "@daily", "@hourly"):
        make(cron)
    admin.data("DELETE", f"/tasks/{task_id}")
    assert firing.fire_due(shift(travel.after(1 * HOURS))) == 0
    assert admin.data("GET", "/schedules")["items"] == []


def test_a_faulty_schedule_does_not_stop_the_others(
    admin: People,
    task_id: str,
    make: Any,
    travel: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    faulty = make("@hourly", overlap="queue").removeprefix("/schedules/")
    make("@hourly", overlap="queue")
    begin = schedules.begin
    monkeypatch.setattr(
        schedules, "begin", lambda it, *given: 1 / 0 if it.id == faulty else begin(it, *given)
    )
    assert firing.fire_due(shift(travel.after(1 * HOURS))) == 1
    assert f"schedule {faulty} is left to a later round" in caplog.text
    monkeypatch.setattr(schedules, "begin", begin)
    assert firing.fire_due(shift(travel.after(30))) == 1
    assert len(history(admin, task_id)) == 2


def test_a_schedule_whose_time_zone_is_gone_stops_and_says_so(
    admin: People, make: Any, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make("@hourly", time_zone="Europe/Berlin")
    with monkeypatch.context() as fault:
        fault.setattr("chalicelib.tasks.schedule._zone_names", lambda: frozenset({"UTC"}))
        assert firing.fire_due(shift(travel.after(1 * HOURS))) == 0
    shown = admin.data("GET", path)
    assert shown["next_due_at"] is None
    assert "no time zone 'Europe/Berlin'" in shown["last_problem"]
    assert admin.data("PATCH", path, {"time_zone": "UTC"})["next_due_at"] is not None


def test_one_round_fires_all_that_is_due_though_few_are_read_at_once(
    admin: People, task_id: str, make: Any, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firing, "AT_ONCE", 1)
    for _ in range(6):
        make("@hourly", overlap="queue")
    assert firing.fire_due(shift(travel.after(1 * HOURS))) == 6
    assert firing.fire_due(shift(travel.now)) == 0


@pytest.mark.parametrize("ends_its_handler", [False, True])
def test_a_due_time_that_stays_faulty_is_given_up_and_said_and_the_schedule_goes_on(
    admin: People,
    task_id: str,
    make: Any,
    travel: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    ends_its_handler: bool,
) -> None:
    path, tries = make("@daily"), 0

    def fails(*_: Any, **__: Any) -> None:
        nonlocal tries
        tries += 1
        raise KeyboardInterrupt if ends_its_handler else RuntimeError("out of luck")

    travel.now = travel.now.replace(hour=23, minute=59, second=59)
    with monkeypatch.context() as fault:
        fault.setattr(firing, "trigger", fails)
        for _ in range(9):
            try:
                firing.fire_due(shift(travel.after(60), hands=1))
            except KeyboardInterrupt:
                continue
    assert tries == SCHEDULE.patience.tries
    shown = admin.data("GET", path)
    why = "each try ended before its time" if ends_its_handler else "out of luck"
    assert shown["last_problem"] == f"It could not be fired: {why}."
    assert (shown["last_run_id"], shown["next_due_at"]) == (None, "2030-01-09T00:00:00Z")
    assert f"is given up after {tries} tries" in caplog.text
    assert firing.fire_due(shift(travel.after(1 * DAYS - 8 * MINUTES))) == 1


def test_a_run_that_was_made_before_its_due_time_was_given_up_is_not_denied(
    admin: People, task_id: str, make: Any, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make("@daily")
    real = firing.trigger

    def too_late(*given: Any, **named: Any) -> None:
        real(*given, **named)
        raise RuntimeError("out of luck")

    monkeypatch.setattr(firing, "trigger", too_late)
    travel.now = travel.now.replace(hour=23, minute=59, second=59)
    for _ in range(9):
        firing.fire_due(shift(travel.after(60)))
    (run,) = history(admin, task_id)
    shown = admin.data("GET", path)
    assert (shown["last_run_id"], shown["last_problem"]) == (run["id"], None)


@pytest.mark.usefixtures("store")
def test_racing_sweepers_make_one_run_per_due_time() -> None:
    agents.enroll(Agent(agent_id(1), "machine", NINE, "hash", Facts()))
    task = create_task(definition(agent_id(1)), task_id="T", created_by=INSTALLATION, now=NINE)
    hourly = Schedule(
        "S", task.id, "@hourly", "UTC", Overlap.QUEUE, CatchUp.NONE, False, INSTALLATION, NINE
    )
    firing.create_schedule(hourly, NINE)
    for hour in range(1, 4):
        now = NINE + timedelta(hours=hour)

        def sweep(number: int, now: datetime = now) -> int:
            return firing.fire_due(shift(now + timedelta(milliseconds=number)))

        with ThreadPoolExecutor(8) as sweepers:
            assert sum(sweepers.map(sweep, range(16))) == 1
        assert len(list(runs.active_ids(task.id, 100))) == hour
