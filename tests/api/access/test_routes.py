"""Every route: who may call it, on what is inside of a scope, and on what is outside."""

from typing import Any

import pytest
from msgspec import Struct

from chalicelib.access.principal import PERMISSIONS, Role
from chalicelib.access.scope import EVERYTHING, Scope
from chalicelib.api import openapi
from chalicelib.api.agents.methods import METHODS
from chalicelib.api.routing import Route, all_routes
from tests.api.access.conftest import AGENTS, Side, World
from tests.api.conftest import People

ROUTES = {f"{each.method} {each.path}": each for each in all_routes([*openapi.GROUPS, openapi.api])}
ROLES = (Role.VIEWER, Role.TRIGGER, Role.OPERATOR, Role.ADMIN)
OPEN = {"GET /health", "GET /openapi.json"}
# Asked on what is in a queue: `test_work` has roles and scopes for them.
OF_WORK = {
    "GET /work/dead-letters",
    "POST /work/dead-letters/{letter_id}/retry",
    "DELETE /work/dead-letters/{letter_id}",
}
READS = {  # they begin with POST for their bodies, and change nothing
    "POST /tasks/{task_id}/plan",
    "POST /tasks/validate",
    "POST /tasks/findings",
    "POST /schedules/preview",
    "POST /agents/match",
}
NOT_THERE, NOT_ALLOWED = 404, 403


class Row(Struct, frozen=True):
    """A call of a route, on one side. `scope` is one under which the inside may be called: the
    world's own, one that says nothing of tasks (`agents`), or none. `outside` is the status of the
    same on the other side, None where neither path nor body names one."""

    body: Any = None
    query: str = ""
    scope: str = "both"
    outside: int | None = NOT_THERE


ROWS: dict[str, Row] = {
    "GET /agents": Row(outside=None),
    "GET /stats": Row(outside=None),
    "GET /agents/{agent_id}": Row(),
    "GET /agents/{agent_id}/jobs": Row(),
    "PATCH /agents/{agent_id}": Row(lambda side: {"name": "new"}),
    "DELETE /agents/{agent_id}": Row(),
    "POST /agents/match": Row(lambda side: {"agent_ids": [side.agent.id]}),
    "POST /enrollments": Row(
        lambda side: {"labels": side.labels, "group": side.group}, outside=NOT_ALLOWED
    ),
    "GET /enrollments": Row(outside=None),
    "GET /enrollments/{enrollment_id}": Row(),
    "DELETE /enrollments/{enrollment_id}": Row(),
    "GET /tasks": Row(outside=None),
    "POST /tasks": Row(
        lambda side: {"definition": side.definition.replace("Name = ", 'Name = "new" #')},
        scope="agents",
        outside=NOT_ALLOWED,
    ),
    "POST /tasks/validate": Row(lambda side: {"definition": side.definition}, outside=NOT_ALLOWED),
    "POST /tasks/findings": Row(lambda side: {"definition": side.definition}, outside=NOT_ALLOWED),
    "GET /tasks/{task_id}": Row(),
    "PUT /tasks/{task_id}": Row(lambda side: {"definition": side.definition, "revision": 1}),
    "DELETE /tasks/{task_id}": Row(),
    "GET /tasks/{task_id}/revisions": Row(),
    "POST /tasks/{task_id}/execute": Row(),
    "POST /tasks/{task_id}/plan": Row(),
    "GET /tasks/{task_id}/executions": Row(),
    "GET /templates": Row(outside=None),
    "GET /tasks/{task_id}/stats": Row(),
    "GET /runs": Row(outside=None),
    "GET /exports/runs": Row(outside=None),
    "GET /runs/{run_id}": Row(),
    "POST /runs/{run_id}/cancel": Row(),
    "POST /runs/{run_id}/jobs/{job_id}/cancel": Row(),
    "GET /runs/{run_id}/jobs/{job_id}": Row(),
    "GET /runs/{run_id}/jobs": Row(),
    "POST /runs/{run_id}/retry": Row(),
    "POST /commands": Row(
        lambda side: {"command": "true", "agent_ids": [side.agent.id]}, scope="agents"
    ),
    "GET /runs/{run_id}/jobs/{job_id}/log": Row(),
    "GET /runs/{run_id}/jobs/{job_id}/log/download": Row(query="?stream=all&redirect=false"),
    "GET /runs/{run_id}/jobs/{job_id}/log/search": Row(query="?pattern=x"),
    "GET /runs/{run_id}/search": Row(query="?pattern=x"),
    "GET /runs/{run_id}/outputs": Row(),
    "GET /schedules": Row(outside=None),
    "POST /schedules": Row(lambda side: {"task_id": side.task_id, "cron": "@daily"}),
    "GET /schedules/{schedule_id}": Row(),
    "PATCH /schedules/{schedule_id}": Row(lambda side: {"paused": True}, scope="none"),
    "DELETE /schedules/{schedule_id}": Row(scope="none"),
    "GET /schedules/{schedule_id}/next": Row(),
    "POST /schedules/preview": Row(lambda side: {"cron": "@daily"}, outside=None),
    "POST /schedules/{schedule_id}/run": Row(),
    "GET /me": Row(outside=None),
    "GET /tokens": Row(outside=None),
    "POST /tokens": Row(
        lambda side: {
            "name": "x",
            "role": "viewer",
            "scope": {"tasks": [side.task_id], "labels": side.labels, "groups": [side.group]},
        },
        outside=NOT_ALLOWED,
    ),
    "DELETE /tokens/{token_id}": Row(),
}


def may(role: Role, route: Route) -> bool:
    return route.needs is None or route.needs in PERMISSIONS[role]


def call(caller: People, name: str, on: Side) -> int:
    method, path = name.split()
    row = ROWS[name]
    body = None if row.body is None else row.body(on)
    status: int = caller.answer(method, on.fill(path) + row.query, body).status_code
    return status


def test_every_route_has_its_row() -> None:
    assert set(ROWS) == set(ROUTES) - OPEN - OF_WORK


def test_every_route_says_what_it_is_asked_on() -> None:
    assert [name for name, route in ROUTES.items() if ("{" in name) != (route.on is not None)] == []


def test_agents_and_people_have_no_call_in_common() -> None:
    """An agent reads no logs but its own, which it has; a person reports no jobs."""
    of_agents = PERMISSIONS[Role.AGENT] | PERMISSIONS[Role.DISABLED_AGENT]
    assert not of_agents & {each.needs for each in ROUTES.values()}
    of_people = frozenset[object]().union(*(PERMISSIONS[role] for role in ROLES))
    assert not of_people & {each.needs for each in METHODS.values()}
    opened = {name for name, each in METHODS.items() if each.needs is None}
    assert opened == {"agent.enroll"}


def test_every_call_that_changes_something_is_audited() -> None:
    changing = {name for name in ROUTES if not name.startswith("GET ")} - READS
    audited = [route.audits for name, route in ROUTES.items() if route.audits is not None]
    assert {name for name, route in ROUTES.items() if route.audits is not None} == changing
    assert len(set(audited)) == len(audited)


@pytest.mark.parametrize("name", ROWS)
def test_a_route_is_open_to_the_roles_that_include_it(people: Any, world: World, name: str) -> None:
    route, row = ROUTES[name], ROWS[name]
    scope: Scope = {"both": world.scope, "agents": AGENTS, "none": EVERYTHING}[row.scope]
    assert call(people(None), name, world.inside) == 401
    for role in ROLES:
        if not may(role, route):
            assert call(people(role.value), name, world.inside) == NOT_ALLOWED, role
    lowest = next(role for role in ROLES if may(role, route))
    if row.outside is not None:
        narrow = world.scope if row.scope == "none" else scope
        for role in ROLES:
            assert call(people(role.value, narrow), name, world.outside) == (
                row.outside if may(role, route) else NOT_ALLOWED
            ), role
    status = call(people(lowest.value, scope), name, world.inside)
    assert status // 100 == 2 or status == 409, status  # 409: what has ended is not cancelled
