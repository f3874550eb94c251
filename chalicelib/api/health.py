"""Whether the control plane is well, and who the caller is."""

from typing import Literal

from chalicelib.api import render, shapes
from chalicelib.api.routing import Api, Request
from chalicelib.dynamo import schema
from chalicelib.s3 import buckets
from chalicelib.settings import VERSION

api = Api(__name__)

Reached = Literal["ok", "unreachable"]


@api.get("/health", needs=None, answers=shapes.Health)
def health(request: Request) -> shapes.Health:
    """Open to everybody: version, and whether each backend answers."""
    backends: dict[str, Reached] = {
        "dynamodb": "ok" if schema.is_reachable() else "unreachable",
        "s3": "ok" if buckets.is_reachable() else "unreachable",
    }
    is_well = all(state == "ok" for state in backends.values())
    return shapes.Health("ok" if is_well else "degraded", VERSION, backends)


@api.get("/me", needs=None, signed_in=True, answers=shapes.Principal)
def me(request: Request) -> shapes.Principal:
    """Who the token belongs to, and what it may do."""
    return render.principal(request.caller())
