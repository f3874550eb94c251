"""A task with a schedule, under a clock that stands at nine on a Monday morning."""

from datetime import datetime, timezone
from typing import Any

import pytest

from tests.api.conftest import Clock, People, RpcAgent, definition

NINE = datetime(2030, 1, 7, 9, 0, 30, tzinfo=timezone.utc)  # a Monday
MINUTES = 60
HOURS = 60 * MINUTES
DAYS = 24 * HOURS
PARAMETERS = '[Params.version]\nDefault = "1"\nPattern = "[0-9.]+"\n'


@pytest.fixture(autouse=True)
def begin(travel: Clock) -> None:
    travel.now = NINE


@pytest.fixture
def worker(agent: Any) -> RpcAgent:
    made: RpcAgent = agent()
    return made


@pytest.fixture
def task_id(admin: People, worker: RpcAgent) -> str:
    source = definition(worker.id) + PARAMETERS
    return str(admin.data("POST", "/tasks", {"definition": source})["task"]["id"])


@pytest.fixture
def make(admin: People, task_id: str) -> Any:
    """A factory: `make("@hourly", catch_up="one")` answers the schedule's path."""

    def made(cron: str, **more: Any) -> str:
        body = {"task_id": task_id, "cron": cron, **more}
        return f"/schedules/{admin.data('POST', '/schedules', body)['id']}"

    return made


def history(admin: People, task_id: str) -> list[Any]:
    """The task's runs, oldest first."""
    newest_first = admin.data("GET", f"/tasks/{task_id}/executions?limit=100")["items"]
    return list(reversed(newest_first))


def stop_all(admin: People, task_id: str) -> None:
    for run in history(admin, task_id):
        if run["ended_at"] is None:
            admin.data("POST", f"/runs/{run['id']}/cancel")
