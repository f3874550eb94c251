"""Schedules over the real app: made, changed, and fired once per due time under a moving clock."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from app import app
from chalicelib.agent import Agent, Facts
from chalicelib.dynamo import agents, runs, schedules
from chalicelib.operations import schedules as firing
from chalicelib.operations.tasks import create_task
from chalicelib.schedule import CatchUp, Overlap, Schedule
from infra.local.ticker import tick
from tests.api.conftest import Clock, People, RpcAgent, agent_id, definition

NINE = datetime(2030, 1, 7, 9, 0, 30, tzinfo=timezone.utc)  # a Monday
MINUTES = 60
HOURS = 60 * MINUTES
DAYS = 24 * HOURS
PARAMETERS = '[Params.version]\nDefault = "1"\nPattern = "[0-9.]+"\n'


@pytest.fixture(autouse=True)
def begin(travel: Clock) -> None:
    travel.now = NINE


@pytest.fixture
def worker(agent: Any) -> RpcAgent:
    made: RpcAgent = agent()
    return made


@pytest.fixture
def task_id(admin: People, worker: RpcAgent) -> str:
    source = definition(worker.id) + PARAMETERS
    return str(admin.data("POST", "/tasks", {"definition": source})["task"]["id"])


@pytest.fixture
def make(admin: People, task_id: str) -> Any:
    """A factory: `make("@hourly", catch_up="one")` answers the schedule's path."""

    def made(cron: str, **more: Any) -> str:
        body = {"task_id": task_id, "cron": cron, **more}
        return f"/schedules/{admin.data('POST', '/schedules', body)['id']}"

    return made


def history(admin: People, task_id: str) -> list[Any]:
    """The task's runs, oldest first."""
    newest_first = admin.data("GET", f"/tasks/{task_id}/executions?limit=100")["items"]
    return list(reversed(newest_first))


def stop_all(admin: People, task_id: str) -> None:
    for run in history(admin, task_id):
        if run["ended_at"] is None:
            admin.data("POST", f"/runs/{run['id']}/cancel")


# --- made, shown, changed


def test_a_schedule_is_made_and_shown(admin: People, task_id: str) -> None:
    body = {"task_id": task_id, "cron": "30 2 * * MON-FRI", "time_zone": "Europe/Berlin"}
    made = admin.data("POST", "/schedules", body)
    assert made == {
        **body,
        "id": made["id"],
        "overlap": "skip",
        "catch_up": "none",
        "paused": False,
        "parameters": {},
        "created_by": "admin",
        "created_at": "2030-01-07T09:00:30Z",
        "next_due_at": "2030-01-08T01:30:00Z",
        "last_due_at": None,
        "last_run_id": None,
        "last_problem": None,
    }
    assert admin.data("GET", f"/schedules/{made['id']}") == made
    assert admin.data("GET", "/schedules")["items"] == [made]


def test_the_next_ten_times_are_told_by_both_clocks(admin: People, make: Any) -> None:
    path = make("0 2 * * SUN", time_zone="America/New_York", paused=True)
    times = admin.data("GET", f"{path}/next")["times"]
    assert len(times) == 10
    assert times[0] == {"at": "2030-01-13T07:00:00Z", "local": "2030-01-13T02:00:00-05:00"}
    assert times[8] == {"at": "2030-03-10T07:00:00Z", "local": "2030-03-10T03:00:00-04:00"}
    assert times[9] == {"at": "2030-03-17T06:00:00Z", "local": "2030-03-17T02:00:00-04:00"}


def test_schedules_are_listed_by_task_and_paged(
    admin: People, task_id: str, worker: RpcAgent, make: Any, travel: Clock
) -> None:
    other = {"definition": definition(worker.id, name="other")}
    other_id = admin.data("POST", "/tasks", other)["task"]["id"]
    paths = []
    for task in (task_id, other_id, task_id):
        travel.after(1)
        paths.append(make("@daily", task_id=task))
    ids = [path.removeprefix("/schedules/") for path in paths]
    first = admin.data("GET", "/schedules?limit=2")
    rest = admin.data("GET", f"/schedules?limit=2&cursor={first['next']}")
    assert [each["id"] for each in first["items"] + rest["items"]] == ids
    listed = admin.data("GET", f"/schedules?task={task_id}")["items"]
    assert [each["id"] for each in listed] == [ids[0], ids[2]]
    assert admin.data("GET", "/schedules?task=none")["items"] == []
    assert admin.refused("GET", "/schedules?cursor=nonsense")[0] == 1001


def test_a_change_counts_from_now_on_and_leaves_the_rest(admin: People, make: Any) -> None:
    path = make("@daily", parameters={"version": "2"}, overlap="queue")
    changed = admin.data("PATCH", path, {"cron": "0 8 * * *", "time_zone": "Asia/Tokyo"})
    assert changed["next_due_at"] == "2030-01-07T23:00:00Z"
    assert (changed["parameters"], changed["overlap"]) == ({"version": "2"}, "queue")
    assert admin.data("PATCH", path, {}) == changed
    changed = admin.data("PATCH", path, {"overlap": "replace", "catch_up": "one"})
    assert (changed["overlap"], changed["catch_up"]) == ("replace", "one")
    assert changed["next_due_at"] == "2030-01-07T23:00:00Z"


def test_a_deleted_schedule_fires_no_more(
    admin: People, task_id: str, make: Any, travel: Clock
) -> None:
    path = make("@hourly")
    admin.data("DELETE", path)
    for method in ("GET", "PATCH", "DELETE"):
        assert admin.refused(method, path, {})[0] == 1004
    assert admin.refused("GET", f"{path}/next")[0] == 1004
    assert firing.fire_due(travel.after(1 * HOURS)) == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"cron": "61 * * * *"}, "has '61' as minute. It takes 0-59"),
        ({"cron": ""}, "cron"),
        ({"cron": "*" * 129}, "cron"),
        ({"time_zone": "Berlin"}, "Did you mean Europe/Berlin?"),
        ({"overlap": "allow"}, "overlap"),
        ({"catch_up": "all"}, "catch_up"),
        ({"parameters": {"version": "x"}}, "version"),
        ({"parameters": {"colour": "red"}}, "colour: is not known"),
        ({"paused": "no"}, "paused"),
        ({"name": "nightly"}, "name"),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_is_saved(
    admin: People, task_id: str, make: Any, change: Any, says: str
) -> None:
    body = {"task_id": task_id, "cron": "@daily", **change}
    code, message = admin.refused("POST", "/schedules", body)
    assert (code, says in message) == (1001, True), message
    assert admin.data("GET", "/schedules")["items"] == []
    path = make("@daily")
    before = admin.data("GET", path)
    code, message = admin.refused("PATCH", path, change)
    assert (code, says in message) == (1001, True), message
    assert admin.data("GET", path) == before


def test_a_schedule_needs_a_task_and_somebody_who_may(people: Any, task_id: str) -> None:
    body = {"task_id": task_id, "cron": "@daily"}
    assert people("operator").refused("POST", "/schedules", {**body, "task_id": "X"})[0] == 1004
    made = people("operator").data("POST", "/schedules", body)
    path = f"/schedules/{made['id']}"
    assert people("viewer").data("GET", f"{path}/next")["times"] != []
    for role, code in [(None, 1002), ("trigger", 1003)]:
        assert people(role).refused("POST", "/schedules", body)[0] == code
        assert people(role).refused("PATCH", path, {"paused": True})[0] == code
        assert people(role).refused("DELETE", path)[0] == code


# --- fired


def test_a_due_time_triggers_a_run_with_its_parameters(
    admin: People, task_id: str, make: Any, travel: Clock
) -> None:
    path = make("@hourly", parameters={"version": "2.1"})
    assert firing.fire_due(travel.after(59 * MINUTES + 29)) == 0
    assert firing.fire_due(travel.after(1)) == 1
    assert firing.fire_due(travel.after(1)) == 0
    run = admin.data("GET", f"/runs/{history(admin, task_id)[0]['id']}")["run"]
    assert (run["trigger"], run["parameters"]) == ("schedule", {"version": "2.1"})
    shown = admin.data("GET", path)
    assert shown["last_due_at"] == "2030-01-07T10:00:00Z"
    assert shown["next_due_at"] == "2030-01-07T11:00:00Z"
    assert (shown["last_run_id"], shown["last_problem"]) == (run["id"], None)


def test_the_scheduled_function_fires(
    admin: People, task_id: str, make: Any, travel: Clock
) -> None:
    make("@hourly")
    tick(app, travel.after(1 * HOURS))
    assert len(history(admin, task_id)) == 1


def test_each_due_time_makes_one_run_however_late_the_sweeper_is(
    admin: People, task_id: str, make: Any, travel: Clock
) -> None:
    make("* * * * *", overlap="queue")
    made = [firing.fire_due(travel.after(seconds)) for seconds in (20, 20, 60, 200, 5, 60)]
    assert made == [0, 1, 1, 3, 0, 1]
    assert len(history(admin, task_id)) == 6


def test_sweepers_that_come_between_each_other_make_one_run(
    admin: People, task_id: str, make: Any, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each verb of one sweeper is preceded by a whole round of another."""
    make("* * * * *", overlap="queue")
    rounds = 0

    def preceded(verb: Any) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            nonlocal rounds
            if rounds < 3:
                rounds += 1
                firing.fire_due(travel.now + timedelta(milliseconds=rounds))
            return verb(*given, **named)

        return call

    for expected in (1, 2, 3):
        travel.after(60)
        rounds = 0
        with monkeypatch.context() as between:
            for owner, name in [(schedules, "get"), (schedules, "begin"), (schedules, "take")]:
                between.setattr(owner, name, preceded(getattr(owner, name)))
            between.setattr(firing, "trigger", preceded(firing.trigger))
            firing.fire_due(travel.now)
        travel.after(1)
        assert len(history(admin, task_id)) == expected


@pytest.mark.parametrize("away", [20, 10 * MINUTES, 2 * HOURS, 3 * DAYS])
@pytest.mark.parametrize("step", ["begin", "trigger", "create", "take"])
def test_a_sweeper_that_dies_leaves_what_the_next_one_finishes(
    admin: People,
    task_id: str,
    make: Any,
    travel: Clock,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    away: int,
) -> None:
    path = make("0 10 * * MON", catch_up="one")
    travel.after(1 * HOURS)
    owner = {"begin": schedules, "take": schedules, "create": runs, "trigger": firing}[step]
    real = getattr(owner, step)

    def dies(*given: Any, **named: Any) -> Any:
        real(*given, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as fault:
        fault.setattr(owner, step, dies)
        with pytest.raises(KeyboardInterrupt):
            firing.fire_due(travel.now)
    travel.after(away)
    firing.fire_due(travel.now)
    firing.fire_due(travel.now)
    made = history(admin, task_id)
    shown = admin.data("GET", path)
    assert len(made) == 1
    assert (shown["last_run_id"], shown["last_problem"]) == (made[0]["id"], None)
    assert shown["next_due_at"] == "2030-01-14T10:00:00Z"


def test_a_run_whose_sweeper_died_is_not_called_missed(
    admin: People, task_id: str, make: Any, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make("@hourly")
    travel.after(1 * HOURS)
    with monkeypatch.context() as fault:
        fault.setattr(schedules, "take", lambda *given, **named: 1 / 0)
        assert firing.fire_due(travel.now) == 0
    firing.fire_due(travel.after(20 * MINUTES))
    shown = admin.data("GET", path)
    assert (shown["last_run_id"], shown["last_problem"]) == (
        history(admin, task_id)[0]["id"],
        None,
    )


def test_a_schedule_that_is_deleted_while_it_fires_stays_deleted(
    admin: People, task_id: str, make: Any, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make("@hourly")
    real = firing.trigger

    def deleted_meanwhile(*given: Any, **named: Any) -> Any:
        admin.data("DELETE", path)
        return real(*given, **named)

    monkeypatch.setattr(firing, "trigger", deleted_meanwhile)
    firing.fire_due(travel.after(1 * HOURS))
    assert admin.refused("GET", path)[0] == 1004
    assert firing.fire_due(travel.after(1 * HOURS)) == 0


# --- missed, paused


@pytest.mark.parametrize(("catch_up", "made"), [("none", 0), ("one", 1)])
def test_what_was_missed_is_left_out_or_caught_up_by_one_run(
    admin: People, task_id: str, make: Any, travel: Clock, catch_up: str, made: int
) -> None:
    path = make("@hourly", catch_up=catch_up)
    assert firing.fire_due(travel.after(3 * DAYS + 20 * MINUTES)) == made
    shown = admin.data("GET", path)
    assert shown["next_due_at"] == "2030-01-10T10:00:00Z"
    assert (shown["last_problem"] is None) == bool(made)
    if made:
        assert shown["last_due_at"] == "2030-01-10T09:00:00Z"
    else:
        assert shown["last_problem"].startswith("Missed:")
    assert firing.fire_due(travel.now) == 0
    stop_all(admin, task_id)
    assert firing.fire_due(travel.after(40 * MINUTES)) == 1
    assert admin.data("GET", path)["last_problem"] is None


@pytest.mark.parametrize("catch_up", ["none", "one"])
def test_a_time_that_is_on_time_is_all_that_fires_after_missed_ones(
    admin: People, task_id: str, make: Any, travel: Clock, catch_up: str
) -> None:
    path = make("@hourly", catch_up=catch_up)
    assert firing.fire_due(travel.after(3 * DAYS)) == 1
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
    assert firing.fire_due(travel.after(5 * HOURS)) == 0
    resumed = admin.data("PATCH", path, {"paused": False})
    assert resumed["next_due_at"] == "2030-01-07T15:00:00Z"
    assert firing.fire_due(travel.now) == 0
    assert admin.data("PATCH", path, {"paused": False}) == resumed
    assert firing.fire_due(travel.after(1 * HOURS)) == 1
    assert len(history(admin, task_id)) == 1


# --- overlap, faults


def test_a_due_time_is_skipped_while_an_earlier_run_goes_on(
    admin: People, task_id: str, make: Any, travel: Clock
) -> None:
    path = make("@hourly", overlap="skip")
    travel.after(59 * MINUTES + 45)
    by_hand = admin.data("POST", f"/tasks/{task_id}/execute")
    assert firing.fire_due(travel.after(30)) == 0
    assert "has not ended" in admin.data("GET", path)["last_problem"]
    assert [run["id"] for run in history(admin, task_id)] == [by_hand["id"]]
    stop_all(admin, task_id)
    assert firing.fire_due(travel.after(1)) == 0, "what was skipped stays so"
    assert firing.fire_due(travel.after(1 * HOURS)) == 1


def test_a_run_by_hand_just_before_the_sweep_counts_as_earlier(
    admin: People, task_id: str, make: Any, travel: Clock
) -> None:
    path = make("@hourly", overlap="skip")
    travel.after(1 * HOURS)
    admin.data("POST", f"/tasks/{task_id}/execute")
    assert firing.fire_due(travel.after(20)) == 0
    assert "has not ended" in admin.data("GET", path)["last_problem"]


def test_a_due_time_replaces_an_earlier_run(
    admin: People, task_id: str, make: Any, travel: Clock
) -> None:
    make("@hourly", overlap="replace")
    assert [firing.fire_due(travel.after(1 * HOURS)) for _ in range(2)] == [1, 1]
    first, second = history(admin, task_id)
    assert (first["state"], second["state"]) == ("cancelled", "queued")


def test_a_due_time_waits_for_an_earlier_run(
    admin: People, task_id: str, make: Any, worker: RpcAgent, travel: Clock
) -> None:
    make("@hourly", overlap="queue")
    assert [firing.fire_due(travel.after(1 * HOURS)) for _ in range(2)] == [1, 1]
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
    assert firing.fire_due(travel.after(1 * HOURS)) == 0
    shown = admin.data("GET", path)
    assert "version: is not known" in shown["last_problem"]
    assert shown["next_due_at"] == "2030-01-07T11:00:00Z"
    admin.data("PATCH", path, {"parameters": {}})
    assert firing.fire_due(travel.after(1 * HOURS)) == 1


def test_the_schedules_of_a_deleted_task_go_when_one_of_them_is_due(
    admin: People, task_id: str, make: Any, travel: Clock
) -> None:
    for cron in ("@hourly", "@daily", "@hourly"):
        make(cron)
    admin.data("DELETE", f"/tasks/{task_id}")
    assert firing.fire_due(travel.after(1 * HOURS)) == 0
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
    assert firing.fire_due(travel.after(1 * HOURS)) == 1
    assert f"The schedule {faulty} could not be fired" in caplog.text
    monkeypatch.setattr(schedules, "begin", begin)
    assert firing.fire_due(travel.after(30)) == 1
    assert len(history(admin, task_id)) == 2


def test_a_schedule_whose_time_zone_is_gone_stops_and_says_so(
    admin: People, make: Any, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make("@hourly", time_zone="Europe/Berlin")
    with monkeypatch.context() as fault:
        fault.setattr("chalicelib.schedule._zone_names", lambda: frozenset({"UTC"}))
        assert firing.fire_due(travel.after(1 * HOURS)) == 0
    shown = admin.data("GET", path)
    assert shown["next_due_at"] is None
    assert "no time zone 'Europe/Berlin'" in shown["last_problem"]
    assert admin.data("PATCH", path, {"time_zone": "UTC"})["next_due_at"] is not None


def test_a_sweep_sees_to_a_bounded_number_of_schedules(
    admin: People, task_id: str, make: Any, travel: Clock
) -> None:
    for _ in range(3):
        make("@hourly", overlap="queue")
    travel.after(1 * HOURS)
    assert [firing.fire_due(travel.now, limit=2) for _ in range(3)] == [2, 1, 0]


def test_racing_sweepers_make_one_run_per_due_time(atomic_backend: str) -> None:
    agents.enroll(Agent(agent_id(1), "machine", NINE, "hash", Facts()))
    task = create_task(definition(agent_id(1)), task_id="T", created_by="ann", now=NINE)
    hourly = Schedule(
        "S", task.id, "@hourly", "UTC", Overlap.QUEUE, CatchUp.NONE, False, "ann", NINE
    )
    firing.create_schedule(hourly, NINE)
    for hour in range(1, 4):
        now = NINE + timedelta(hours=hour)

        def sweep(number: int, now: datetime = now) -> int:
            return firing.fire_due(now + timedelta(milliseconds=number))

        with ThreadPoolExecutor(8) as sweepers:
            assert sum(sweepers.map(sweep, range(16))) == 1
        assert len(list(runs.active_ids(task.id, 100))) == hour
