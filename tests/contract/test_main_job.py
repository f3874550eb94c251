"""The main job: a task's steps run in order on several real agents, seen through the real CLI."""

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.contract.conftest import Cli, task
from tests.stack.live import AgentProcess, LiveControlPlane


def job_states(cli: Cli, run_id: str) -> list[str]:
    detail = cli.json("run", "show", run_id)
    return [job["state"] for step in detail["steps"] for job in step["jobs"]]


def wait_for(plane: LiveControlPlane, cli: Cli, run_id: str, states: list[str]) -> None:
    plane.wait_until(lambda: job_states(cli, run_id) == states, 30, f"{run_id}: {states}")


def test_three_steps_on_three_agents_run_in_order(
    live_api: LiveControlPlane, agent_process: Any, cli: Any, tmp_path: Path
) -> None:
    agents = [agent_process(live_api, f"agent-{n}") for n in (1, 2, 3)]
    seen = tmp_path / "seen"
    commands = [(a.id, f"echo {n} >> {seen}") for n, a in enumerate(agents, 1)]
    run = cli(live_api)
    code, out, err = run.run("task", "run", run.apply(task(commands, "in order")))
    assert (code, err) == (0, b"")
    assert seen.read_text() == "1\n2\n3\n"
    assert out.decode().count("succeeded  exit code 0") == 3


def test_a_failing_second_step_stops_the_run_and_the_cli_exits_1(
    live_api: LiveControlPlane, agent_process: Any, cli: Any
) -> None:
    agents = [agent_process(live_api, f"agent-{n}") for n in (1, 2, 3)]
    commands = [(agents[0].id, "true"), (agents[1].id, "exit 7"), (agents[2].id, "true")]
    run = cli(live_api)
    code, out, _ = run.run("task", "run", run.apply(task(commands, "failing")))
    text = out.decode()
    assert code == 1
    assert "exit code 7" in text
    assert "3. step 3  skipped" in text
    assert "Step 2 'step 2'" in text


def test_a_cancelled_run_and_one_out_of_time_exit_4(
    live_api: LiveControlPlane, agent_process: Any, cli: Any
) -> None:
    agent, run = agent_process(live_api), cli(live_api)
    slow = run.apply(task([(agent.id, "sleep 600")], "slow", Timeout='"300ms"'))
    assert run.run("task", "run", slow)[0] == 4
    endless = run.apply(task([(agent.id, "sleep 600")], "endless"))
    waiting = run.start("task", "run", endless)
    run_id = waiting.stdout.readline().split()[1].decode()
    wait_for(live_api, run, run_id, ["running"])
    assert run.run("run", "cancel", run_id)[0] == 0
    out, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 4
    assert b"cancelled" in out


def test_who_is_not_let_in_exits_3_and_wrong_usage_exits_2(
    live_api: LiveControlPlane, cli: Any, tmp_path: Path
) -> None:
    run = cli(live_api)
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('Name = "x"\nNmae = "y"\n')
    code, _, err = run.run("task", "apply", str(wrong))
    assert code == 2
    assert f"{wrong}:2: Nmae: unknown key. Did you mean Name?" in err.decode()
    stranger = Cli(live_api, tmp_path)
    stranger._environment["PLUMBER_TOKEN"] = "plb_x_" + "0" * 64
    assert stranger.run("task", "list")[0] == 3
    stranger._environment["PLUMBER_URL"] = "http://127.0.0.1:9"
    assert stranger.run("task", "delete", "x", "--yes")[0] == 3


def test_output_is_readable_while_the_command_runs(
    live_api: LiveControlPlane, agent_process: Any, cli: Any, tmp_path: Path
) -> None:
    agent, run = agent_process(live_api), cli(live_api)
    gate = tmp_path / "gate"
    command = f"echo first; while [ ! -e {gate} ]; do sleep 0.05; done; echo last"
    run_id = run.trigger(task([(agent.id, command)], "live"))
    wait_for(live_api, run, run_id, ["running"])
    began = time.monotonic()
    live_api.wait_until(
        lambda: run.run("run", "logs", run_id, "1", "--raw")[1] == b"first\n", 10, "the first line"
    )
    assert time.monotonic() - began < 2
    follower = run.start("run", "logs", run_id, "--follow")
    assert follower.stdout.readline() == b"first\n"
    assert follower.poll() is None
    gate.touch()
    assert follower.communicate(timeout=30)[0] == b"last\n"


def test_twenty_megabytes_of_random_bytes_arrive_as_they_were_written(
    live_api: LiveControlPlane, agent_process: Any, cli: Any, tmp_path: Path
) -> None:
    agent, run = agent_process(live_api), cli(live_api)
    out, err = tmp_path / "out", tmp_path / "err"
    out.write_bytes(os.urandom(12 << 20))
    err.write_bytes(os.urandom(8 << 20))
    command = f"cat {out} & cat {err} >&2; wait"
    run_id = run.trigger(task([(agent.id, command)], "random"))
    wait_for(live_api, run, run_id, ["succeeded"])
    job = run.json("run", "show", run_id)["steps"][0]["jobs"][0]
    for stream, file in (("stdout", out), ("stderr", err)):
        code, read, problem = run.run(
            "run", "logs", run_id, "1", "--raw", "--follow", "--stream", stream
        )
        assert (code, problem) == (0, b"")
        assert read == file.read_bytes(), stream
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        assert job["log"]["streams"][stream]["sha256"] == digest
        path = f"/runs/{run_id}/jobs/{job['id']}/log/download?stream={stream}&redirect=false"
        found = live_api.call("GET", path)
        assert requests.get(found["url"], timeout=30).content == file.read_bytes(), stream


def test_a_path_that_cannot_be_entered_fails_the_job_with_that_reason(
    live_api: LiveControlPlane, agent_process: Any, cli: Any, tmp_path: Path
) -> None:
    agent, run = agent_process(live_api), cli(live_api)
    file = tmp_path / "file"
    file.touch()
    for path, reason in (
        ("/no/such/place", "the path /no/such/place does not exist on this machine"),
        (str(file), f"the path {file} is not a directory"),
    ):
        source = task([(agent.id, "true")], "lost").replace('"/tmp"', json.dumps(path))
        code, out, _ = run.run("task", "run", run.apply(source))
        assert code == 1
        assert reason in out.decode()


def test_an_agent_that_is_killed_and_comes_back_loses_nothing(
    live_api: LiveControlPlane, agent_process: Any, cli: Any, tmp_path: Path
) -> None:
    agent: AgentProcess = agent_process(live_api)
    run = cli(live_api)
    gate, count = tmp_path / "gate", tmp_path / "count"
    command = (
        f"echo x >> {count}; echo before; while [ ! -e {gate} ]; do sleep 0.05; done; "
        "echo after; exit 5"
    )
    run_id = run.trigger(task([(agent.id, command)], "survivor"))
    wait_for(live_api, run, run_id, ["running"])
    agent.kill()
    gate.touch()
    live_api.wait_until(
        lambda: any((agent.workdir / "jobs").glob("*/result.json")), 20, "the end of the command"
    )
    agent.start()
    wait_for(live_api, run, run_id, ["failed"])
    job = run.json("run", "show", run_id)["steps"][0]["jobs"][0]
    assert job["exit_code"] == 5
    out = run.run("run", "logs", run_id, "1", "--raw", "--follow")[1]
    assert out == b"before\nafter\n"
    assert count.read_text() == "x\n", "it ran once"


def test_an_agent_that_comes_back_while_the_command_runs_takes_it_up_again(
    live_api: LiveControlPlane, agent_process: Any, cli: Any, tmp_path: Path
) -> None:
    agent: AgentProcess = agent_process(live_api)
    run = cli(live_api)
    gate = tmp_path / "gate"
    command = f"echo before; while [ ! -e {gate} ]; do sleep 0.05; done; echo after"
    run_id = run.trigger(task([(agent.id, command)], "taken up"))
    wait_for(live_api, run, run_id, ["running"])
    agent.kill()
    agent.start()
    wait_for(live_api, run, run_id, ["running"])
    gate.touch()
    wait_for(live_api, run, run_id, ["succeeded"])
    out = run.run("run", "logs", run_id, "1", "--raw", "--follow")[1]
    assert out == b"before\nafter\n"


def test_a_command_that_was_started_before_the_agent_died_can_still_be_cancelled(
    live_api: LiveControlPlane, agent_process: Any, cli: Any
) -> None:
    agent: AgentProcess = agent_process(live_api)
    run = cli(live_api)
    run_id = run.trigger(task([(agent.id, "sleep 600")], "orphan"))
    wait_for(live_api, run, run_id, ["running"])
    agent.kill()
    run.run("run", "cancel", run_id)
    agent.start()
    wait_for(live_api, run, run_id, ["cancelled"])


@pytest.mark.parametrize("backend", ["local", "durable"])
def test_a_control_plane_that_is_killed_and_comes_back_loses_nothing(
    control_plane: Any, agent_process: Any, cli: Any, tmp_path: Path, backend: str
) -> None:
    plane: LiveControlPlane = control_plane(backend)
    agent, run = agent_process(plane), cli(plane)
    gate = tmp_path / "gate"
    command = f"echo before; while [ ! -e {gate} ]; do sleep 0.05; done; echo after; exit 3"
    run_id = run.trigger(task([(agent.id, command), (agent.id, "true")], "patient"))
    wait_for(plane, run, run_id, ["running", "waiting"])
    plane.kill()
    gate.touch()
    plane.wait_until(
        lambda: any((agent.workdir / "jobs").glob("*/result.json")), 20, "the end of the command"
    )
    plane.start()
    wait_for(plane, run, run_id, ["failed", "skipped"])
    job = run.json("run", "show", run_id)["steps"][0]["jobs"][0]
    assert job["exit_code"] == 3
    out = run.run("run", "logs", run_id, "1", "--raw", "--follow")[1]
    assert out == b"before\nafter\n"


def test_an_agent_without_a_heartbeat_is_offline_within_one_sweep(
    control_plane: Any, agent_process: Any, cli: Any
) -> None:
    plane: LiveControlPlane = control_plane(heartbeat_seconds="1", ttl_seconds="3")
    agent: AgentProcess = agent_process(plane)
    run = cli(plane)
    agent.kill()

    def status() -> str:
        (found,) = run.json("agent", "list")
        return str(found["status"])

    plane.wait_until(lambda: status() == "offline", 10, "the agent being offline")


def test_sigterm_waits_for_the_jobs_and_reports_them(
    live_api: LiveControlPlane, agent_process: Any, cli: Any, tmp_path: Path
) -> None:
    agent: AgentProcess = agent_process(live_api)
    run = cli(live_api)
    gate = tmp_path / "gate"
    command = f"while [ ! -e {gate} ]; do sleep 0.05; done; exit 4"
    run_id = run.trigger(task([(agent.id, command)], "drained"))
    wait_for(live_api, run, run_id, ["running"])
    agent.child.process.terminate()
    gate.touch()
    wait_for(live_api, run, run_id, ["failed"])
    agent.child.process.wait(20)
    assert not list((agent.workdir / "jobs").iterdir())


def test_a_task_is_applied_shown_listed_and_deleted(
    live_api: LiveControlPlane, agent_process: Any, cli: Any, tmp_path: Path
) -> None:
    agent, run = agent_process(live_api), cli(live_api)
    file = tmp_path / "task.toml"
    source = task([(agent.id, "true")], "由 CLI 保存")
    file.write_text(source)
    texts = []
    for _ in range(2):
        texts.append(run.run("task", "apply", str(file))[1].decode())
    file.write_text(source.replace("true", "false"))
    texts.append(run.run("task", "apply", str(file))[1].decode())
    endings = ["created.", "unchanged, revision 1.", "updated to revision 2."]
    assert [text.strip().split(": ")[1] for text in texts] == endings
    assert run.run("task", "show", "由 CLI 保存")[1].decode() == file.read_text()
    assert "由 CLI 保存" in run.run("task", "list")[1].decode()
    assert run.run("task", "delete", "由 CLI 保存", "--yes")[0] == 0
    assert run.run("task", "show", "由 CLI 保存")[0] == 1


def test_an_agent_is_named_grouped_labelled_and_set_to_polling(
    live_api: LiveControlPlane, agent_process: Any, cli: Any
) -> None:
    agent, run = agent_process(live_api), cli(live_api)
    changed = run.json("agent", "set", agent.id, "--name", "web 1", "--no-doorbell", "--disable")
    assert (changed["name"], changed["doorbell"], changed["disabled"]) == ("web 1", False, True)
    assert run.json("agent", "label", "web 1", "role=web", "zone=a")["labels"] == {
        "role": "web", "zone": "a",
    }  # fmt: skip
    listed = lambda selector: run.json("agent", "list", "--label", selector)  # noqa: E731
    assert [each["name"] for each in listed("role=web,zone!=b")] == ["web 1"]
    assert run.json("agent", "label", "web 1", "role-", "zone=b")["labels"] == {"zone": "b"}
    assert listed("role=web") == []
    assert run.json("agent", "set", "web 1", "--group", "prod", "--enable")["group"] == "prod"
    changed = run.json("agent", "set", "web 1", "--group", "", "--doorbell")
    assert (changed["group"], changed["doorbell"], changed["disabled"]) == (None, True, False)
    assert run.run("agent", "set", "web 1")[0] == 2
    assert run.run("agent", "label", "web 1", "role")[0] == 2
