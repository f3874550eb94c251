"""Lists of tasks, in the order of their names."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from chalicelib.access.scope import Scope
from chalicelib.dynamo import run_history, runs, tasks
from chalicelib.dynamo.base import decode_cursor, encode_cursor
from chalicelib.errors import BadParameter
from chalicelib.runs.run import Run
from chalicelib.tasks.task import StoredTask

LOOKED_AT, LOOKS = 500, 4  # tasks in one call of a search, and such calls for one page
READERS = 8
RUNS_AT_ONCE = 100  # BatchGetItem's limit

Page = tuple[list[StoredTask], str | None]


def list_by_name(scope: Scope, limit: int, cursor: str | None, text: str = "") -> Page:
    """A page of the tasks inside of the scope that have a text in their names, in one call: a scope
    that names tasks names so few that all of them are read. A search looks at 2,000 tasks at most,
    in four calls, and its page may be short while its cursor leads on. Raises BadParameter for a
    cursor that is none.
    """
    if scope.tasks:
        after = _place(cursor)
        named = (task for task in tasks.named(scope.tasks) if _fits(task, text))
        left = [task for task in named if (task.name, task.id) > after]
        page = left[:limit]
        return page, _cursor(page[-1]) if len(left) > limit else None
    if not text:
        return tasks.search(limit, cursor)
    return _search(limit, cursor, text)


def _search(limit: int, cursor: str | None, text: str) -> Page:
    found: list[StoredTask] = []
    for _ in range(LOOKS):
        some, following = tasks.search(LOOKED_AT, cursor)
        for task in some:
            if len(found) == limit:
                return found, _cursor(found[-1])
            if _fits(task, text):
                found.append(task)
        cursor = following
        if cursor is None:
            break
    return found, cursor


def _fits(task: StoredTask, text: str) -> bool:
    return text.casefold() in task.name.casefold() or text.upper() == task.id


def _cursor(last: StoredTask) -> str | None:
    key = {"name": {"S": last.name}, "task_id": {"S": last.id}, "listing": {"S": tasks.EVERY_TASK}}
    return encode_cursor(key)


def _place(cursor: str | None) -> tuple[str, str]:
    key = decode_cursor(cursor)
    if key is None:
        return "", ""
    if "name" not in key or "task_id" not in key:
        raise BadParameter("The cursor is not one that a list has answered.")
    return str(key["name"].get("S", "")), str(key["task_id"].get("S", ""))


def newest_runs(task_ids: Iterable[str], count: int, scope: Scope) -> Mapping[str, tuple[Run, ...]]:
    """The newest runs of each task, newest first, those inside of the scope: a query for each task
    and a call for a hundred runs. Milliseconds late on AWS."""
    wanted = list(task_ids)
    with ThreadPoolExecutor(READERS) as readers:
        found = list(readers.map(partial(run_history.newest_of_task, count=count), wanted))
    ids = [run_id for some in found for run_id in some]
    read: dict[str, Run] = {}
    for first in range(0, len(ids), RUNS_AT_ONCE):
        read |= {run.id: run for run in runs.get_many(ids[first : first + RUNS_AT_ONCE])}
    return {
        task_id: tuple(
            read[each] for each in some if each in read and _is_inside(scope, read[each])
        )
        for task_id, some in zip(wanted, found, strict=True)
    }


def _is_inside(scope: Scope, run: Run) -> bool:
    return scope.holds_run(run.task_id, run.reach)
