"""The envelope around every answer of the REST API. See docs/wire.md."""

import logging
from datetime import datetime
from typing import Any

import msgspec
from chalice.app import Response

from chalicelib import text
from chalicelib.errors import PlumberError

_log = logging.getLogger("plumber")


def success(status: int, data: Any, now: datetime) -> Response:
    """What was asked for."""
    return _enveloped(status, 0, "success", data, now)


def failure(error: PlumberError, request_id: str, now: datetime) -> Response:
    """A refusal."""
    try:
        data = error.details or None
        return _enveloped(error.http_status, error.code, error.message, data, now)
    except Exception:
        _log.exception("request %s was refused, and its refusal cannot be sent", request_id)
        return fault(request_id, now)


def fault(request_id: str, now: datetime) -> Response:
    """Our fault, with nothing internal."""
    message = f"Our fault. Try again; if it stays, report the request id {request_id}."
    return _enveloped(500, PlumberError.code, message, {"request_id": request_id}, now)


def encoded(document: Any) -> bytes:
    """As JSON. Text that was stored with half a character in it is sent with U+FFFD there: one odd
    thing in a list does not hide the others."""
    try:
        return msgspec.json.encode(document)
    except UnicodeEncodeError:
        return msgspec.json.encode(text.whole_everywhere(msgspec.to_builtins(document)))


def _enveloped(status: int, code: int, message: str, data: Any, now: datetime) -> Response:
    document = {"code": code, "message": message, "data": data, "timestamp": now}
    headers: dict[str, str | list[str]] = {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(encoded(document).decode(), headers, status)
