"""`POST /rpc`: the agents' door."""

from chalice.app import Blueprint, Response

from chalicelib import clock
from chalicelib.api import rpc
from chalicelib.api.agents.methods import METHODS
from chalicelib.operations.access.authentication import authenticate

api = Blueprint(__name__)


@api.route("/rpc", methods=["POST"], content_types=["application/json"])
def call() -> Response:
    """JSON-RPC 2.0 for agents. See docs/wire.md."""
    request = api.current_request
    now = clock.read()
    answer = rpc.answer(
        _bytes(request.raw_body),
        METHODS,
        lambda: authenticate(request.headers.get("authorization"), now),
        now,
    )
    headers: dict[str, str | list[str]] = {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
    }
    return Response((answer.body or b"").decode(), headers, answer.status)


def _bytes(body: str | bytes) -> bytes:
    """Chalice answers text for a body that did not come as base64."""
    return body.encode() if isinstance(body, str) else body
