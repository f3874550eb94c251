"""Parameters, plans and ad-hoc commands, over the real app."""

from typing import Any

import pytest

from tests.api.conftest import Fleet, People
from tests.api.fleet import WEB, start, task, work

PARAMS = '[Params.version]\nPattern = "[a-z0-9. ]+"\nDefault = "latest"\n'


def test_more_parameters_than_a_run_can_hold_are_refused(admin: People, agent: Any) -> None:
    params = "".join(f"[Params.p{number}]\n" for number in range(64))
    step = f'[[step]]\nCMD = "true"\nServerID = "{agent().id}"\n'
    source = f'Name = "wide"\n{params}{step}'
    task_id = admin.data("POST", "/tasks", {"definition": source})["task"]["id"]
    values = {f"p{number}": "x" * 8_000 for number in range(64)}
    code, message = admin.refused("POST", f"/tasks/{task_id}/execute", {"parameters": values})
    assert (code, "together" in message) == (1001, True)
    assert admin.data("GET", "/runs")["items"] == []


def test_parameters_reach_the_command_as_variables(admin: People, fleet: Fleet) -> None:
    (one,) = fleet(1)
    command = 'deploy ${version} --as "${version}" \'${version}\' # a 5" disk'
    step = f"CMD = '''{command}'''\nTargets = {{ All = true }}\n"
    start(admin, step, head=PARAMS, version="1.2 beta")
    (job,) = one.poll()["jobs"]
    assert (job["command"], job["env"]) == (command, {"version": "1.2 beta"})


def test_a_script_reaches_the_agent_as_it_is_written(admin: People, fleet: Fleet) -> None:
    (one,) = fleet(1)
    script = '# it\'s a 5" disk\nrun "${version}" ${version}\n'
    step = f"Script = '''\n{script}'''\nTargets = {{ All = true }}\n"
    start(admin, step, head=PARAMS, version="1.2")
    (job,) = one.poll()["jobs"]
    assert (job["script"], job["env"]) == (script, {"version": "1.2"})


def test_what_a_value_could_do_is_said_where_the_task_is_saved_read_and_planned(
    admin: People, fleet: Fleet
) -> None:
    fleet(1)
    step = "[[step]]\nTargets = { All = true }\nCMD = '''\ntrue\nrm ${v}\n'''\n"
    source = f'Name = "t"\n[Params.v]\n{step}'
    saved = admin.data("POST", "/tasks", {"definition": source})
    path = f"/tasks/{saved['task']['id']}"
    (warning,) = saved["warnings"]
    assert (warning["line"], warning["key"]) == (7, "step[1].CMD")
    assert warning["message"].startswith("$v stands outside of double quotes")
    plan = admin.data("POST", f"{path}/plan", {"parameters": {"v": "a"}})
    assert admin.data("GET", path)["warnings"] == plan["warnings"] == saved["warnings"]
    mended = source.replace("rm ${v}", 'rm "$v"')
    body = {"definition": mended, "revision": 1}
    assert admin.data("PUT", path, body)["warnings"] == []


def test_a_value_that_could_run_something_keeps_a_task_from_being_saved(
    admin: People, fleet: Fleet
) -> None:
    fleet(1)
    step = "[[step]]\nTargets = { All = true }\nCMD = '''\necho $((v + 1))\n'''\n"
    source = f'Name = "t"\n[Params.v]\n{step}'
    answer = admin.refused("POST", "/tasks", {"definition": source})
    assert answer[0] == 1001
    assert answer[1].startswith("line 6, step[1].CMD: $v is used in arithmetic")
    assert admin.data("GET", "/tasks")["items"] == []
    whole = source.replace("[Params.v]", '[Params.v]\nType = "integer"')
    assert admin.data("POST", "/tasks", {"definition": whole})["warnings"] == []


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
    assert (plan["parameters"], first["text"]) == ({"version": "1 2"}, "deploy ${version}")
    assert [(w["at_once"], [a["name"] for a in w["agents"]]) for w in first["waves"]] == [
        (1, ["machine-1"]), (1, ["machine-2", "machine-3"]),
    ]  # fmt: skip
    assert second["problem"] == "No agent fits group test."
    assert [each.poll()["jobs"] for each in agents] == [[], [], []]


SECRET = "[Params.password]\nSecret = true\nRequired = true\nPattern = '[a-z0-9]+'\n"
STEP = 'CMD = "login ${password}"\nTargets = { All = true }\nMask = ["key-[0-9]+"]\n'


def test_a_secret_reaches_the_agent_and_nobody_else(admin: People, fleet: Fleet) -> None:
    (one,) = fleet(1)
    task_id = task(admin, STEP, head=SECRET)
    body = {"parameters": {"password": "hunter2"}}
    plan = admin.data("POST", f"/tasks/{task_id}/plan", body)
    run = admin.data("POST", f"/tasks/{task_id}/execute", body)
    (job,) = one.poll()["jobs"]
    assert (job["command"], job["env"]) == ("login ${password}", {"password": "hunter2"})
    assert job["mask"] == {"values": ["hunter2"], "patterns": ["key-[0-9]+"]}
    assert (run["parameters"], run["secrets"]) == ({"password": "***"}, ["password"])
    one.finish(job, 1)
    again = admin.data("POST", f"/runs/{run['id']}/retry", {"what": "all", **body})
    (retried,) = one.poll()["jobs"]
    assert retried["env"] == {"password": "hunter2"}
    seen = [
        plan, run, again,
        admin.data("GET", f"/runs/{run['id']}"),
        admin.data("GET", f"/runs/{again['id']}"),
        admin.data("GET", "/runs"),
        admin.data("GET", f"/tasks/{task_id}/executions"),
    ]  # fmt: skip
    assert "hunter2" not in str(seen)


def test_a_wrong_secret_is_refused_without_saying_what_it_was(admin: People, fleet: Fleet) -> None:
    fleet(1)
    path = f"/tasks/{task(admin, STEP, head=SECRET)}/execute"
    code, message = admin.refused("POST", path, {"parameters": {"password": "Hunter 2"}})
    assert (code, "Hunter" in message) == (1001, False)
    assert "password: is not what the task allows." in message


def test_a_schedule_keeps_no_secret(admin: People, fleet: Fleet) -> None:
    fleet(1)
    body = {"task_id": task(admin, STEP, head=SECRET), "cron": "@daily"}
    code, message = admin.refused("POST", "/schedules", body)
    assert (code, message) == (
        1001, "A schedule cannot keep a secret, and the task asks for password.",
    )  # fmt: skip


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


def test_a_body_with_a_wrong_word_is_told_the_right_ones(admin: People, fleet: Fleet) -> None:
    fleet(1)
    run_id = start(admin, 'CMD = "true"\nTargets = { All = true }\n')
    code, message = admin.refused("POST", f"/runs/{run_id}/retry", {"what": "whole"})
    assert code == 1001
    assert message.endswith("at `$.what`. It is one of all, failed_agents, failed_step.")
