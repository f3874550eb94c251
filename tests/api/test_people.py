"""The people's wire, over the real app."""

from typing import Any

import pytest
from chalice.test import Client

from chalicelib import clock
from chalicelib.dynamo import runs, tokens
from chalicelib.operations.access import authentication
from tests.api.conftest import Clock, People, RpcAgent, agent_id, definition

ANY_ID = agent_id(9)


def test_health_is_open_and_says_what_answers(people: Any) -> None:
    health = people(None).data("GET", "/health")
    assert health["status"] == "ok"
    assert health["backends"] == {"dynamodb": "ok", "s3": "ok"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/me"),
        ("GET", "/agents"),
        ("GET", "/tasks"),
        ("POST", "/tasks"),
        ("GET", "/runs"),
        ("GET", "/runs/x"),
        ("POST", "/runs/x/cancel"),
        ("GET", "/tokens"),
        ("POST", "/enrollments"),
        ("GET", "/runs/x/jobs/1-a/log"),
        ("POST", "/tasks/x/execute"),
    ],
)
def test_everything_else_wants_a_token(people: Any, method: str, path: str) -> None:
    status, envelope = people(None).send(method, path)
    assert (status, envelope["code"], envelope["data"]) == (401, 1002, None)


def test_a_role_may_do_what_its_row_says_and_nothing_else(people: Any) -> None:
    allowed = {
        "viewer": ["GET /agents", "GET /tasks", "GET /runs"],
        "trigger": ["GET /runs", "POST /tasks/x/execute"],
        "operator": ["POST /tasks", "POST /runs/x/cancel", f"DELETE /agents/{ANY_ID}"],
        "admin": ["GET /tokens", "GET /enrollments"],
    }
    refused = {
        "viewer": ["POST /tasks/x/execute", "POST /tasks", "GET /tokens"],
        "trigger": ["POST /runs/x/cancel", "PUT /tasks/x"],
        "operator": ["GET /tokens", "POST /enrollments"],
        "admin": [],
    }
    for role, calls in allowed.items():
        for call in calls:
            assert people(role).send(*call.split())[0] != 403, (role, call)
    for role, calls in refused.items():
        for call in calls:
            assert people(role).refused(*call.split())[0] == 1003, (role, call)


def test_an_agents_token_opens_nothing_here(client: Client, agent: Any) -> None:
    assert People(client, agent().token).refused("GET", "/agents")[0] == 1003


def test_who_am_i(people: Any) -> None:
    me = people("viewer").data("GET", "/me")
    assert (me["name"], me["role"]) == ("viewer", "viewer")
    assert "runs:read" in me["permissions"]


# --- tokens


def test_a_token_is_shown_once_works_and_is_revoked(client: Client, admin: People) -> None:
    made = admin.data("POST", "/tokens", {"name": "ci", "role": "trigger"})
    caller = People(client, made["secret"])
    listed = admin.data("GET", "/tokens")["items"]
    assert made["token"] in listed
    assert caller.data("GET", "/me")["id"] == made["token"]["id"]
    assert made["secret"] not in str(listed)
    admin.data("DELETE", f"/tokens/{made['token']['id']}")
    assert caller.refused("GET", "/me")[0] == 1002
    assert admin.refused("DELETE", f"/tokens/{made['token']['id']}")[0] == 1004


def test_the_last_token_of_an_admin_is_not_revoked_by_mistake(
    client: Client, admin: People, travel: Clock
) -> None:
    me = admin.data("GET", "/me")["id"]
    narrow = {"name": "narrow", "role": "admin", "scope": {"groups": ["web"]}}
    short = {"name": "short", "role": "admin", "expires_in_seconds": 60}
    admin.data("POST", "/tokens", narrow)
    admin.data("POST", "/tokens", {"name": "other", "role": "operator"})
    admin.data("POST", "/tokens", short)
    travel.after(60)
    code, message = admin.refused("DELETE", f"/tokens/{me}")
    assert (code, "last token of an admin" in message) == (1005, True)
    second = admin.data("POST", "/tokens", {"name": "second", "role": "admin"})
    admin.data("DELETE", f"/tokens/{me}")
    other = People(client, second["secret"])
    last = second["token"]["id"]
    assert other.refused("DELETE", f"/tokens/{last}")[0] == 1005
    other.data("DELETE", f"/tokens/{last}?force=true")
    assert other.refused("GET", "/me")[0] == 1002


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"name": "", "role": "viewer"}, "name"),
        ({"name": "x" * 129, "role": "viewer"}, "name"),
        ({"name": "x", "role": "agent"}, "role"),
        ({"name": "x", "role": "viewer", "expires_in_seconds": 59}, "expires_in_seconds"),
        ({"name": "x", "role": "viewer", "extra": 1}, "extra"),
        ({"role": "viewer"}, "name"),
        ([], "object"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_and_says_where(
    admin: People, body: Any, says: str
) -> None:
    code, message = admin.refused("POST", "/tokens", body)
    assert code == 1001
    assert says in message


def test_a_body_has_a_limit(admin: People) -> None:
    filler = b'{"definition": "' + b"x" * (1 << 20) + b'"}'
    assert admin.refused("POST", "/tasks", filler) == (
        1001,
        "The body is larger than 1048576 bytes.",
    )


# --- lists


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "1.5", ""])
def test_a_list_refuses_a_limit_that_it_does_not_have(admin: People, limit: str) -> None:
    assert admin.refused("GET", f"/tasks?limit={limit}")[0] == 1001


def test_lists_are_paged_by_cursors(admin: People, agent: Any) -> None:
    one = agent().id
    for name in ("c", "a", "b"):
        admin.data("POST", "/tasks", {"definition": definition(one, name=name)})
    first = admin.data("GET", "/tasks?limit=2")
    rest = admin.data("GET", f"/tasks?limit=2&cursor={first['next']}")
    assert [task["name"] for task in first["items"] + rest["items"]] == ["a", "b", "c"]
    assert rest["next"] is None
    assert admin.refused("GET", "/tasks?cursor=nonsense")[0] == 1001


# --- agents


def test_agents_are_shown_with_what_they_said(admin: People, agent: Any) -> None:
    enrolled: RpcAgent = agent()
    shown = admin.data("GET", f"/agents/{enrolled.id}")
    assert (shown["name"], shown["hostname"], shown["status"]) == (
        "machine-1",
        "host-1",
        "never_seen",
    )
    enrolled.result("agent.heartbeat", leases=["a", "b"])
    shown = admin.data("GET", f"/agents/{enrolled.id.upper()}")
    assert (shown["status"], shown["running"]) == ("online", 2)
    assert shown["last_seen_at"].endswith("Z")


def test_agents_are_filtered(admin: People, agent: Any) -> None:
    online, _ = agent(1), agent(2)
    online.result("agent.heartbeat")
    names = lambda query: [a["name"] for a in admin.data("GET", f"/agents?{query}")["items"]]  # noqa: E731
    assert names("") == ["machine-1", "machine-2"]
    assert names("status=online") == ["machine-1"]
    assert names("text=HOST-2") == ["machine-2"]
    assert names("group=none") == []


def test_people_name_label_and_disable_agents(admin: People, agent: Any) -> None:
    enrolled = agent()
    path = f"/agents/{enrolled.id}"
    changed = admin.data("PATCH", path, {"name": "web", "labels": {"r": "w"}, "group": "prod"})
    assert (changed["name"], changed["labels"], changed["group"]) == ("web", {"r": "w"}, "prod")
    assert admin.data("PATCH", path, {})["group"] == "prod"
    assert admin.data("PATCH", path, {"group": None})["group"] is None
    assert admin.data("PATCH", path, {"disabled": True})["status"] == "disabled"
    enrolled.result("agent.heartbeat")


def test_a_disabled_agent_gets_no_work_and_ends_what_it_has(admin: People, agent: Any) -> None:
    enrolled = agent()
    source = definition(enrolled.id)
    task = admin.data("POST", "/tasks", {"definition": source})["task"]
    running = admin.data("POST", f"/tasks/{task['id']}/execute")
    job = enrolled.poll()["jobs"][0]
    admin.data("PATCH", f"/agents/{enrolled.id}", {"disabled": True})
    waiting = admin.data("POST", f"/tasks/{task['id']}/execute")
    assert enrolled.poll(job["lease"])["jobs"] == []
    enrolled.finish(job)
    assert admin.data("GET", f"/runs/{running['id']}")["run"]["state"] == "succeeded"
    admin.data("PATCH", f"/agents/{enrolled.id}", {"disabled": False})
    assert [each["run_id"] for each in enrolled.poll()["jobs"]] == [waiting["id"]]


def test_an_unknown_agent_has_a_code_of_its_own(admin: People) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        status, envelope = admin.send(method, f"/agents/{ANY_ID}", {})
        assert (status, envelope["code"]) == (404, 2001)


def test_an_agent_with_open_jobs_is_not_removed(admin: People, agent: Any) -> None:
    enrolled = agent()
    task = admin.data("POST", "/tasks", {"definition": definition(enrolled.id)})["task"]
    run = admin.data("POST", f"/tasks/{task['id']}/execute")
    assert admin.refused("DELETE", f"/agents/{enrolled.id}")[0] == 1005
    admin.data("POST", f"/runs/{run['id']}/cancel")
    admin.data("DELETE", f"/agents/{enrolled.id}")
    assert enrolled.error("agent.heartbeat") == -32001


# --- tasks


def test_a_task_is_saved_and_read_back_as_it_was_written(admin: People, agent: Any) -> None:
    source = definition(agent().id) + "# a remark\n"
    saved = admin.data("POST", "/tasks", {"definition": source})
    shown = admin.data("GET", f"/tasks/{saved['task']['id']}")
    assert shown == saved
    assert shown["definition"] == source
    assert shown["steps"][0]["command"] == "true"
    assert (shown["task"]["revision"], shown["task"]["step_count"]) == (1, 1)


def test_toml_may_be_sent_as_it_is(admin: People, agent: Any) -> None:
    toml = definition(agent().id).encode()
    saved = admin.data("POST", "/tasks", toml, Content_Type="application/toml")
    path = f"/tasks/{saved['task']['id']}"
    changed = toml.replace(b'"true"', b'"false"')
    again = admin.data("PUT", f"{path}?revision=1", changed, Content_Type="application/toml")
    assert again["task"]["revision"] == 2
    assert admin.refused("PUT", f"{path}?revision=x", toml, Content_Type="application/toml") == (
        1001,
        "revision must be a whole number from 1 to 999,999,999.",
    )
    code, message = admin.refused("POST", "/tasks", b"\xff", Content_Type="application/toml")
    assert (code, message) == (1001, "The definition is not UTF-8 text.")


def test_a_task_is_found_by_its_name(admin: People, agent: Any) -> None:
    admin.data("POST", "/tasks", {"definition": definition(agent().id, name="部署 a&b")})
    found = admin.data("GET", "/tasks?name=%E9%83%A8%E7%BD%B2%20a%26b")["items"]
    assert [task["name"] for task in found] == ["部署 a&b"]
    assert admin.data("GET", "/tasks?name=other")["items"] == []


def test_a_wrong_definition_is_refused_with_its_line_and_nothing_is_saved(
    admin: People, agent: Any
) -> None:
    source = definition(agent().id) + 'Timout = "1s"\n'
    status, envelope = admin.send("POST", "/tasks", {"definition": source})
    assert (status, envelope["code"]) == (400, 1001)
    where = {"line": 6, "column": None, "key": "step[1].Timout"}
    assert envelope["data"] == {**where, "errors": [{**where, "message": envelope["message"]}]}
    assert admin.data("GET", "/tasks")["items"] == []


def test_a_task_for_an_unknown_agent_is_refused(admin: People) -> None:
    status, envelope = admin.send("POST", "/tasks", {"definition": definition(ANY_ID)})
    assert (status, envelope["code"], envelope["data"]["line"]) == (400, 1001, 3)
    assert ANY_ID in envelope["message"]


def test_a_name_is_taken_once(admin: People, agent: Any) -> None:
    source = {"definition": definition(agent().id)}
    admin.data("POST", "/tasks", source)
    assert admin.refused("POST", "/tasks", source)[0] == 1005


def test_saving_names_the_revision_that_it_replaces(admin: People, agent: Any) -> None:
    one = agent().id
    task = admin.data("POST", "/tasks", {"definition": definition(one)})["task"]
    path = f"/tasks/{task['id']}"
    second = {"definition": definition(one, one), "revision": 1}
    assert admin.data("PUT", path, second)["task"]["revision"] == 2
    assert admin.data("PUT", path, second)["task"]["revision"] == 2, "the same call again"
    other = {"definition": definition(one, one, one), "revision": 1}
    status, envelope = admin.send("PUT", path, other)
    assert (status, envelope["code"], envelope["data"]) == (409, 1005, {"revision": 2})
    assert admin.refused("PUT", path, {"definition": definition(one)})[0] == 1001
    revisions = admin.data("GET", f"{path}/revisions")["items"]
    assert [revision["number"] for revision in revisions] == [2, 1]


def test_a_task_with_an_active_run_is_not_deleted(admin: People, agent: Any) -> None:
    task = admin.data("POST", "/tasks", {"definition": definition(agent().id)})["task"]
    path = f"/tasks/{task['id']}"
    run = admin.data("POST", f"{path}/execute")
    assert admin.refused("DELETE", path)[0] == 1005
    admin.data("POST", f"/runs/{run['id']}/cancel")
    admin.data("DELETE", path)
    assert admin.refused("GET", path)[0] == 1004
    assert admin.data("GET", f"/runs/{run['id']}")["run"]["task_name"] == "deploy"


# --- idempotency, history


def test_a_trigger_that_was_cut_short_goes_on_with_the_revision_it_began_with(
    admin: People, agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled = agent()
    task = admin.data("POST", "/tasks", {"definition": definition(enrolled.id, enrolled.id)})[
        "task"
    ]
    path = f"/tasks/{task['id']}"
    with monkeypatch.context() as fault:
        fault.setattr(runs, "create", lambda run: 1 / 0)
        assert admin.refused("POST", f"{path}/execute", Idempotency_Key="k")[0] == 5000
    admin.data("PUT", path, {"definition": definition(enrolled.id), "revision": 1})
    run = admin.data("POST", f"{path}/execute", Idempotency_Key="k")
    assert run["revision"] == 1
    assert len(admin.data("GET", f"/runs/{run['id']}")["steps"]) == 2


def test_the_same_idempotency_key_triggers_once(admin: People, agent: Any) -> None:
    task = admin.data("POST", "/tasks", {"definition": definition(agent().id)})["task"]
    path = f"/tasks/{task['id']}/execute"
    first = admin.data("POST", path, Idempotency_Key="k")
    assert admin.data("POST", path, Idempotency_Key="k")["id"] == first["id"]
    assert admin.data("POST", path, Idempotency_Key="l")["id"] != first["id"]
    assert admin.data("POST", path)["id"] != first["id"]
    assert admin.refused("POST", path, Idempotency_Key="k" * 129)[0] == 1001
    assert len(admin.data("GET", f"/tasks/{task['id']}/executions")["items"]) == 3


def test_nobody_is_answered_the_run_of_anothers_key(admin: People, people: Any, agent: Any) -> None:
    task = admin.data("POST", "/tasks", {"definition": definition(agent().id)})["task"]
    path = f"/tasks/{task['id']}/execute"
    first = people("trigger").data("POST", path, Idempotency_Key="deploy-42")
    mine = admin.data("POST", path, Idempotency_Key="deploy-42")
    assert mine["id"] != first["id"]
    assert mine["triggered_by"]["name"] == "admin"
    again = [
        caller.data("POST", f"/runs/{end(admin, mine)}/retry", {"what": "all"}, Idempotency_Key="r")
        for caller in (people("trigger"), admin)
    ]
    assert again[0]["id"] != again[1]["id"]


def end(admin: People, run: Any) -> str:
    """Cancels what nobody has fetched; answers its id."""
    admin.send("POST", f"/runs/{run['id']}/cancel", None, {})
    return str(run["id"])


def test_the_history_is_newest_first(admin: People, agent: Any) -> None:
    task = admin.data("POST", "/tasks", {"definition": definition(agent().id)})["task"]
    ids = [admin.data("POST", f"/tasks/{task['id']}/execute")["id"] for _ in range(3)]
    page = admin.data("GET", "/runs?limit=2")
    rest = admin.data("GET", f"/runs?limit=2&cursor={page['next']}")
    listed = [run["id"] for run in page["items"] + rest["items"]]
    assert sorted(listed) == sorted(ids)
    assert listed == sorted(listed, reverse=True)


def test_an_unknown_run_or_task_is_not_found(admin: People) -> None:
    for method, path in [
        ("GET", "/runs/01X"),
        ("POST", "/runs/01X/cancel"),
        ("GET", "/runs/01X/jobs/1-a/log"),
        ("GET", "/runs/01X/jobs/nonsense/log"),
        ("GET", "/tasks/01X"),
        ("POST", "/tasks/01X/execute"),
        ("GET", "/tasks/01X/revisions"),
        ("DELETE", "/tasks/01X"),
        ("GET", "/tasks/name%23deploy"),
    ]:
        status, envelope = admin.send(method, path)
        assert (status, envelope["code"]) == (404, 1004), (method, path)


def test_a_token_works_up_to_its_end_and_says_so_afterwards(
    client: Client, admin: People, travel: Clock
) -> None:
    body = {"name": "short", "role": "viewer", "expires_in_seconds": 60}
    made = admin.data("POST", "/tokens", body)
    caller = People(client, made["secret"])
    travel.after(59)
    assert caller.data("GET", "/me")["name"] == "short"
    travel.after(1)
    code, message = caller.refused("GET", "/me")
    assert (code, message) == (1002, "The token has expired. Ask an admin for a new one.")
    authentication.forget_everybody()
    assert caller.refused("GET", "/me")[0] == 1002


def test_a_token_is_looked_up_once_in_a_while(
    client: Client, people: Any, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = people("viewer")
    looked_up: list[str] = []
    get = tokens.get

    def counted(token_id: str) -> Any:
        looked_up.append(token_id)
        return get(token_id)

    monkeypatch.setattr(tokens, "get", counted)
    for _ in range(3):
        caller.data("GET", "/me")
    assert len(looked_up) == 1
    travel.after(31)
    caller.data("GET", "/me")
    assert len(looked_up) == 2


def test_the_use_of_a_token_is_noted_once_an_hour(
    people: Any, admin: People, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = people("viewer")

    def noted() -> Any:
        found = admin.data("GET", "/tokens")["items"]
        return next(each["last_used_at"] for each in found if each["role"] == "viewer")

    def use() -> None:
        authentication.forget_everybody()
        viewer.data("GET", "/me")

    assert noted() is None
    use()
    first = noted()
    assert first is not None
    travel.after(3_599)
    use()
    assert noted() == first
    travel.after(2)
    use()
    assert noted() > first
    monkeypatch.setattr("chalicelib.dynamo.tokens.note_used", lambda token_id, now: 1 / 0)
    travel.after(7_200)
    use()


def test_a_use_that_is_noted_late_brings_no_revoked_token_back() -> None:
    assert not tokens.note_used("revoked", clock.read())
    assert tokens.get("revoked") is None
