"""The agents' wire: strict JSON-RPC 2.0 at `POST /rpc`. See docs/wire.md."""

import json
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from chalicelib import text
from chalicelib.access.principal import Permission, Principal
from chalicelib.api import audit, envelope, inputs
from chalicelib.errors import BadParameter, NotAuthenticated, PlumberError
from chalicelib.reader import Reader

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
OUR_FAULT = "Our fault. Try again a little later."

BATCH_AT_MOST = 100
BODY_BYTES_AT_MOST = 1 << 20

AUDITED = ("agent_id", "run_id", "job_id")  # parameters that say what something was done to

_log = logging.getLogger("plumber")


class Call(msgspec.Struct, frozen=True):
    """What a method is called with beside its parameters. `principal` is None for open methods.
    `seats` is what heartbeats were told, for polls of the same request; `called` are its methods so
    far that a request has once."""

    principal: Principal | None
    now: datetime
    seats: dict[str, int] = msgspec.field(default_factory=dict)
    called: set[str] = msgspec.field(default_factory=set)


class Method(msgspec.Struct, frozen=True):
    """A method as declared: the shape of its parameters; the permission that it needs, None where
    it is open; `on` answers what it is asked on, from the call and its parameters, or raises where
    that is not the caller's; `audits` is the name of what is done. `handle` gets the call, what
    `on` has answered if there is one, and the parameters. A method that is `once` is carried out
    once in a request: what it costs, or what it answers, is not multiplied by a batch."""

    handle: Callable[..., Any]
    takes: Reader[Any]
    needs: Permission | None
    on: Callable[[Call, Any], Any] | None = None
    audits: str | None = None
    once: bool = False


class RpcError(Exception):
    """An error object of the protocol."""

    def __init__(self, code: int, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(message)


class Answer(msgspec.Struct, frozen=True):
    """The HTTP side of an answer; `body` None goes with 204."""

    status: int
    body: bytes | None


def answer(
    body: bytes,
    methods: dict[str, Method],
    authenticate: Callable[[], Principal],
    now: datetime,
) -> Answer:
    """Carries out what the body asks for: one call or a batch.

    `authenticate` raises NotAuthenticated; it is called at most once, and not for `open` methods.
    """
    if len(body) > BODY_BYTES_AT_MOST:
        return _refusal(INVALID_REQUEST, f"The body is larger than {BODY_BYTES_AT_MOST} bytes.")
    try:
        request = _parsed(body)
    except BadParameter as error:
        return _refusal(PARSE_ERROR, error.message)
    except (ValueError, RecursionError):
        return _refusal(PARSE_ERROR, "The body is not JSON.")
    calls = request if isinstance(request, list) else [request]
    if not calls:
        return _refusal(INVALID_REQUEST, "The batch is empty.")
    if len(calls) > BATCH_AT_MOST:
        return _refusal(INVALID_REQUEST, f"A batch has at most {BATCH_AT_MOST} calls.")
    try:
        principal = authenticate() if any(_needs_agent(call, methods) for call in calls) else None
    except NotAuthenticated as error:
        return Answer(401, _encode(_error(None, error.rpc_code, error.message)))
    except PlumberError as error:
        return Answer(200, _encode(_error(None, error.rpc_code, error.message)))
    except Exception:
        _log.exception("a caller could not be authenticated")
        return Answer(200, _encode(_error(None, INTERNAL_ERROR, OUR_FAULT)))
    context = Call(principal, now)
    answers = [_carry_out(call, methods, context) for call in calls]
    given = [_encode(each) for each in answers if each is not None]
    if not given:
        return Answer(204, None)
    return Answer(200, b"[" + b",".join(given) + b"]" if isinstance(request, list) else given[0])


def _parsed(body: bytes) -> Any:
    """The one place where agents' text enters: halves of surrogate pairs, which JSON's escapes may
    hold and machines' host names do, are replaced and not refused. Raises ValueError, BadParameter.
    """
    inputs.check_json(body)
    request = json.loads(
        body.decode(),
        parse_constant=_no_constant,
        parse_int=inputs.whole_number,
        parse_float=inputs.finite_number,
    )
    may_hold_halves = b"\\ud" in body or b"\\uD" in body
    return text.whole_everywhere(request) if may_hold_halves else request


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _needs_agent(call: Any, methods: dict[str, Method]) -> bool:
    name = call.get("method") if isinstance(call, dict) else None
    method = methods.get(name) if isinstance(name, str) else None
    return method is None or method.needs is not None


def _carry_out(call: Any, methods: dict[str, Method], context: Call) -> dict[str, Any] | None:
    """None for a notification, whatever became of it."""
    if not _is_request(call):
        return _error(None, INVALID_REQUEST, "This is not a JSON-RPC 2.0 request.")
    is_notification = "id" not in call
    try:
        result = _invoke(call, methods, context)
    except RpcError as error:
        return None if is_notification else _error(call["id"], error.code, error.message)
    return None if is_notification else {"jsonrpc": "2.0", "result": result, "id": call["id"]}


def _is_request(call: Any) -> bool:
    if not isinstance(call, dict) or call.get("jsonrpc") != "2.0":
        return False
    if not isinstance(call.get("method"), str) or set(call) - {"jsonrpc", "method", "params", "id"}:
        return False
    identity = call.get("id")
    is_id = identity is None or (
        isinstance(identity, str | int | float) and not isinstance(identity, bool)
    )
    if isinstance(identity, int) and not -(2**63) <= identity < 2**64:
        return False  # 20 digits that are no number of 64 bits
    return is_id and isinstance(call.get("params", {}), dict | list)


def _invoke(call: dict[str, Any], methods: dict[str, Method], context: Call) -> Any:
    method = methods.get(call["method"])
    if method is None:
        raise RpcError(METHOD_NOT_FOUND, f"There is no method '{call['method'][:64]}'.")
    if method.once and call["method"] in context.called:
        raise RpcError(INVALID_REQUEST, f"A request has one '{call['method']}' at most.")
    context.called.add(call["method"])
    params = call.get("params", {})
    if isinstance(params, list):
        raise RpcError(INVALID_PARAMS, "Parameters are given by name, as an object.")
    try:
        return _handle(method, context, params)
    except msgspec.ValidationError as error:
        raise RpcError(INVALID_PARAMS, str(error)) from error
    except PlumberError as error:
        raise RpcError(error.rpc_code, error.message) from error
    except Exception as error:
        _log.exception("rpc method failed", extra={"method": call["method"]})
        raise RpcError(INTERNAL_ERROR, OUR_FAULT) from error


def _handle(method: Method, call: Call, given: Any) -> Any:
    params = method.takes.plain(given)
    if method.needs is not None:
        _require(call, method.needs)
    if method.audits is None:
        return _asked_on(method, call, params)
    on = {name: getattr(params, name) for name in AUDITED if hasattr(params, name)}
    by = None if call.principal is None else call.principal.by
    code = PlumberError.code
    try:
        answer = _asked_on(method, call, params)
        code = 0
    except PlumberError as error:
        code = error.code
        raise
    finally:
        audit.note(method.audits, by, on, None, code)
    return answer


def _require(call: Call, permission: Permission) -> None:
    if call.principal is None:
        raise NotAuthenticated
    call.principal.require(permission)


def _asked_on(method: Method, call: Call, params: Any) -> Any:
    thing = () if method.on is None else (method.on(call, params),)
    return method.handle(call, *thing, params)


def _refusal(code: int, message: str) -> Answer:
    return Answer(200, _encode(_error(None, code, message)))


def _error(identity: Any, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "error": {"code": code, "message": message}, "id": identity}


def _encode(document: dict[str, Any]) -> bytes:
    """One answer. Where it cannot be encoded the others of its batch go out."""
    try:
        return envelope.encoded(document)
    except Exception:
        _log.exception("an answer cannot be sent")
        return envelope.encoded(_error(document.get("id"), INTERNAL_ERROR, OUR_FAULT))
