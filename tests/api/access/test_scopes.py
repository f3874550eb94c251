"""What a token with a scope sees and does, over the real app."""

import json
from typing import Any

import pytest

from chalicelib.access.scope import Scope
from chalicelib.api import listing
from chalicelib.dynamo import runs
from chalicelib.operations.runs import sweep
from chalicelib.operations.tasks import schedules
from tests.api.access.conftest import AGENTS, GROUP, World, targeted
from tests.api.conftest import Clock, People, named
from tests.api.fleet import run_of, work
from tests.stack.shifts import shift

ALL = "{ All = true }"
INSIDE = '{ Labels = { env = "prod" }, Group = "web" }'


def ids(caller: People, path: str) -> list[str]:
    return [each["id"] for each in caller.data("GET", path)["items"]]


def save(admin: People, source: str) -> str:
    task_id: str = admin.data("POST", "/tasks", {"definition": source})["task"]["id"]
    return task_id


def runs_of(admin: People, task_id: str) -> list[str]:
    return ids(admin, f"/tasks/{task_id}/executions")


# --- lists


@pytest.mark.parametrize("name", ["both", "agents", "tasks"])
def test_lists_hold_what_is_inside_of_the_scope(
    admin: People, people: Any, world: World, name: str
) -> None:
    scope = {"both": world.scope, "agents": AGENTS, "tasks": world.tasks}[name]
    caller, inside, outside = people("admin", scope), world.inside, world.outside
    agents = [inside.agent.id] if scope.names_agents else [inside.agent.id, outside.agent.id]
    tasks = [inside.task_id] if scope.tasks else [outside.task_id, inside.task_id]
    planned = [inside.schedule_id] if scope.tasks else [inside.schedule_id, outside.schedule_id]
    for _ in range(2):  # with what was looked up, and with what is remembered
        assert sorted(ids(caller, "/agents")) == sorted(agents)
        assert ids(caller, "/tasks") == tasks
        assert ids(caller, "/runs") == [inside.run_id]
        assert ids(caller, "/schedules") == planned
        joins = [inside.enrollment_id] if scope.names_agents else []
        assert ids(caller, "/enrollments") == joins
    exported = caller.answer("GET", "/exports/runs").body.splitlines()
    assert [json.loads(line)["id"] for line in exported] == [inside.run_id]
    names = {each["name"] for each in caller.data("GET", "/tokens")["items"]}
    assert names == {GROUP, "admin"} if name == "both" else names >= {GROUP, "admin"}


def test_a_list_that_is_asked_for_what_is_outside_is_empty(people: Any, world: World) -> None:
    caller, outside = people("viewer", world.scope), world.outside
    assert ids(caller, "/tasks?name=db") == []
    assert ids(caller, "/tasks?name=web") == [world.inside.task_id]
    assert ids(caller, f"/runs?task={outside.task_id}") == []
    assert ids(caller, f"/runs?agent={outside.agent.id}") == []
    assert ids(caller, f"/schedules?task={outside.task_id}") == []
    assert ids(caller, "/agents?group=db") == []
    assert ids(caller, "/agents?label=env") == [world.inside.agent.id]


@pytest.mark.parametrize("end", ["it is stopped", "it is given up"])
def test_agents_of_a_step_that_never_began_are_the_runs_agents_too(
    admin: People, people: Any, world: World, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """They were chosen, and then its handler died; the run's page shows them as skipped."""
    inside, caller = world.inside, people("viewer", AGENTS)
    source = targeted("two", INSIDE) + f'[[step]]\nTargets = {ALL}\nCMD = "x"\n'
    run_id = admin.data("POST", f"/tasks/{save(admin, source)}/execute")["id"]
    assert run_id in ids(caller, "/runs")
    (job,) = inside.agent.poll()["jobs"]
    with monkeypatch.context() as dying:
        dying.setattr(runs, "begin_step", lambda _: 1 / 0)
        inside.agent.error("job.finish", **named(job), outcome="exited", exit_code=0, duration_ms=1)
    shown = admin.data("GET", f"/runs/{run_id}")["steps"][1]["jobs"]
    assert world.outside.agent.id in {each["agent_id"] for each in shown}
    for path in (f"/runs/{run_id}", f"/runs/{run_id}/jobs"):
        assert caller.refused("GET", path)[0] == 1004
    if end == "it is stopped":
        admin.data("POST", f"/runs/{run_id}/cancel")
    else:
        run = runs.get(run_id)
        assert run is not None and sweep._give_up_run(run, "no luck", run.created_at)
    assert run_of(admin, run_id)["ended_at"]
    assert run_id not in ids(caller, "/runs")
    assert run_id in ids(admin, "/runs")


def test_statistics_and_templates_are_of_what_is_inside(
    admin: People, people: Any, world: World
) -> None:
    template = targeted("mine", ALL).replace("[[step]]", "Template = true\n[[step]]", 1)
    hidden = save(admin, template)
    caller = people("viewer", Scope((world.inside.task_id,), {"env": "test"}))
    assert hidden not in ids(caller, "/templates")
    assert hidden in ids(admin, "/templates")
    path = f"/tasks/{world.inside.task_id}"
    assert admin.data("GET", f"{path}/stats")["ended"] == 1
    assert caller.data("GET", f"{path}/stats")["ended"] == 0  # its agents are outside
    assert ids(caller, f"{path}/executions") == []


def test_short_pages_lead_on(
    admin: People, people: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        admin.data("POST", "/schedules", {"task_id": world.outside.task_id, "cron": "@daily"})
    last = {"task_id": world.inside.task_id, "cron": "@hourly"}
    newest = admin.data("POST", "/schedules", last)["id"]
    monkeypatch.setattr(listing, "LOOKS", 2)
    other = save(admin, targeted("other", ALL))
    caller = people("viewer", Scope((world.inside.task_id, other)))
    found, cursor, pages = [], "", 0
    while pages == 0 or cursor:
        page = caller.data("GET", f"/schedules?limit=1{cursor}")
        found += [each["id"] for each in page["items"]]
        cursor, pages = f"&cursor={page['next']}" if page["next"] else "", pages + 1
    assert found == [world.inside.schedule_id, newest]
    assert pages > 2


def test_tasks_of_a_scope_are_paged_by_name(admin: People, people: Any, world: World) -> None:
    made = [save(admin, targeted(name, ALL)) for name in ("c", "a", "b")]
    caller = people("viewer", Scope(tuple(made)))
    first = caller.data("GET", "/tasks?limit=2")
    rest = caller.data("GET", f"/tasks?limit=2&cursor={first['next']}")
    assert [each["name"] for each in first["items"] + rest["items"]] == ["a", "b", "c"]
    assert rest["next"] is None
    assert caller.refused("GET", "/tasks?cursor=eyJhIjp7IlMiOiIxIn19")[0] == 1001


@pytest.mark.parametrize("path", ["/schedules", "/tasks", "/runs", "/agents"])
def test_a_cursor_of_another_scope_is_refused(
    admin: People, people: Any, world: World, path: str
) -> None:
    """Its place can be a key of another index, as where schedules of the one task are listed."""
    following = admin.data("GET", f"{path}?limit=1")["next"]
    assert following is not None
    admin.data("GET", f"{path}?limit=1&cursor={following}")
    narrow = people("viewer", world.tasks)
    assert narrow.refused("GET", f"{path}?limit=1&cursor={following}")[0] == 1001


def test_who_am_i_tells_the_scope(people: Any, world: World) -> None:
    assert people("viewer", world.scope).data("GET", "/me")["scope"] == {
        "tasks": [world.inside.task_id],
        "labels": {"env": "prod"},
        "groups": ["web"],
    }
    assert people("viewer").data("GET", "/me")["scope"] == {
        "tasks": [],
        "labels": {},
        "groups": [],
    }


# --- starting


def test_nothing_starts_where_any_agent_is_outside(
    admin: People, people: Any, world: World
) -> None:
    everybody = save(admin, targeted("all", ALL))
    named = save(admin, f'Name = "n"\n[[step]]\nServerID = "{world.outside.agent.id}"\nCMD = "x"\n')
    caller = people("trigger", AGENTS)
    code, message = caller.refused("POST", f"/tasks/{everybody}/execute")
    assert (code, "1 of the 2 agents" in message, "env=prod" in message) == (1003, True, True)
    code, message = caller.refused("POST", f"/tasks/{named}/execute")
    assert (code, world.outside.agent.id in message) == (1003, True)
    assert runs_of(admin, everybody) == runs_of(admin, named) == []
    (planned,) = caller.data("POST", f"/tasks/{everybody}/plan", {})["steps"]
    assert ("outside" in planned["problem"], planned["waves"]) == (True, [])
    assert caller.data("POST", f"/tasks/{world.inside.task_id}/execute")["state"] == "queued"


def test_a_command_runs_inside_or_not_at_all(people: Any, world: World) -> None:
    caller = people("operator", AGENTS)
    run = caller.data("POST", "/commands", {"command": "true", "labels": {"env": "prod"}})
    assert run["task_id"] == "commands"
    assert caller.refused("POST", "/commands", {"command": "true", "all": True})[0] == 1003
    inside, outside = world.inside.agent.id, world.outside.agent.id
    both = {"command": "true", "agent_ids": [inside, outside]}
    assert caller.refused("POST", "/commands", both)[0] == 2001  # as if it were not there
    of_tasks = people("operator", world.tasks)
    code, message = of_tasks.refused("POST", "/commands", {"command": "true", "all": True})
    assert (code, "cannot run commands" in message) == (1003, True)


def test_a_step_that_chooses_its_agents_later_fails_where_any_is_outside(
    admin: People, people: Any, world: World
) -> None:
    task_id = save(admin, targeted("late", INSIDE) + f'[[step]]\nTargets = {ALL}\nCMD = "x"\n')
    caller = people("trigger", AGENTS)
    run_id = caller.data("POST", f"/tasks/{task_id}/execute")["id"]
    work([world.inside.agent])
    detail = caller.data("GET", f"/runs/{run_id}")
    assert detail["run"]["state"] == "failed"
    assert "outside of the scope" in detail["run"]["reason"]
    assert detail["steps"][1]["jobs"] == []
    assert world.outside.agent.poll()["jobs"] == []
    admins = admin.data("POST", f"/tasks/{task_id}/execute")["id"]
    work([world.inside.agent])
    assert len(world.outside.agent.poll()["jobs"]) == 1
    assert caller.refused("GET", f"/runs/{admins}")[0] == 1004  # it has come to others meanwhile


def test_a_retry_looks_anew_at_agents_that_were_chosen_before(
    admin: People, people: Any, world: World
) -> None:
    inside = world.inside
    caller = people("trigger", AGENTS)
    run_id = admin.data("POST", f"/tasks/{inside.task_id}/execute")["id"]
    work([inside.agent], inside.agent)
    admin.data("PATCH", f"/agents/{inside.agent.id}", {"labels": {"env": "test"}})
    path, failed = f"/runs/{run_id}/retry", {"what": "failed_agents"}
    assert caller.refused("POST", path, failed)[0] == 1003
    admin.data("PATCH", f"/agents/{inside.agent.id}", {"labels": {"env": "prod"}})
    again = caller.data("POST", path, failed)
    assert (again["retry_of"], again["triggered_by"]["name"]) == (run_id, "trigger")
    work([inside.agent])
    assert run_of(caller, again["id"])["state"] == "succeeded"


def test_a_retry_is_under_the_scope_of_who_retries(
    admin: People, people: Any, world: World
) -> None:
    task_id = save(admin, targeted("late", INSIDE) + f'[[step]]\nTargets = {ALL}\nCMD = "x"\n')
    caller = people("trigger", AGENTS)
    run_id = admin.data("POST", f"/tasks/{task_id}/execute")["id"]
    work([world.inside.agent], world.inside.agent)  # it never came to the second step
    again = caller.data("POST", f"/runs/{run_id}/retry", {"what": "all"})["id"]
    work([world.inside.agent])
    assert "outside of the scope" in run_of(admin, again)["reason"]


def test_a_key_does_not_open_a_run_that_is_outside(
    admin: People, people: Any, world: World
) -> None:
    everybody = {"command": "true", "all": True}
    wide = admin.data("POST", "/commands", everybody, Idempotency_Key="k")
    caller = people("operator", AGENTS)
    mine = {"command": "true", "labels": {"env": "prod"}}
    run = caller.data("POST", "/commands", mine, Idempotency_Key="k")
    assert run["id"] != wide["id"]
    assert caller.data("GET", f"/runs/{run['id']}")["run"]["triggered_by"]["name"] == "operator"


# --- changing


def test_labels_and_groups_are_changed_only_without_a_scope(people: Any, world: World) -> None:
    caller, path = people("operator", AGENTS), f"/agents/{world.inside.agent.id}"
    assert caller.data("PATCH", path, {"name": "new", "labels": {"env": "prod"}})["name"] == "new"
    for change in ({"labels": {"env": "prod", "more": "x"}}, {"group": None}, {"labels": {}}):
        code, message = caller.refused("PATCH", path, change)
        assert (code, "labels or groups" in message) == (1003, True)
    outside = f"/agents/{world.outside.agent.id}"
    change = {"labels": {"env": "prod"}, "group": "web"}
    assert caller.refused("PATCH", outside, change)[0] == 2001


def test_a_scope_of_tasks_leaves_agents_to_others(people: Any, world: World) -> None:
    caller, path = people("admin", world.tasks), f"/agents/{world.inside.agent.id}"
    assert caller.data("GET", path)["id"] == world.inside.agent.id
    assert caller.refused("PATCH", path, {"disabled": True})[0] == 1003
    assert caller.refused("DELETE", path)[0] == 1003
    assert caller.refused("POST", "/enrollments", {})[0] == 1003


def test_a_task_is_saved_only_when_it_can_never_leave_the_scope(
    admin: People, people: Any, world: World
) -> None:
    caller, inside, outside = people("operator", AGENTS), world.inside, world.outside
    code, message = caller.refused("POST", "/tasks", {"definition": targeted("a", ALL)})
    assert (code, "step 1" in message, "env=prod" in message) == (1003, True, True)
    named = f'Name = "n"\n[[step]]\nServerID = "{outside.agent.id}"\nCMD = "x"\n'
    code, message = caller.refused("POST", "/tasks", {"definition": named})
    assert (code, "there is no agent" in message) == (1001, True)
    path, wider = f"/tasks/{inside.task_id}", targeted("web", '{ Group = "web" }')
    assert caller.refused("PUT", path, {"definition": wider, "revision": 1})[0] == 1003
    within = targeted("web", INSIDE, "false")
    assert caller.data("PUT", path, {"definition": within, "revision": 1})["task"]["revision"] == 2
    mine = named.replace(outside.agent.id, inside.agent.id)
    assert caller.data("POST", "/tasks", {"definition": mine})["task"]["name"] == "n"


def test_a_task_that_runs_elsewhere_is_seen_and_not_changed(
    admin: People, people: Any, world: World
) -> None:
    named = f'Name = "n"\n[[step]]\nServerID = "{world.outside.agent.id}"\nCMD = "x"\n'
    caller = people("operator", AGENTS)
    for path in (f"/tasks/{world.outside.task_id}", f"/tasks/{save(admin, named)}"):
        name = caller.data("GET", path)["task"]["name"]
        within = {"definition": targeted(name, INSIDE), "revision": 1}
        assert caller.refused("PUT", path, within)[0] == 1003
        assert caller.refused("DELETE", path)[0] == 1003
        assert admin.data("GET", path)["task"]["revision"] == 1


def test_a_scope_of_tasks_allows_no_new_ones_and_any_change_of_those(
    people: Any, world: World
) -> None:
    caller = people("operator", world.tasks)
    assert caller.refused("POST", "/tasks", {"definition": targeted("a", INSIDE)})[0] == 1003
    change = {"definition": targeted("web", ALL), "revision": 1}
    assert caller.data("PUT", f"/tasks/{world.inside.task_id}", change)["task"]["revision"] == 2


# --- schedules


def test_a_schedule_runs_under_the_scope_of_who_made_it(
    admin: People, people: Any, world: World, travel: Clock
) -> None:
    everybody = save(admin, targeted("all", ALL))
    caller = people("operator", AGENTS)
    made = caller.data("POST", "/schedules", {"task_id": everybody, "cron": "* * * * *"})
    assert schedules.fire_due(shift(travel.after(60))) == 0
    shown = admin.data("GET", f"/schedules/{made['id']}")
    assert "outside of the scope" in shown["last_problem"]
    assert runs_of(admin, everybody) == []


def test_a_schedule_of_a_wider_scope_is_seen_and_not_changed(people: Any, world: World) -> None:
    caller, path = people("operator", world.scope), f"/schedules/{world.inside.schedule_id}"
    assert caller.data("GET", path)["id"] == world.inside.schedule_id
    code, message = caller.refused("PATCH", path, {"paused": True})
    assert (code, "wider scope" in message) == (1003, True)
    assert caller.refused("DELETE", path)[0] == 1003
    body = {"task_id": world.inside.task_id, "cron": "@daily"}
    own = caller.data("POST", "/schedules", body)["id"]
    assert caller.data("PATCH", f"/schedules/{own}", {"paused": True})["paused"]
    assert caller.data("DELETE", f"/schedules/{own}") is None


# --- tokens and join tokens


def test_a_token_makes_none_that_is_wider_than_itself(people: Any, world: World) -> None:
    caller = people("admin", AGENTS)
    own = {"labels": {"env": "prod"}, "groups": ["web"]}
    made = caller.data("POST", "/tokens", {"name": "x", "role": "admin", "scope": own})
    assert made["token"]["scope"] == {"tasks": [], **own}
    wider = ({}, {"labels": {"env": "prod"}}, {**own, "groups": ["web", "db"]})
    for scope in wider:
        body = {"name": "x", "role": "viewer", "scope": scope}
        code, message = caller.refused("POST", "/tokens", body)
        assert (code, "wider than itself" in message) == (1003, True)


def test_a_wider_token_is_not_there_to_be_revoked(admin: People, people: Any, world: World) -> None:
    caller = people("admin", AGENTS)
    wide = admin.data("POST", "/tokens", {"name": "wide", "role": "viewer"})["token"]["id"]
    assert wide not in ids(caller, "/tokens")
    assert caller.refused("DELETE", f"/tokens/{wide}")[0] == 1004
    assert wide in ids(admin, "/tokens")


@pytest.mark.parametrize(
    ("scope", "says"),
    [
        ({"tasks": ["nope"]}, "no task with the id 'nope'"),
        ({"groups": [""]}, "groups"),
        ({"groups": ["g"] * 11}, "groups"),
        ({"labels": {"": "x"}}, "labels"),
        ({"labels": {f"k{n}": "x" for n in range(11)}}, "labels"),
        ({"tasks": ["T"] * 51}, "tasks"),
        ({"agents": ["x"]}, "agents"),
    ],
)
def test_a_scope_that_cannot_be_is_refused(admin: People, scope: Any, says: str) -> None:
    code, message = admin.refused(
        "POST", "/tokens", {"name": "x", "role": "viewer", "scope": scope}
    )
    assert (code, says in message) == (1001, True)


def test_a_join_token_lets_in_only_what_is_inside(people: Any, world: World) -> None:
    caller = people("admin", AGENTS)
    inside = {"labels": {"env": "prod"}, "group": "web"}
    assert caller.data("POST", "/enrollments", inside)["enrollment"]["group"] == "web"
    for outside in ({}, {**inside, "group": "db"}, {**inside, "labels": {}}):
        assert caller.refused("POST", "/enrollments", outside)[0] == 1003
