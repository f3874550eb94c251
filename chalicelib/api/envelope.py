"""The envelope around every answer of the REST API. See docs/wire.md."""

import logging
from datetime import datetime
from typing import Any

import msgspec
from chalice.app import Response

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
    except Exception:  # it names what cannot be encoded; every entry has let that in
        _log.exception("request %s was refused, and its refusal cannot be sent", request_id)
        return fault(request_id, now)


def fault(request_id: str, now: datetime) -> Response:
    """Our fault, with nothing internal."""
    message = f"Our fault. Try again; if it stays, report the request id {request_id}."
    return _enveloped(500, PlumberError.code, message, {"request_id": request_id}, now)


def _enveloped(status: int, code: int, message: str, data: Any, now: datetime) -> Response:
    document = {"code": code, "message": message, "data": data, "timestamp": now}
    headers: dict[str, str | list[str]] = {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(msgspec.json.encode(document).decode(), headers, status)
