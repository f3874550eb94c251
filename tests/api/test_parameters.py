"""Parameters, plans and ad-hoc commands, over the real app."""

from typing import Any

import pytest

from tests.api.conftest import Fleet, People
from tests.api.fleet import WEB, start, task, work

PARAMS = '[Params.version]\nPattern = "[a-z0-9. ]+"\nDefault = "latest"\n'


def test_parameters_reach_the_command_as_variables(admin: People, fleet: Fleet) -> None:
    (one,) = fleet(1)
    step = 'CMD = "deploy ${version} --as \\"${version}\\""\nTargets = { All = true }\n'
    start(admin, step, head=PARAMS, version="1.2 beta")
    (job,) = one.poll()["jobs"]
    assert job["command"] == 'deploy "${version}" --as "${version}"'
    assert job["env"]["version"] == "1.2 beta"


def test_wrong_parameters_start_nothing(admin: People, fleet: Fleet) -> None:
    (one,) = fleet(1)
    path = f"/tasks/{task(admin, WEB, head=PARAMS)}"
    body = {"parameters": {"version": "$(rm -rf /)", "other": "1"}}
    code, message = admin.refused("POST", f"{path}/execute", body)
    assert code == 1001
    assert "version: " in message
    assert "other: is not known" in message
    assert one.poll()["jobs"] == []
    assert admin.data("GET", f"{path}/executions")["items"] == []


def test_a_plan_shows_what_would_run_and_starts_nothing(admin: People, fleet: Fleet) -> None:
    agents = fleet(3)
    step = 'CMD = "deploy ${version}"\nTargets = { All = true }\nCanary = 1\nMaxParallel = 1\n'
    nobody = 'CMD = "true"\nTargets = { Group = "test" }\n'
    path = f"/tasks/{task(admin, step, nobody, head=PARAMS)}"
    plan = admin.data("POST", f"{path}/plan", {"parameters": {"version": "1 2"}})
    first, second = plan["steps"]
    assert first["text"] == "deploy '1 2'"
    assert [(w["at_once"], [a["name"] for a in w["agents"]]) for w in first["waves"]] == [
        (1, ["machine-1"]), (1, ["machine-2", "machine-3"]),
    ]  # fmt: skip
    assert second["problem"] == "No agent fits group test."
    assert [each.poll()["jobs"] for each in agents] == [[], [], []]


def test_a_command_runs_on_many_agents_without_a_task(admin: People, fleet: Fleet) -> None:
    agents = fleet(3)
    run = admin.data("POST", "/commands", {"command": "uptime -p", "selector": "n!=2"})
    assert (run["task_name"], run["trigger"]) == ("uptime -p", "command")
    assert work(agents) == [agents[0].id, agents[2].id]
    shown = admin.data("GET", "/runs")["items"]
    assert [(each["id"], each["state"]) for each in shown] == [(run["id"], "succeeded")]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"command": "true"}, "ServerID: is missing"),
        ({"all": True}, "CMD: is missing"),
        ({"command": "true", "selector": "a b"}, "Selector: 'a b'"),
        ({"command": "true", "all": True, "timeout": "soon"}, "Timeout: 'soon'"),
        ({"command": "true", "agent_ids": ["6f0c0000-0000-4000-8000-000000000009"]}, "no agent"),
    ],
)
def test_a_bad_command_is_refused(
    admin: People, fleet: Fleet, body: dict[str, Any], says: str
) -> None:
    assert says in admin.refused("POST", "/commands", body)[1]
