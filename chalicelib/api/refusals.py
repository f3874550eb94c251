"""What is refused, or fails, before a route is asked or after it has answered: in the envelope too.

API Gateway knows no answer for a path or a method that no route has, and Chalice has its own; so
the paths below `/api/v1` have a last one, `ANY_PATH`, which takes what no other takes, and each of
them takes every method. `infra/gateway.py` tells API Gateway so. See docs/wire.md.
"""

import logging
import uuid
from collections.abc import Callable
from typing import Any

from chalice.app import Request, Response

from chalicelib import clock
from chalicelib.api import envelope
from chalicelib.errors import BadParameter, NoSuchMediaType, NoSuchMethod, NoSuchPath, PlumberError

ANY_PATH = "/api/v1/{proxy+}"  # `+`: all that follows, API Gateway's words for it
_OWN: dict[int, type[PlumberError]] = {405: NoSuchMethod, 415: NoSuchMediaType}  # of Chalice

_log = logging.getLogger("plumber")


def enveloped(request: Request, answer: Callable[[Request], Response]) -> Response:
    """Chalice's middleware: around every call."""
    now = clock.read()
    request_id = request.context.get("requestId") or uuid.uuid4().hex  # noqa: TID251 - an entry
    try:
        if request.context.get("resourcePath") == ANY_PATH:
            return envelope.failure(NoSuchPath(), request_id, now)
        given = answer(request)
        if not _is_chalices_own(given):
            return given
        if given.status_code >= 500:
            return envelope.fault(request_id, now)
        kind = _OWN.get(given.status_code, BadParameter)
        refusal = envelope.failure(kind(), request_id, now)
        if allowed := given.headers.get("Allow"):
            refusal.headers["Allow"] = allowed
        return refusal
    except Exception:
        _log.exception("request %s failed outside of its route", request_id)
        return envelope.fault(request_id, now)


def _is_chalices_own(response: Any) -> bool:
    """Our routes answer text."""
    return isinstance(response.body, dict) and "Code" in response.body
