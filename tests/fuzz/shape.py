"""What an answer must be, whatever was asked: the envelope, or JSON-RPC, of valid JSON, and never
our fault."""

import json
from typing import Any
from urllib.parse import urlsplit

from chalicelib.api.rpc import INTERNAL_ERROR
from tests.fuzz.wire import NO_ANSWER, Answer, Sent

ENVELOPE = {"code", "message", "data", "timestamp"}
STATUSES = {
    1001: {400, 405, 413, 415}, 1002: {401}, 1003: {403}, 1004: {404}, 1005: {409}, 1006: {429},
    2001: {404}, 2002: {409},
}  # fmt: skip
BARE = (
    "/api/v1/openapi.json",
    "/api/v1/docs",
    "/api/v1/docs-assets/",
)  # no envelope, as said in wire.md
LINES = "application/x-ndjson"


class Wrong(Exception):
    """An answer is not as answers are; the text is the class of what is wrong."""


def judge(sent: Sent, answer: Answer) -> None:
    """Raises Wrong."""
    path = urlsplit(sent.path).path
    if answer.status == NO_ANSWER:
        raise Wrong("the connection ended without an answer")
    if answer.status >= 500:
        raise Wrong(f"HTTP {answer.status}")
    if sent.method == "OPTIONS" or answer.status == 414:
        return  # what stands before the API answers: a browser's question, an address too long
    if path == "/rpc":
        _judge_rpc(answer)
    elif path.startswith("/api/v1/"):
        _judge_rest(path, answer)


def document(body: bytes) -> Any:
    """Strictly JSON: no NaN, no name twice, no half of a character. Raises Wrong."""
    try:
        found = json.loads(body, object_pairs_hook=_unique, parse_constant=_no_constant)
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise Wrong("the answer has half of a character") from error
    except ValueError as error:
        raise Wrong("the answer is not JSON") from error
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Wrong("the answer has a name twice")
    return found


def _no_constant(name: str) -> Any:
    raise Wrong(f"the answer has {name}")


def _judge_rest(path: str, answer: Answer) -> None:
    kind = answer.headers.get("content-type", "")
    if answer.status < 400 and (path.startswith(BARE) or answer.status >= 300):
        return
    if answer.status < 300 and kind.startswith(LINES):
        for line in answer.body.splitlines():
            document(line)
        return
    if not kind.startswith("application/json"):
        raise Wrong(f"HTTP {answer.status} of {kind or 'no kind'}")
    _judge_envelope(answer.status, document(answer.body))


def _judge_envelope(status: int, found: Any) -> None:
    if not isinstance(found, dict) or set(found) != ENVELOPE:
        raise Wrong(f"HTTP {status} without the envelope")
    code = found["code"]
    if not isinstance(code, int) or not isinstance(found["message"], str) or not found["message"]:
        raise Wrong("an envelope without a code or a message")
    allowed = range(200, 300) if code == 0 else STATUSES.get(code, set())
    if status not in allowed:
        raise Wrong(f"HTTP {status} with the code {code}")


# --- JSON-RPC 2.0


def _judge_rpc(answer: Answer) -> None:
    if answer.status == 204:
        if answer.body:
            raise Wrong("HTTP 204 with a body")
        return
    found = document(answer.body)
    if answer.status not in (200, 401):
        raise Wrong(f"HTTP {answer.status} of JSON-RPC")
    answers = found if isinstance(found, list) else [found]
    if not answers:
        raise Wrong("an empty batch as an answer")
    for each in answers:
        _judge_response(each)


def _judge_response(found: Any) -> None:
    if not isinstance(found, dict) or found.get("jsonrpc") != "2.0" or "id" not in found:
        raise Wrong("no answer of JSON-RPC 2.0")
    if set(found) - {"jsonrpc", "id"} not in ({"result"}, {"error"}):
        raise Wrong("neither a result nor an error, or both")
    if "error" not in found:
        return
    error = found["error"]
    is_error = isinstance(error, dict) and isinstance(error.get("code"), int)
    if not is_error or not isinstance(error.get("message"), str):
        raise Wrong("an error without a code or a message")
    if error["code"] == INTERNAL_ERROR:
        raise Wrong(f"error {INTERNAL_ERROR}")
