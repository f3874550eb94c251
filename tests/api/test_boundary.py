"""What comes in over the two doors and is nothing that anybody means: it is refused with what is
wrong, what a machine reports is taken as far as it can be, and nothing of it breaks an answer."""

import base64
import json
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from chalice.test import Client

from chalicelib import clock
from chalicelib.agents.agent import Facts
from chalicelib.api import cursors, envelope
from chalicelib.api.agents import render
from chalicelib.api.agents.methods import METHODS
from chalicelib.dynamo import agents, installation
from chalicelib.errors import NotFound
from chalicelib.operations.runs import report
from chalicelib.runs.job import JobKey, Outcome
from tests.api.conftest import (
    Fleet,
    People,
    RpcAgent,
    agent_id,
    cursor_of,
    definition,
    ended,
    enroll_params,
    named,
    rpc,
)
from tests.api.fleet import start

TOML = {"Content_Type": "application/toml"}
RUN = "01BX5ZZKBKACTAV9WEVGEMMVRZ"
JOB = f"1-{agent_id(1)}"
LOG = f"/runs/{RUN}/jobs/{JOB}/log"
HALF = "\ud800"


def packed(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    "path",
    [
        # numbers
        f"/runs?limit={'9' * 5_000}",
        "/runs?limit=%D9%A3",  # an Arabic digit
        "/runs?limit=1e1",
        "/agents?limit=-1",
        f"/runs/{RUN}/jobs?step={'1' * 5_000}",
        f"{LOG}?attempt={'1' * 5_000}",
        # instants
        "/runs?to=0001-01-01T00:00:00%2B23:59",
        "/runs?to=1960-01-01T00:00:00Z",
        "/runs?from=9999-12-31T23:59:59-23:59",
        "/runs?from=9999-12-31T23:59:59Z",
        "/runs?from=2026-01-01T00:00:00",
        "/runs?from=yesterday",
        # words and ids
        "/runs?state=%F0%9F%92%A9",
        f"/runs?task={'x' * 3_000}",
        f"/runs?agent={'x' * 3_000}",
        f"/schedules?task={'x' * 3_000}",
        "/runs?task=a%0Ab",
        f"/tasks/{'x' * 3_000}",
        f"/agents/{'x' * 3_000}",
        f"/schedules/{'x' * 3_000}",
        f"/runs/{'x' * 3_000}",
        f"/runs/{RUN}/jobs/{'1-' + 'x' * 3_000}",
        # names and what is looked for in them
        "/agents?name=a%00b",
        "/agents?group=%E2%80%AEx",  # written from right to left
        f"/agents?label={'a=b,' * 3_000}c=d",
        f"/tasks?name={'x' * 3_000}",
        f"/agents?text={'x' * 20_000}",
        # cursors
        *(
            f"{listed}{'&' if '?' in listed else '?'}cursor={cursor}"
            for listed in ("/runs", "/agents", "/tasks", "/tokens", "/enrollments", "/schedules")
            for cursor in (
                packed({"a": {"S": 1}}),
                base64.urlsafe_b64encode(b"[" * 5_000).decode(),
                "U" * 26,
                "Z" * 26,
                "7" + "Z" * 25,
                "0" * 26,
                "09F2K5YY000000000000000000",
                packed({"p": 5, "n": 1, "o": {}}),
                "%F0%9F%92%A9",
                "A" * 9_000,
                "=",
            )
        ),
    ],
)
def test_what_cannot_be_read_is_refused_and_said_so(admin: People, path: str) -> None:
    status, envelope = admin.send("GET", path)
    assert (status, envelope["code"], envelope["data"]) == (400, 1001, None), envelope
    assert len(envelope["message"]) < 300


@pytest.mark.parametrize("query", ["pattern=a&regex=true&cursor=", "pattern=a&cursor="])
def test_a_search_refuses_cursors_that_no_search_has_answered(
    admin: People, fleet: Fleet, query: str
) -> None:
    (one,) = fleet(1)
    run_id = start(admin, 'CMD = "true"\nTargets = { All = true }\n')
    job = f"1-{one.id}"
    for path in (f"/runs/{run_id}/jobs/{job}/log/search", f"/runs/{run_id}/search"):
        for state in ({"p": 5, "n": 1, "o": {}}, {"p": "1.0", "n": 10**400, "o": {}}, [[[]]]):
            code, message = admin.refused("GET", f"{path}?{query}{packed(state)}")
            assert (code, "Begin without one" in message) == (1001, True)


@pytest.mark.parametrize(
    "source",
    [
        "a = " + "[" * 5_000,
        "a = " + "{ b = " * 900 + "1" + " }" * 900,
        "[" + ".".join("a" * 5_000) + "]",
        ".".join("a" * 5_000) + " = 1",
        "a = " + "9" * 5_000,
        "[Params.n]\nDefault = 0x" + "f" * 5_000,
        "".join(f"k{n} = 1\n" for n in range(25_000)),
        'Name = "a\\u0007b"\n[[step]]\nCMD = "true"\n',
        "Name = 'x'\n[Params.x]\nPattern = 'a{99999999999999999999}'\n[[step]]\nCMD = 'true'\n",
        "#" * 300_000,
    ],
    ids=lambda source: source[:16],
)
def test_a_definition_that_no_parser_should_get_is_refused(admin: People, source: str) -> None:
    for body, headers in (
        (source.encode(), TOML),
        (json.dumps({"definition": source}).encode(), {}),
    ):
        code, message = admin.refused("POST", "/tasks", body, **headers)
        assert code == 1001, message


@pytest.mark.parametrize("revision", ["9" * 5_000, "0", "-1", "1.5", "%C2%B2"])
def test_a_revision_is_a_number(admin: People, agent: Any, revision: str) -> None:
    toml = definition(agent().id).encode()
    task = admin.data("POST", "/tasks", toml, **TOML)["task"]["id"]
    code, message = admin.refused("PUT", f"/tasks/{task}?revision={revision}", toml, **TOML)
    assert (code, message) == (1001, "revision must be a whole number from 1 to 999,999,999.")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"definition":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b'{"definition": "\\ud800"}',
        b'{"definition": "\xed\xa0\x80"}',
        b'{"definition": "a", "revision": ' + b"9" * 5_000 + b"}",
        b'{"definition": "a", "revision": 1e999}',
        b'\xff\xfe{"definition": "a"}',
        b"\xef\xbb\xbf{}",
        b"nul",
    ],
    ids=lambda body: str(body[:24]),
)
def test_a_body_that_is_no_json_of_ours_is_refused(admin: People, body: bytes) -> None:
    assert admin.refused("POST", "/tasks", body)[0] == 1001


@pytest.mark.parametrize(
    "change",
    [
        {"name": "a\nb"},
        {"name": "\x1b[31mred"},
        {"name": "a\u202eb"},
        {"labels": {"a\x00": "b"}},
        {"labels": {"a": "b\tc"}},
        {"labels": {f"k{n}": "v" for n in range(3_000)}},
        {"group": "x\u0085"},
    ],
    ids=str,
)
def test_names_labels_and_groups_are_printable_and_few(
    admin: People, agent: Any, change: Any
) -> None:
    code, message = admin.refused("PATCH", f"/agents/{agent().id}", change)
    assert code == 1001
    assert "printable" in message or "at most 50 labels" in message


def test_names_that_look_the_same_are_the_same(admin: People, agent: Any) -> None:
    composed, in_parts = "caf\u00e9", "cafe\u0301"
    one = agent()
    change = {"name": in_parts, "group": in_parts, "labels": {in_parts: in_parts}}
    seen = admin.data("PATCH", f"/agents/{one.id}", change)
    assert (seen["name"], seen["group"]) == (composed, composed)
    assert seen["labels"] == {composed: composed}
    for query in ("name", "group", "text"):
        (found,) = admin.data("GET", f"/agents?{query}={quote(in_parts)}")["items"]
        assert found["id"] == one.id
    source = definition(one.id, name=in_parts)
    assert admin.data("POST", "/tasks", {"definition": source})["task"]["name"] == composed
    assert len(admin.data("GET", f"/tasks?name={quote(in_parts)}")["items"]) == 1
    targets = f'Targets = {{ Labels = {{ "{in_parts}" = "{in_parts}" }} }}\nCMD = "true"\n'
    run = admin.data("GET", f"/runs/{start(admin, targets)}")
    assert [job["agent_id"] for job in run["steps"][0]["jobs"]] == [one.id]


@pytest.mark.parametrize(
    "made",
    [
        ("/tokens", {"name": "a\x07b", "role": "viewer"}),
        ("/tokens", {"name": "a", "role": "viewer", "scope": {"groups": ["x\n"]}}),
        ("/tokens", {"name": "a", "role": "viewer", "scope": {"labels": {"x": "\x7f"}}}),
        ("/enrollments", {"description": "a\nb"}),
        ("/enrollments", {"labels": {"a": "\x1b"}}),
        ("/commands", {"command": "true", "labels": {"a": "\x1b"}}),
        ("/commands", {"command": "true", "agent_ids": ["x" * 3_000]}),
        ("/schedules", {"task_id": "a\nb", "cron": "@daily"}),
    ],
    ids=str,
)
def test_whatever_gets_a_name_gets_a_printable_one(admin: People, made: Any) -> None:
    path, body = made
    assert admin.refused("POST", path, body)[0] == 1001


def test_half_characters_in_an_event_are_refused(client: Client, admin: People) -> None:
    """API Gateway's events are JSON, whose escapes can hold them."""
    from app import app

    def event(**more: Any) -> dict[str, Any]:
        context = {"httpMethod": "GET", "resourcePath": "/api/v1/agents", "path": "/api/v1/agents"}
        return {
            "requestContext": {**context, "requestId": "r", "identity": {}},
            "headers": {"authorization": f"Bearer {admin.token}"},
            "multiValueQueryStringParameters": None,
            "pathParameters": {},
            "stageVariables": None,
            "body": None,
            **more,
        }

    for more in (
        {"multiValueQueryStringParameters": {"text": [HALF]}},
        {"multiValueQueryStringParameters": {HALF: ["a"]}},
        {"headers": {"authorization": f"Bearer {HALF}"}},
        {"headers": {"authorization": f"Bearer {admin.token}", "idempotency-key": HALF}},
    ):
        answer = app(event(**more), None)
        document = json.loads(answer["body"])
        assert (answer["statusCode"], document["code"]) == (400, 1001)
        assert "half a character" in document["message"]


# --- agents


def test_what_a_machine_says_of_itself_is_cleaned_and_lists_go_on(
    admin: People, agent: Any
) -> None:
    one: RpcAgent = agent()
    facts = {"hostname": f"a{HALF}b\x1b[2J", "address": "x" * 5_000, "os": "caf" + "e\u0301"}
    one.result("agent.heartbeat", facts=facts, metrics={HALF: 1.5})
    (seen,) = admin.data("GET", "/agents")["items"]
    assert seen["hostname"] == "a\ufffdb\ufffd[2J"
    assert (len(seen["address"]), seen["os"]) == (256, "caf\u00e9")


def test_the_end_of_a_job_is_taken_whatever_its_reason_says(admin: People, fleet: Fleet) -> None:
    (one,) = fleet(1)
    run_id = start(admin, 'CMD = "true"\nTargets = { All = true }\n')
    (job,) = one.poll()["jobs"]
    reason = f"{HALF}\x1b]0;title\x07\nmore " + "x" * 10_000
    streams = {name: {"bytes": 0, "sha256": "0" * 64} for name in ("stdout", "stderr")}
    log = {"chunks": 0, "streams": streams, "truncated": False, "reason": reason}
    one.result("job.finish", **named(job), **ended(1), reason=reason, log=log)
    for path in ("/runs", f"/runs/{run_id}", f"/runs/{run_id}/jobs"):
        admin.data("GET", path)
    assert admin.answer("GET", "/exports/runs").status_code == 200
    (shown,) = admin.data("GET", f"/runs/{run_id}")["steps"][0]["jobs"]
    assert (shown["state"], len(shown["reason"])) == ("failed", 2_048)
    assert shown["reason"].startswith("\ufffd\ufffd]0;title\ufffd\nmore xxx")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"agent_id": HALF}, -32602),
        ({"join_token": HALF}, -32005),
        ({"secret": HALF}, -32602),
        ({"name": "a\nb"}, -32602),
        ({"name": "\x1b]0;"}, -32602),
        ({HALF: 1, "name": ""}, -32602),
    ],
)
def test_an_enrollment_of_odd_text_is_answered(client: Client, more: Any, code: int) -> None:
    params = enroll_params("plj_x_y") | more
    body = {"jsonrpc": "2.0", "id": HALF, "method": "agent.enroll", "params": params}
    status, answer = rpc(client, body)
    assert (status, answer["error"]["code"], answer["id"]) == (200, code, "\ufffd")


@pytest.mark.parametrize(
    "body",
    [
        b'{"jsonrpc":"2.0","id":' + b"9" * 5_000 + b',"method":"agent.poll"}',
        b'{"jsonrpc":"2.0","id":1e999,"method":"agent.poll"}',
        b'{"jsonrpc":"2.0","id":1,"method":"agent.poll","params":' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"jsonrpc":"2.0","id":"\xed\xa0\x80","method":"agent.poll"}',
        b"[" * 100_000,
    ],
    ids=lambda body: str(body[:32]),
)
def test_json_that_no_agent_sends_is_a_parse_error(client: Client, body: bytes) -> None:
    status, answer = rpc(client, body)
    assert (status, answer["error"]["code"], answer["id"]) == (200, -32700, None)


# --- cursors


def test_a_cursor_leads_on_in_the_list_that_answered_it_and_in_no_other(
    admin: People, fleet: Fleet
) -> None:
    fleet(3)
    first = admin.data("GET", "/agents?limit=1&group=prod")
    cursor = first["next"]
    again = admin.data("GET", f"/agents?limit=2&group=prod&cursor={cursor}")
    assert len({each["id"] for each in (*first["items"], *again["items"])}) == 3
    for other in ("/agents?limit=1", "/agents?group=test", "/tasks", "/tokens", "/runs"):
        path = f"{other}{'&' if '?' in other else '?'}cursor={cursor}"
        code, message = admin.refused("GET", path)
        assert (code, "Begin without one" in message) == (1001, True), path


def test_a_cursor_of_one_task_is_none_of_another(admin: People, agent: Any) -> None:
    one = agent()
    ids = []
    for name in ("first", "second"):
        source = definition(one.id, name=name)
        task = admin.data("POST", "/tasks", {"definition": source})["task"]["id"]
        ids.append(task)
        admin.data("PUT", f"/tasks/{task}", {"definition": source + "\n", "revision": 1})
    first, second = (f"/tasks/{task}/revisions?limit=1" for task in ids)
    cursor = admin.data("GET", first)["next"]
    assert admin.data("GET", f"{first}&cursor={cursor}")["items"][0]["number"] == 1
    assert admin.refused("GET", f"{second}&cursor={cursor}")[0] == 1001


def test_a_cursor_of_another_version_says_so(admin: People) -> None:
    sealed = base64.urlsafe_b64decode(cursor_of("/agents", '{"after":{"S":"a"}}') + "==")
    old = base64.urlsafe_b64encode(bytes([cursors.VERSION + 1]) + sealed[1:]).decode().rstrip("=")
    code, message = admin.refused("GET", f"/agents?cursor={old}")
    assert (code, "another version" in message) == (1001, True)


def test_a_process_reads_the_key_once_and_only_where_a_list_goes_on(
    admin: People, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet(2)
    reads: list[bytes] = []

    def read(make: Any) -> bytes:
        reads.append(make())
        return reads[0]

    monkeypatch.setattr(installation, "cursor_key", read)
    cursors.installation_key.cache_clear()
    admin.data("GET", "/agents")
    assert reads == []
    cursor = admin.data("GET", "/agents?limit=1")["next"]
    admin.data("GET", f"/agents?limit=1&cursor={cursor}")
    assert [len(key) for key in reads] == [32]
    cursors.installation_key.cache_clear()


# --- the last lines of defence


def test_a_refusal_that_names_odd_text_can_be_sent() -> None:
    answer = envelope.failure(NotFound(f"There is no '{HALF}'."), "the-id", clock.read())
    document = json.loads(answer.body)
    assert (answer.status_code, document["message"]) == (404, "There is no '\ufffd'.")


def test_a_refusal_that_cannot_be_encoded_is_our_fault_in_the_envelope() -> None:
    answer = envelope.failure(NotFound("Not here.", what=object()), "the-id", clock.read())
    assert (answer.status_code, json.loads(answer.body)["data"]) == (500, {"request_id": "the-id"})


def test_odd_text_that_was_stored_hides_nothing_else(admin: People, fleet: Fleet) -> None:
    """Stores other than AWS's own take it."""
    one, other = fleet(2)
    agents.update_facts(one.id, Facts(hostname=f"a{HALF}"))
    start(admin, 'CMD = "true"\nTargets = { All = true }\n')
    (job,) = one.poll()["jobs"]
    key = JobKey.parse(job["run_id"], job["job_id"])
    assert key is not None
    told = report.Report(Outcome.EXITED, exit_code=1, reason=HALF, duration_ms=1, log=None)
    report.report_end(key, job["lease"], told, clock.read())
    hosts = {each["id"]: each["hostname"] for each in admin.data("GET", "/agents")["items"]}
    assert hosts == {one.id: "a\ufffd", other.id: "host-2"}
    for path in ("/runs", f"/runs/{job['run_id']}", f"/runs/{job['run_id']}/jobs"):
        admin.data("GET", path)
    assert admin.answer("GET", "/exports/runs").status_code == 200


def test_an_answer_that_cannot_be_encoded_is_our_fault_in_the_envelope(
    admin: People, agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent()
    shown = render.agent
    monkeypatch.setattr(
        render, "agent", lambda *given: msgspec.structs.replace(shown(*given), running=object())
    )
    assert admin.refused("GET", "/agents")[0] == 5000


def test_one_answer_of_a_batch_that_cannot_be_encoded_keeps_back_no_other(
    agent: Any, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    one: RpcAgent = agent()
    odd = msgspec.structs.replace(METHODS["agent.leave"], handle=lambda *given: object())
    monkeypatch.setitem(METHODS, "agent.leave", odd)
    calls = [
        {"jsonrpc": "2.0", "id": number, "method": method, "params": {"seq": 9, "capacity": 0}}
        for number, method in enumerate(("agent.heartbeat", "agent.leave", "agent.poll"))
    ]
    _, answers = rpc(client, calls, one.token)
    codes = [each.get("error", {}).get("code") for each in answers]
    assert (codes, [each["id"] for each in answers]) == ([None, -32603, None], [0, 1, 2])


# --- what no route has


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
@pytest.mark.parametrize(
    "path", ["/nothing", "/runs/x/y/z", f"/{'x/' * 500}", "/%00", "/nothing?a=b"]
)
def test_an_unknown_path_is_not_found(admin: People, method: str, path: str) -> None:
    status, envelope = admin.send(method, path)
    assert (status, envelope["code"], envelope["data"]) == (404, 1004, None)


@pytest.mark.parametrize("method", ["DELETE", "PUT", "HEAD", "OPTIONS", "TRACE", "CONNECT", "X"])
def test_a_method_that_a_path_does_not_take_is_refused_with_those_that_it_takes(
    admin: People, method: str
) -> None:
    answer = admin.answer(method, "/tasks")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, POST")
    assert json.loads(answer.body)["code"] == 1001


def test_a_body_of_another_kind_is_refused_in_the_envelope(admin: People) -> None:
    status, envelope = admin.send("POST", "/tasks", b"<a/>", {"Content-Type": "text/xml"})
    assert (status, envelope["code"]) == (415, 1001)


def test_a_fault_before_a_route_is_asked_is_in_the_envelope(client: Client) -> None:
    from app import app

    context = {
        "httpMethod": "GET",
        "resourcePath": "/api/v1/tasks/{task_id}",
        "requestId": "the-id",
    }
    event = {"requestContext": context, "headers": {}, "pathParameters": None, "body": None}
    answer = app({**event, "multiValueQueryStringParameters": None, "stageVariables": None}, None)
    document = json.loads(answer["body"])
    assert (answer["statusCode"], document["code"]) == (500, 5000)
    assert document["data"] == {"request_id": "the-id"}
