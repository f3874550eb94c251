"""What authorization costs: calls of the store with a scope and without."""

from typing import Any

import pytest

from tests.api.access.conftest import AGENTS, World
from tests.api.conftest import People
from tests.bench.product import Meter, metered


def calls(meter: Meter, caller: People, method: str, path: str) -> dict[str, int]:
    caller.data("GET", "/me")  # so that the caller is known
    meter.take()
    caller.data(method, path)
    return dict(meter.take().calls)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/tasks/{task_id}/execute"),
        ("GET", "/tasks/{task_id}"),
        ("GET", "/runs"),
        ("GET", "/runs?task={task_id}"),
        ("GET", "/runs/{run_id}"),
        ("GET", "/runs/{run_id}/outputs"),
        ("GET", "/agents/{agent_id}"),
        ("GET", "/tasks/{task_id}/stats"),
    ],
)
def test_a_scope_costs_no_further_call(
    admin: People, people: Any, world: World, method: str, path: str
) -> None:
    filled = world.inside.fill(path)
    narrow = people("trigger", AGENTS)
    with metered() as meter:
        assert calls(meter, narrow, method, filled) == calls(meter, admin, method, filled)


def test_a_task_is_read_once_by_whoever_triggers_it(admin: People, world: World) -> None:
    with metered() as meter:
        used = calls(meter, admin, "POST", f"/tasks/{world.inside.task_id}/execute")
    assert used["dynamodb.GetItem"] == 1


@pytest.mark.parametrize("path", ["/tasks", "/agents", "/schedules"])
def test_a_list_under_a_scope_is_a_few_calls(people: Any, world: World, path: str) -> None:
    with metered() as meter:
        used = calls(meter, people("viewer", world.scope), "GET", path)
    assert sum(used.values()) <= 3
