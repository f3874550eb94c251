"""Lists of what is stored side by side, narrowed to a caller's scope."""

from collections.abc import Callable
from typing import TypeVar

from chalicelib.api.routing import Request

LOOKS = 5  # at the store for one page; what is left is for the next one

Item = TypeVar("Item")
Fetch = Callable[[int, str | None], tuple[list[Item], str | None]]


def narrowed(
    request: Request, fetch: "Fetch[Item]", is_inside: Callable[[Item], bool]
) -> tuple[list[Item], str | None]:
    """A page of what is inside, and its cursor. `fetch` answers so many items from a cursor on: it
    is called once for a caller without a scope, else a few times. The page may be short while its
    cursor leads on.
    """
    limit, cursor = request.limit(), request.cursor()
    found: list[Item] = []
    for _ in range(LOOKS):
        some, cursor = fetch(limit - len(found), cursor)
        found += [each for each in some if is_inside(each)]
        if cursor is None or len(found) == limit or request.scope.is_everything:
            break
    return found, cursor
