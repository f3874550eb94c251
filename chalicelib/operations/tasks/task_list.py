"""Lists of tasks, in the order of their names."""

from chalicelib.access.scope import Scope
from chalicelib.dynamo import tasks
from chalicelib.dynamo.base import decode_cursor, encode_cursor
from chalicelib.errors import BadParameter
from chalicelib.tasks.task import StoredTask


def list_by_name(
    scope: Scope, limit: int, cursor: str | None
) -> tuple[list[StoredTask], str | None]:
    """A page of the tasks inside of the scope, in one call: a scope that names tasks names so few
    that all of them are read. Raises BadParameter for a cursor that is none."""
    if not scope.tasks:
        return tasks.search(limit, cursor)
    after = _place(cursor)
    left = [task for task in tasks.named(scope.tasks) if (task.name, task.id) > after]
    page = left[:limit]
    return page, _cursor(page[-1]) if len(left) > limit else None


def _cursor(last: StoredTask) -> str | None:
    return encode_cursor({"name": {"S": last.name}, "task_id": {"S": last.id}})


def _place(cursor: str | None) -> tuple[str, str]:
    key = decode_cursor(cursor)
    if key is None:
        return "", ""
    if "name" not in key or "task_id" not in key:
        raise BadParameter("The cursor is not one that a list has answered.")
    return str(key["name"].get("S", "")), str(key["task_id"].get("S", ""))
