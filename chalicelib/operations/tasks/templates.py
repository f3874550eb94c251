"""Templates: definitions with parameters to start from, the library's and own tasks."""

from functools import lru_cache
from importlib import resources

import msgspec

from chalicelib.access.scope import EVERYTHING, Scope
from chalicelib.dynamo import tasks
from chalicelib.tasks.task_toml import parse

TASKS_LOOKED_AT = 1_000


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


def all_templates(scope: Scope = EVERYTHING) -> list[Template]:
    """Own tasks inside of the scope that are marked as templates, then the library's."""
    found, _ = tasks.search(TASKS_LOOKED_AT, None)
    own = (tasks.get(task.id) for task in found if task.is_template and scope.holds_task(task.id))
    return [
        *(_template(task.id, task.definition, is_own=True) for task in own if task is not None),
        *library(),
    ]
