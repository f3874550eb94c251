"""Templates: definitions with parameters to start from, the library's and own tasks."""

from collections.abc import Sequence
from functools import lru_cache
from importlib import resources

import msgspec

from chalicelib.access.scope import Scope
from chalicelib.dynamo import tasks
from chalicelib.dynamo.base import decode_cursor, encode_cursor
from chalicelib.errors import BadParameter
from chalicelib.tasks.task import StoredTask
from chalicelib.tasks.task_toml import parse

LOOKS, LOOKED_AT = (
    5,
    100,
)  # at tasks, of which a few are templates; what is left is for the next page
OWN = 8  # in a page: a definition has 256 KB at most, and an answer of Lambda's 6 MB


class Template(msgspec.Struct, frozen=True):
    """`id` is a file's name in the library, or an own task's id."""

    id: str
    name: str
    description: str
    definition: str
    is_own: bool


@lru_cache(maxsize=1)
def library() -> tuple[Template, ...]:
    """Those that come with the product, by name."""
    folder = resources.files("chalicelib").joinpath("templates")
    sources = {
        each.name.removesuffix(".toml"): each.read_text("utf-8")
        for each in folder.iterdir()
        if each.name.endswith(".toml")
    }
    found = [_template(name, source, is_own=False) for name, source in sources.items()]
    return tuple(sorted(found, key=lambda template: template.name))


def _template(id: str, source: str, *, is_own: bool) -> Template:
    definition = parse(source)
    return Template(id, definition.name, definition.description, source, is_own)


def page(scope: Scope, limit: int, cursor: str | None) -> tuple[list[Template], str | None]:
    """Own tasks inside of the scope that are marked as templates, then the library's; each by name.
    A page may be short, and even empty, while its cursor leads on. Six calls at most. Raises
    BadParameter for a cursor that is none."""
    own: list[Template] = []
    after = _place_in_library(cursor)
    if after is None:
        own, following = _own(scope, min(limit, OWN), cursor)
        if following is not None:
            return own, following
    left = library()[after or 0 :]
    shown = left[: limit - len(own)]
    place = (after or 0) + len(shown)
    return [*own, *shown], None if len(shown) == len(left) else _library_cursor(place)


def _own(scope: Scope, limit: int, cursor: str | None) -> tuple[list[Template], str | None]:
    chosen: list[StoredTask] = []
    for _ in range(LOOKS):
        looked_at, cursor = tasks.search(LOOKED_AT, cursor)
        for task in looked_at:
            if task.is_template and scope.holds_task(task.id):
                chosen.append(task)
            if len(chosen) == limit:
                is_last = cursor is None and task is looked_at[-1]
                return _read(chosen), None if is_last else tasks.cursor_behind(task)
        if cursor is None:
            break
    return _read(chosen), cursor


def _read(chosen: Sequence[StoredTask]) -> list[Template]:
    """With their definitions, which lists do not hold."""
    whole = tasks.whole([task.id for task in chosen])
    return [_template(each.id, each.definition, is_own=True) for each in whole]


def _library_cursor(place: int) -> str | None:
    return encode_cursor({"library": {"N": str(place)}})


def _place_in_library(cursor: str | None) -> int | None:
    """None before the library."""
    place = (decode_cursor(cursor) or {}).get("library", {}).get("N")
    if place is None:
        return None
    if place not in {str(each) for each in range(len(library()))}:
        raise BadParameter("The cursor is not one that a list has answered.")
    return int(place)
