"""The agents' wire as a protocol: strict JSON-RPC 2.0."""

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from msgspec import Struct

from chalicelib.access.principal import Permission, Principal, Role
from chalicelib.api import rpc
from chalicelib.api.agents import methods as agents_methods
from chalicelib.api.agents.methods import METHODS as METHODS_OF_AGENTS
from chalicelib.api.rpc import Call, Method
from chalicelib.errors import NotAllowed, NotAuthenticated
from chalicelib.operations.runs.report import OldLease
from chalicelib.reader import Reader

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
AGENT = Principal("a", "web", Role.AGENT)
REPORT = Permission.JOBS_REPORT


class Numbers(Struct, frozen=True):
    a: int
    b: int = 1


def _raise(error: Exception) -> Any:
    raise error


CARRIED_OUT: list[int] = []
METHODS = {
    "add": Method(lambda call, params: params.a + params.b, Reader(Numbers), REPORT),
    "who": Method(
        lambda call, params: call.principal and call.principal.id, Reader(Struct), REPORT
    ),
    "open": Method(lambda call, params: call.principal, Reader(Struct), None),
    "costly": Method(lambda call, params: CARRIED_OUT.append(1), Reader(Struct), REPORT, once=True),
    "old": Method(lambda call, params: _raise(OldLease()), Reader(Struct), REPORT),
    "bug": Method(lambda call, params: _raise(RuntimeError("secret")), Reader(Struct), REPORT),
}


def send(body: Any) -> tuple[int, Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = rpc.answer(raw, METHODS, lambda: AGENT, NOW)
    return answer.status, None if answer.body is None else json.loads(answer.body)


def request(method: str, params: Any = None, identity: Any = 1) -> dict[str, Any]:
    call = {"jsonrpc": "2.0", "method": method, "id": identity}
    return call if params is None else call | {"params": params}


def error_code(body: Any) -> int:
    status, document = send(body)
    assert status == 200
    assert set(document) == {"jsonrpc", "error", "id"}
    code: int = document["error"]["code"]
    return code


@pytest.mark.parametrize("identity", [1, "x", 1.5, None])
def test_a_call_is_answered_under_its_id(identity: Any) -> None:
    expected = {"jsonrpc": "2.0", "result": 3, "id": identity}
    assert send(request("add", {"a": 1, "b": 2}, identity)) == (200, expected)


def test_parameters_may_be_left_out_where_none_are_needed() -> None:
    assert send(request("who")) == (200, {"jsonrpc": "2.0", "result": "a", "id": 1})


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"nul", b"NaN", b'{"jsonrpc": "2.0", NaN}'])
def test_what_is_not_json_is_a_parse_error(body: bytes) -> None:
    status, document = send(body)
    assert (status, document["error"]["code"], document["id"]) == (200, -32700, None)


def test_deep_nesting_is_a_parse_error() -> None:
    assert error_code(b"[" * 100_000) == -32700


@pytest.mark.parametrize(
    "body",
    [
        {},
        1,
        "add",
        None,
        [],
        {"jsonrpc": "1.0", "method": "add", "id": 1},
        {"jsonrpc": "2.0", "id": 1},
        {"jsonrpc": "2.0", "method": 1, "id": 1},
        {"jsonrpc": "2.0", "method": "add", "id": {}},
        {"jsonrpc": "2.0", "method": "add", "id": True},
        {"jsonrpc": "2.0", "method": "add", "params": 1, "id": 1},
        {"jsonrpc": "2.0", "method": "add", "params": None, "id": 1},
        {"jsonrpc": "2.0", "method": "add", "id": 1, "extra": 1},
    ],
)
def test_what_is_not_a_request_is_an_invalid_request(body: Any) -> None:
    assert error_code(body) == -32600


def test_an_unknown_method_is_not_found() -> None:
    assert error_code(request("nope")) == -32601


@pytest.mark.parametrize("params", [{}, {"a": "x"}, {"a": None}, [1, 2]])
def test_parameters_that_do_not_fit_are_invalid(params: Any) -> None:
    assert error_code(request("add", params)) == -32602


def test_a_notification_is_not_answered_even_when_it_fails() -> None:
    for method in ("who", "nope", "bug", "add"):
        assert send({"jsonrpc": "2.0", "method": method}) == (204, None)


def test_a_batch_is_answered_call_by_call_without_its_notifications() -> None:
    status, answers = send(
        [
            request("add", {"a": 1}, "first"),
            {"jsonrpc": "2.0", "method": "who"},
            1,
            request("nope", None, "last"),
        ]
    )
    assert status == 200
    assert [answer["id"] for answer in answers] == ["first", None, "last"]
    assert answers[0]["result"] == 2
    assert [answer["error"]["code"] for answer in answers[1:]] == [-32600, -32601]


def test_a_batch_of_notifications_is_answered_with_nothing() -> None:
    assert send([{"jsonrpc": "2.0", "method": "who"}] * 2) == (204, None)


def test_a_batch_has_a_limit() -> None:
    at_most = [request("who")] * rpc.BATCH_AT_MOST
    assert len(send(at_most)[1]) == rpc.BATCH_AT_MOST
    assert error_code([*at_most, request("who")]) == -32600


def test_a_body_has_a_limit() -> None:
    fits = b" " * (rpc.BODY_BYTES_AT_MOST - 2) + b"{}"
    assert send(fits)[1]["error"]["message"] == "This is not a JSON-RPC 2.0 request."
    assert "larger" in send(b" " + fits)[1]["error"]["message"]


def test_errors_of_the_product_have_codes_of_their_own() -> None:
    assert error_code(request("old")) == -32003


def test_a_fault_of_ours_says_nothing_of_its_inside() -> None:
    _, document = send(request("bug"))
    assert document["error"]["code"] == -32603
    assert "secret" not in json.dumps(document)


def _refuse() -> Principal:
    raise NotAuthenticated


def test_a_call_without_a_token_is_refused_with_401() -> None:
    answer = rpc.answer(json.dumps(request("who")).encode(), METHODS, _refuse, NOW)
    assert answer.status == 401
    assert json.loads(answer.body or b"")["error"]["code"] == -32001


def test_what_costs_much_is_carried_out_once_in_a_request() -> None:
    """A hundred times a hundred addresses are more than an answer may have."""
    CARRIED_OUT.clear()
    for _ in range(2):
        _, (first, other, again, last) = send(
            [request("costly"), request("who"), request("costly"), request("costly")]
        )
        assert "result" in first
        assert "result" in other
        assert again["error"]["code"] == last["error"]["code"] == rpc.INVALID_REQUEST
    assert len(CARRIED_OUT) == 2


def test_no_method_that_is_open_to_everybody_is_multiplied_by_a_batch() -> None:
    assert [name for name, each in METHODS_OF_AGENTS.items() if each.needs is None] == [
        name for name, each in METHODS_OF_AGENTS.items() if each.needs is None and each.once
    ]
    assert {name for name, each in METHODS_OF_AGENTS.items() if not each.once} == {
        "job.start", "job.extend", "job.finish",
    }  # fmt: skip


def test_open_methods_need_no_token_but_their_batch_companions_do() -> None:
    alone = rpc.answer(json.dumps(request("open")).encode(), METHODS, _refuse, NOW)
    assert (alone.status, json.loads(alone.body or b"")["result"]) == (200, None)
    both = json.dumps([request("open"), request("who")]).encode()
    assert rpc.answer(both, METHODS, _refuse, NOW).status == 401


def test_a_method_learns_who_calls_and_when() -> None:
    seen: list[Call] = []
    methods = {"note": Method(lambda call, params: seen.append(call), Reader(Struct), REPORT)}
    rpc.answer(json.dumps(request("note")).encode(), methods, lambda: AGENT, NOW)
    assert seen == [Call(AGENT, NOW, called={"note"})]


def _mine(call: Call, params: Numbers) -> int:
    if params.a != 7:
        raise NotAllowed("This belongs to another agent.")
    return params.a


def test_a_method_gets_what_it_is_asked_on_and_nothing_that_is_not_the_callers() -> None:
    add = Method(lambda call, mine, params: mine + params.b, Reader(Numbers), REPORT, on=_mine)

    def sent(a: int) -> Any:
        body = json.dumps(request("add", {"a": a})).encode()
        answer = rpc.answer(body, {"add": add}, lambda: AGENT, NOW)
        return json.loads(answer.body or b"")

    assert sent(7)["result"] == 8
    assert sent(8)["error"]["code"] == -32002


def test_a_method_needs_its_permission() -> None:
    body = json.dumps(request("who")).encode()
    viewer = Principal("t", "ann", Role.VIEWER)
    answer = rpc.answer(body, METHODS, lambda: viewer, NOW)
    assert json.loads(answer.body or b"")["error"]["code"] == -32002


def test_every_method_of_agents_but_enrolling_asks_who_calls_and_on_what() -> None:
    for name, method in agents_methods.METHODS.items():
        is_open = name == "agent.enroll"
        assert (method.needs is None, method.on is None) == (is_open, is_open), name
        assert (method.audits is not None) == is_open, name
