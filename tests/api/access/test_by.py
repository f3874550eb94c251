"""Who did what: kept beside it, shown, and noted in the log."""

import json
from typing import Any

import pytest
from chalice.test import Client

from chalicelib.operations.tasks import schedules
from tests.api.access.conftest import World
from tests.api.conftest import Clock, People, agent_id, enroll_params, rpc
from tests.stack.shifts import shift


def named(by: Any) -> tuple[str, str]:
    assert set(by) == {"kind", "id", "name"}
    return by["kind"], by["name"]


def test_what_is_made_keeps_who_made_it(admin: People, people: Any, world: World) -> None:
    me = admin.data("GET", "/me")
    inside = world.inside
    by = {"kind": "token", "id": me["id"], "name": "admin"}
    assert run_by(admin, inside.run_id) == by
    assert admin.data("GET", f"/schedules/{inside.schedule_id}")["created_by"] == by
    assert all(each["created_by"] == by for each in admin.data("GET", "/enrollments")["items"])
    assert admin.data("GET", f"/agents/{inside.agent.id}")["enrolled_by"] == by
    tokens = {each["id"]: each for each in admin.data("GET", "/tokens")["items"]}
    assert tokens[inside.token_id]["created_by"] == by
    assert named(tokens[me["id"]]["created_by"]) == ("system", "test")


def run_by(admin: People, run_id: str) -> Any:
    return admin.data("GET", f"/runs/{run_id}")["run"]["triggered_by"]


def test_each_revision_keeps_who_saved_it(people: Any, admin: People, world: World) -> None:
    path, operator = f"/tasks/{world.inside.task_id}", people("operator")
    change = {"definition": world.inside.definition + "# changed\n", "revision": 1}
    task = operator.data("PUT", path, change)["task"]
    assert named(task["updated_by"]) == ("token", "operator")
    revisions = admin.data("GET", f"{path}/revisions")["items"]
    assert [named(each["saved_by"]) for each in revisions] == [
        ("token", "operator"),
        ("token", "admin"),
    ]


def test_a_run_keeps_who_cancelled_it(admin: People, people: Any, world: World) -> None:
    run_id = admin.data("POST", f"/tasks/{world.inside.task_id}/execute")["id"]
    assert admin.data("GET", f"/runs/{run_id}")["run"]["stopped_by"] is None
    run = people("operator").data("POST", f"/runs/{run_id}/cancel")
    assert (named(run["stopped_by"]), run["state"]) == (("token", "operator"), "cancelled")
    assert named(run["triggered_by"]) == ("token", "admin")
    admin.data("POST", f"/runs/{run_id}/retry")
    newest = admin.data("GET", "/runs?trigger=retry")["items"][0]
    assert newest["stopped_by"] is None


def test_a_run_of_a_schedule_is_the_schedules(admin: People, world: World, travel: Clock) -> None:
    body = {"task_id": world.inside.task_id, "cron": "* * * * *"}
    made = admin.data("POST", "/schedules", body)["id"]
    assert schedules.fire_due(shift(travel.after(60))) == 1
    (run,) = admin.data("GET", "/runs?trigger=schedule")["items"]
    assert run["triggered_by"] == {"kind": "schedule", "id": made, "name": "* * * * *"}


def audited(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    lines = [json.loads(each.message) for each in caplog.records if each.name == "plumber.audit"]
    caplog.clear()
    return lines


def test_a_call_that_changes_something_leaves_a_line(
    admin: People, people: Any, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "plumber")
    caplog.clear()
    path = f"/tasks/{world.inside.task_id}"
    run_id = admin.data("POST", f"{path}/execute")["id"]
    (line,) = audited(caplog)
    assert named(line.pop("by")) == ("token", "admin")
    assert line == {
        "audit": "task.execute",
        "on": {"task_id": world.inside.task_id},
        "made": run_id,
        "result": "done",
        "code": 0,
    }
    admin.data("GET", path)
    admin.data("POST", f"{path}/plan", {})
    assert audited(caplog) == []
    people("viewer").refused("POST", f"{path}/execute")
    people(None).refused("POST", f"{path}/execute")
    refused = audited(caplog)
    assert [(each["result"], each["code"]) for each in refused] == [
        ("refused", 1003),
        ("refused", 1002),
    ]
    assert (named(refused[0]["by"]), refused[1]["by"]) == (("token", "viewer"), None)


def test_the_line_of_a_token_holds_no_secret(
    admin: People, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "plumber")
    made = admin.data("POST", "/tokens", {"name": "ci", "role": "viewer"})
    assert audited(caplog)[-1]["made"] == made["token"]["id"]
    assert made["secret"] not in caplog.text


def test_a_fault_of_ours_is_told_from_a_refusal(
    admin: People, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError

    monkeypatch.setattr("chalicelib.api.access.routes.create_token", broken)
    caplog.set_level("INFO", "plumber")
    admin.refused("POST", "/tokens", {"name": "ci", "role": "viewer"})
    line = audited(caplog)[-1]
    assert (line["audit"], line["result"], line["code"]) == ("token.create", "failed", 5000)


def test_letting_an_agent_in_leaves_a_line_and_its_reports_do_not(
    client: Client, admin: People, caplog: pytest.LogCaptureFixture
) -> None:
    join_token = admin.data("POST", "/enrollments", {})["join_token"]
    caplog.set_level("INFO", "plumber")
    caplog.clear()

    def enroll(token: str) -> Any:
        params = enroll_params(token)
        return rpc(client, {"jsonrpc": "2.0", "id": 1, "method": "agent.enroll", "params": params})

    enroll("plj_x_" + "0" * 64)
    token = enroll(join_token)[1]["result"]["token"]
    beat = {"jsonrpc": "2.0", "id": 1, "method": "agent.heartbeat", "params": {}}
    assert "result" in rpc(client, beat, token)[1]
    lines = audited(caplog)
    assert [(each["audit"], each["result"]) for each in lines] == [
        ("agent.enroll", "refused"),
        ("agent.enroll", "done"),
    ]
    assert [each["on"] for each in lines] == [{"agent_id": agent_id(1)}] * 2
