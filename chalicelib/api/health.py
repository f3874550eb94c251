"""Whether the control plane is well."""

from typing import Literal

from chalicelib.api.routing import Api, Request
from chalicelib.api.shapes import Shape
from chalicelib.dynamo import schema
from chalicelib.operations.work import count_dead_letters
from chalicelib.s3 import buckets
from chalicelib.settings import VERSION

api = Api(__name__)

Reached = Literal["ok", "unreachable"]


class Health(Shape, frozen=True):
    """`status` is `ok` when every backend answers. `dead_letters` is how many messages of the work
    queue were given up, about; null where nobody can say."""

    status: Literal["ok", "degraded"]
    version: str
    backends: dict[str, Literal["ok", "unreachable"]]
    dead_letters: int | None


@api.get("/health", needs=None, answers=Health)
def health(request: Request) -> Health:
    """Open to everybody: version, whether each backend answers, and work that was given up."""
    backends: dict[str, Reached] = {
        "dynamodb": "ok" if schema.is_reachable() else "unreachable",
        "s3": "ok" if buckets.is_reachable() else "unreachable",
    }
    is_well = all(state == "ok" for state in backends.values())
    return Health("ok" if is_well else "degraded", VERSION, backends, count_dead_letters())
