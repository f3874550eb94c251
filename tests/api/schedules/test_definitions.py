"""Schedules over the real app: made, shown, changed, deleted."""

from typing import Any

import pytest

from chalicelib.dynamo import schedules
from chalicelib.operations.tasks import schedules as firing
from tests.api.conftest import Clock, People, RpcAgent, definition
from tests.api.schedules.conftest import HOURS
from tests.stack.shifts import shift


def test_a_schedule_is_made_and_shown(admin: People, task_id: str) -> None:
    body = {"task_id": task_id, "cron": "30 2 * * MON-FRI", "time_zone": "Europe/Berlin"}
    made = admin.data("POST", "/schedules", body)
    assert made == {
        **body,
        "id": made["id"],
        "task_name": "deploy",
        "overlap": "skip",
        "catch_up": "none",
        "paused": False,
        "parameters": {},
        "created_by": {**made["created_by"], "kind": "token", "name": "admin"},
        "created_at": "2030-01-07T09:00:30Z",
        "next_due_at": "2030-01-08T01:30:00Z",
        "last_due_at": None,
        "last_run_id": None,
        "last_run_state": None,
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


def test_the_times_of_an_expression_are_told_as_one_types_it(admin: People, people: Any) -> None:
    body = {"cron": "0 2 * * SUN", "time_zone": "America/New_York"}
    times = people("viewer").data("POST", "/schedules/preview", body)["times"]
    assert len(times) == 10
    assert times[0] == {"at": "2030-01-13T07:00:00Z", "local": "2030-01-13T02:00:00-05:00"}
    for wrong, says in (
        ({"cron": "0 25 * * *"}, "as hour"),
        ({"cron": "0 2"}, "2 fields"),
        ({"cron": "@daily", "time_zone": "Berlin"}, "Did you mean Europe/Berlin?"),
    ):
        code, message = admin.refused("POST", "/schedules/preview", wrong)
        assert (code, says in message) == (1001, True), message
    assert admin.data("GET", "/schedules")["items"] == []


def test_a_schedule_is_run_at_once_and_comes_due_as_before(
    admin: People, worker: RpcAgent, make: Any, travel: Clock
) -> None:
    path = make("@hourly", parameters={"version": "7"})
    before = admin.data("GET", path)
    run = admin.data("POST", f"{path}/run", Idempotency_Key="k")
    assert (run["parameters"], run["trigger"]) == ({"version": "7"}, "person")
    assert run["triggered_by"]["name"] == "admin"
    assert admin.data("POST", f"{path}/run", Idempotency_Key="k")["id"] == run["id"]
    assert admin.refused("POST", f"{path}/run")[0] == 1005, "it leaves out what overlaps"
    assert admin.data("GET", path) == before


def test_a_schedule_says_what_came_of_its_last_run(
    admin: People, worker: RpcAgent, make: Any, travel: Clock
) -> None:
    path = make("@hourly")
    firing.fire_due(shift(travel.after(HOURS)))
    assert admin.data("GET", path)["last_run_state"] == "queued"
    worker.finish(worker.poll()["jobs"][0], 3)
    (listed,) = admin.data("GET", "/schedules")["items"]
    assert listed["last_run_state"] == "failed"


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


@pytest.mark.parametrize("change", [{"paused": True}, {"overlap": "replace"}])
def test_a_change_whose_answer_was_lost_on_the_way_is_no_conflict(
    admin: People, make: Any, monkeypatch: pytest.MonkeyPatch, change: Any
) -> None:
    save = schedules.change
    monkeypatch.setattr(schedules, "change", lambda *given: (save(*given), save(*given))[1])
    assert admin.data("PATCH", make("@daily"), change).items() >= change.items()


def test_a_deleted_schedule_fires_no_more(
    admin: People, task_id: str, make: Any, travel: Clock
) -> None:
    path = make("@hourly")
    admin.data("DELETE", path)
    for method in ("GET", "PATCH", "DELETE"):
        assert admin.refused(method, path, {})[0] == 1004
    assert admin.refused("GET", f"{path}/next")[0] == 1004
    assert firing.fire_due(shift(travel.after(1 * HOURS))) == 0


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
