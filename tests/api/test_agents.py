"""The agents' door: enrollment and who may come in."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from chalice.test import Client

from chalicelib.api.agents.methods import METHODS
from chalicelib.operations.access import authentication
from chalicelib.operations.runs.sweep import sweep
from tests.api.conftest import Clock, People, RpcAgent, agent_id, definition, enroll_params, rpc
from tests.stack.shifts import shift


def enroll(client: Client, params: dict[str, Any]) -> Any:
    body = {"jsonrpc": "2.0", "id": 1, "method": "agent.enroll", "params": params}
    return rpc(client, body)[1]


def join_token(admin: People, **values: Any) -> str:
    token: str = admin.data("POST", "/enrollments", values)["join_token"]
    return token


def test_an_enrollment_comes_with_a_ready_agent_json(admin: People) -> None:
    made = admin.data("POST", "/enrollments", {"labels": {"role": "web"}})
    assert made["agent_json"]["join_token"] == made["join_token"]
    assert made["agent_json"]["server_addr"].startswith("http")
    listed = admin.data("GET", "/enrollments")["items"]
    assert listed == [made["enrollment"]]
    assert made["join_token"] not in str(listed)


def test_an_id_that_goes_on_in_another_line_is_refused(client: Client, admin: People) -> None:
    params = enroll_params(join_token(admin))
    for wrong in (f"{params['agent_id']}\n", f"\n{params['agent_id']}"):
        assert enroll(client, {**params, "agent_id": wrong})["error"]["code"] == -32602


def test_an_agent_enrolls_and_a_lost_answer_is_mended(client: Client, admin: People) -> None:
    params = enroll_params(join_token(admin, labels={"role": "web"}, group="prod"))
    first = enroll(client, params)["result"]
    assert enroll(client, params)["result"] == first
    assert RpcAgent(client, first["agent_id"], first["token"]).poll()["jobs"] == []
    shown = admin.data("GET", f"/agents/{first['agent_id']}")
    assert (shown["labels"], shown["group"]) == ({"role": "web"}, "prod")


def test_a_join_token_lets_in_as_many_as_it_says(client: Client, admin: People) -> None:
    token = join_token(admin, max_uses=2)
    for number, code in ((1, None), (2, None), (3, -32005)):
        answer = enroll(client, enroll_params(token, number))
        assert answer.get("error", {}).get("code") == code


def test_a_deleted_join_token_lets_nobody_in(client: Client, admin: People) -> None:
    made = admin.data("POST", "/enrollments", {})
    admin.data("DELETE", f"/enrollments/{made['enrollment']['id']}")
    assert enroll(client, enroll_params(made["join_token"]))["error"]["code"] == -32005
    assert admin.refused("DELETE", f"/enrollments/{made['enrollment']['id']}")[0] == 1004


@pytest.mark.parametrize("forge", [lambda t: "", lambda t: t[:-1] + "!", lambda t: "plj_x_" + "0" * 64, lambda t: t[:-64] + "0" * 64])  # fmt: skip  # noqa: E501
def test_a_forged_join_token_is_refused(client: Client, admin: People, forge: Any) -> None:
    params = enroll_params(forge(join_token(admin)))
    assert enroll(client, params)["error"]["code"] == -32005


@pytest.mark.parametrize("whose", ["its own", "a new one"])
def test_a_removed_agents_id_is_not_enrolled_again(
    client: Client, admin: People, whose: str
) -> None:
    first = admin.data("POST", "/enrollments", {"max_uses": 1})["join_token"]
    assert "result" in enroll(client, enroll_params(first))
    admin.data("DELETE", f"/agents/{agent_id(1)}")
    second = admin.data("POST", "/enrollments", {})["join_token"]
    again = enroll_params(first if whose == "its own" else second)
    for _ in range(2):
        answer = enroll(client, again)
        assert answer["error"]["code"] == -32006
        assert "removed" in answer["error"]["message"]
    assert admin.refused("GET", f"/agents/{agent_id(1)}")[0] == 2001
    assert admin.data("GET", "/agents")["items"] == []
    assert admin.refused("POST", "/tasks", {"definition": definition(agent_id(1))})[0] == 1001
    assert "result" in enroll(client, enroll_params(second, 2))


def test_an_agent_cannot_be_taken_over(client: Client, admin: People) -> None:
    token = join_token(admin, max_uses=9)
    enroll(client, enroll_params(token))
    thief = {**enroll_params(token), "secret": "f" * 64}
    assert enroll(client, thief)["error"]["code"] == -32006


@pytest.mark.parametrize(
    "wrong", [{"agent_id": "x"}, {"secret": "short"}, {"name": ""}, {"name": 1}, {"facts": []}]
)
def test_wrong_parameters_are_named(client: Client, admin: People, wrong: dict[str, Any]) -> None:
    params = {**enroll_params(join_token(admin)), **wrong}
    answer = enroll(client, params)
    assert answer["error"]["code"] == -32602
    assert next(iter(wrong)) in answer["error"]["message"]


def test_every_other_method_wants_an_agents_token(client: Client, admin: People) -> None:
    for method in METHODS.keys() - {"agent.enroll"}:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {}}
        status, answer = rpc(client, body)
        assert (status, answer["error"]["code"]) == (401, -32001), method
        status, answer = rpc(client, body, "pla_" + "0" * 32 + "_" + "0" * 64)
        assert status == 401


def test_a_persons_token_is_not_an_agents(client: Client, admin: People, agent: Any) -> None:
    made = admin.data("POST", "/tokens", {"name": "x", "role": "admin"})
    person = RpcAgent(client, agent_id(1), made["secret"])
    assert person.error("agent.poll", seq=1, capacity=1) == -32002


def test_a_heartbeat_brings_new_facts_and_answers_the_cadence(admin: People, agent: Any) -> None:
    one = agent()
    answer = one.result(
        "agent.heartbeat",
        leases=[],
        metrics={"cpu_percent": 1.5},
        facts={"hostname": "renamed", "version": "9"},
    )
    assert answer.keys() == {
        "heartbeat_seconds", "ttl_seconds", "poll_idle_ms", "cancels", "doorbell", "seat",
        "conflict",
    }  # fmt: skip
    assert admin.data("GET", f"/agents/{one.id}")["hostname"] == "renamed"


def test_the_document_describes_every_route_and_validates(client: Client) -> None:
    import json

    from openapi_spec_validator import validate

    document = json.loads(client.http.get("/api/v1/openapi.json").body)
    validate(document)
    assert "/api/v1/runs/{run_id}/jobs/{job_id}/log" in document["paths"]
    assert document["paths"]["/api/v1/tokens"]["post"]["x-permission"] == "tokens:write"


def test_our_fault_while_a_caller_is_looked_up_is_answered_as_json_rpc(
    admin: People, agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by the simulation: Chalice answered, with a document that is no JSON-RPC."""
    one = agent()
    authentication.forget_everybody()
    monkeypatch.setattr("chalicelib.dynamo.agents.get", lambda agent_id: 1 / 0)
    assert one.error("agent.heartbeat") == -32603


def shown(at: datetime) -> str:
    """To the millisecond, as it is kept and answered."""
    at -= timedelta(microseconds=at.microsecond % 1_000)
    return at.isoformat().replace("+00:00", "Z")


def test_the_times_when_an_agent_was_away_are_shown(
    admin: People, agent: Any, travel: Clock
) -> None:
    one = agent()
    one.result("agent.heartbeat", instance="of today")
    left = travel.now
    sweep(shift(travel.after(3_600)))
    away = admin.data("GET", f"/agents/{one.id}")
    assert away["absences"] == [{"since": shown(left), "until": None}]
    one.result("agent.heartbeat", instance="of today")
    back = admin.data("GET", f"/agents/{one.id}")
    assert back["absences"] == [{"since": shown(left), "until": shown(travel.now)}]
    assert (back["status"], back["instance"]) == ("online", "of today")
    assert "absences" not in admin.data("GET", "/agents")["items"][0]


def test_labels_are_added_and_dropped_beside_others(admin: People, agent: Any) -> None:
    one = agent()
    admin.data("PATCH", f"/agents/{one.id}", {"labels": {"role": "web", "zone": "a"}})
    change = {"add_labels": {"zone": "b", "new": ""}, "drop_labels": ["role", "zone", "none"]}
    changed = admin.data("PATCH", f"/agents/{one.id}", change)
    assert changed["labels"] == {"zone": "b", "new": ""}
    many = {"add_labels": {f"k{number}": "v" for number in range(49)}}
    code, message = admin.refused("PATCH", f"/agents/{one.id}", many)[:2]
    assert (code, "51" in message) == (1001, True)


def test_a_join_token_shows_who_joined_with_it(client: Client, admin: People, people: Any) -> None:
    made = admin.data("POST", "/enrollments", {"max_uses": 3})
    path = f"/enrollments/{made['enrollment']['id']}"
    assert admin.data("GET", path) == {**made["enrollment"], "agents": []}
    for number in (1, 2):
        enroll(client, enroll_params(made["join_token"], number))
    found = admin.data("GET", path)
    assert (found["uses"], len(found["agents"])) == (2, 2)
    assert {each["status"] for each in found["agents"]} == {"never_seen"}
    admin.data("DELETE", f"/agents/{agent_id(1)}")
    assert [each["id"] for each in admin.data("GET", path)["agents"]] == [agent_id(2)]
    assert made["join_token"] not in str(found)
    assert people("operator").refused("GET", path)[0] == 1003
