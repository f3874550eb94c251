"""Every list costs a bounded number of calls: however much there is, whatever goes on, and wherever
a page begins."""

import json
import typing
from collections.abc import Iterator
from typing import Any

import pytest
from chalice.test import HTTPResponse
from msgspec import Struct

from chalicelib.access.scope import Scope
from chalicelib.api import openapi
from chalicelib.api.routing import Route, all_routes
from tests.api.conftest import Fleet, People
from tests.api.fleet import WEB, task, work
from tests.bench.product import Meter, metered

MANY = 30
PAGE = 7
ROUTES = {f"{each.method} {each.path}": each for each in all_routes(openapi.GROUPS)}


def is_page(route: Route) -> bool:
    """Whether it answers so many items of a list as were asked for."""
    return typing.get_origin(route.answers) is list or isinstance(route.answers, str)


def is_list(route: Route) -> bool:
    """Whether it answers a part, and where to go on."""
    return is_page(route) or "cursor" in route.query


class Row(Struct, frozen=True):
    """How the route may be asked, and the calls of AWS that a page of it takes at most, each way
    and for each caller."""

    calls: int
    queries: tuple[str, ...] = ("",)


RUNS = (
    "",
    "state=running",
    "state=failed",
    "trigger=command",
    "task={task_id}",
    "agent={agent_id}",
)
TIMES = ("from=2000-01-01T00:00:00Z", "to=2000-01-01T00:00:00Z", "to=9998-01-01T00:00:00Z")
AGENTS = ("", "label=role=web", "group=prod", "text=none", "status=online", "name=machine-1")
JOBS = ("", "state=succeeded", "state=running", "state=waiting", "step=1")
ROWS = {
    "GET /agents": Row(6, AGENTS),
    "GET /enrollments": Row(5),
    "GET /tasks": Row(2, ("", "name=fleet")),
    "GET /tasks/{task_id}/revisions": Row(2),
    "GET /tasks/{task_id}/executions": Row(3),
    "GET /templates": Row(6),
    "GET /runs": Row(7, (*RUNS, *TIMES)),
    "GET /exports/runs": Row(7, RUNS),
    "GET /runs/{run_id}/jobs": Row(5, JOBS),
    "GET /runs/{run_id}/jobs/{job_id}/log": Row(2),
    "GET /runs/{run_id}/jobs/{job_id}/log/search": Row(2, ("pattern=x",)),
    "GET /runs/{run_id}/search": Row(2, ("pattern=x",)),
    "GET /schedules": Row(5, ("", "task={task_id}")),
    "GET /tokens": Row(5),
    "GET /work/dead-letters": Row(3),
}
# What is no page of its own shape, but a list all the same.
OTHERS = {"GET /work/dead-letters"}


def test_every_list_has_a_row() -> None:
    assert {name for name, route in ROUTES.items() if is_list(route)} | OTHERS == set(ROWS)


@pytest.fixture
def parts(admin: People, fleet: Fleet) -> dict[str, str]:
    """Many of everything, of which many go on; what paths and queries name."""
    agents = fleet(MANY)
    for number in range(MANY):
        admin.data("POST", "/enrollments", {})
        admin.data("POST", "/tokens", {"name": f"token {number}", "role": "viewer"})
        source = f'Name = "task {number}"\nTemplate = true\n[[step]]\n{WEB}'
        admin.data("POST", "/tasks", {"definition": source})
    task_id = task(admin, WEB, WEB)
    run_id = admin.data("POST", f"/tasks/{task_id}/execute")["id"]
    work(agents)
    for number in range(1, MANY):
        admin.data("POST", f"/tasks/{task_id}/execute")
        admin.data("POST", "/schedules", {"task_id": task_id, "cron": "0 3 * * *"})
        changed = f'Name = "fleet"\n[[step]]\n{WEB}# {number}\n'
        admin.data("PUT", f"/tasks/{task_id}", {"definition": changed, "revision": number})
    return {
        "task_id": task_id,
        "run_id": run_id,
        "agent_id": agents[0].id,
        "job_id": f"1-{agents[0].id}",
    }


def cost(caller: People, meter: Meter, path: str) -> Iterator[int]:
    """The calls of each page, to the last one."""
    cursor = ""
    for _ in range(2 * MANY):
        meter.take()
        answer = caller.answer("GET", f"{path}&cursor={cursor}")
        calls = sum(meter.take().calls.values())
        assert answer.status_code == 200, answer.body
        yield calls
        following = _following(answer)
        if not following or following == cursor:  # a log that goes on leads to where it is
            return
        cursor = following
    raise AssertionError(f"{path} does not end")


def _following(page: HTTPResponse) -> str:
    """The cursor of the next page. An export has it in a header."""
    if page.headers["Content-Type"].startswith("application/x-ndjson"):
        return str(page.headers.get("Plumber-Next", ""))
    return str(json.loads(page.body)["data"].get("next") or "")


def test_a_page_of_a_list_costs_as_many_calls_as_its_row_says(
    admin: People, people: Any, parts: dict[str, str]
) -> None:
    narrow = people("admin", Scope(labels={"role": "web"}))
    blind = people("admin", Scope(labels={"role": "other"}))  # who sees nothing of all that
    for caller in (admin, narrow, blind):
        caller.data("GET", "/me")  # callers are read once, and remembered
    admin.data("GET", "/agents?limit=1")  # and so is the key of cursors
    beyond = {}
    with metered() as meter:
        for name, row in ROWS.items():
            path = name.removeprefix("GET ").format(**parts)
            callers = (admin, narrow) if "{" in name else (admin, narrow, blind)
            for query in (each.format(**parts) for each in row.queries):
                for number, caller in enumerate(callers):
                    for limit in (PAGE, 100):
                        asked = f"{path}?{query}&limit={limit}"
                        calls = max(cost(caller, meter, asked))
                        if calls > row.calls:
                            beyond[f"{asked} of caller {number}"] = calls
    assert beyond == {}


OPEN = [name for name, route in ROUTES.items() if is_page(route) and "{" not in name]


@pytest.mark.parametrize("name", OPEN)
@pytest.mark.parametrize("limit", ["0", "101", "x", "-1", "1.5", "9" * 5_000])
def test_a_limit_that_is_none_is_refused_whatever_else_is_asked(
    admin: People, name: str, limit: str
) -> None:
    path = name.removeprefix("GET ")
    for query in ("", "&name=x"):
        assert admin.refused("GET", f"{path}?limit={limit}{query}")[0] == 1001
