"""What people are told on the command line, and what they may call things there."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.contract.conftest import Cli, task
from tests.stack.live import PROGRAMS, AgentProcess, LiveControlPlane


@pytest.fixture
def run(live_api: LiveControlPlane, cli: Any) -> Cli:
    made: Cli = cli(live_api)
    return made


@pytest.fixture
def agent(live_api: LiveControlPlane, agent_process: Any) -> AgentProcess:
    made: AgentProcess = agent_process(live_api)
    return made


def text(answer: tuple[int, bytes, bytes], code: int = 0) -> tuple[str, str]:
    """Standard output and standard error."""
    assert answer[0] == code, answer
    return answer[1].decode(), answer[2].decode()


def test_the_output_of_an_earlier_attempt_is_read(
    run: Cli, agent: AgentProcess, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    command = f"if [ -e {mark} ]; then echo second; else touch {mark}; echo first; exit 3; fi"
    source = task([(agent.id, command)], "again", Retries="1", RetryDelay='"1ms"')
    out, _ = text(run.run("task", "run", run.apply(source), "--logs"))
    run_id = out.split()[1]
    (job,) = run.json("run", "show", run_id)["steps"][0]["jobs"]
    (earlier,) = job["earlier"]
    assert (earlier["number"], earlier["state"], earlier["exit_code"]) == (1, "failed", 3)

    shown, _ = text(run.run("run", "show", "again"))
    assert "Earlier attempts:" in shown
    for given in (run_id, "latest", "again", run_id[:16].lower()):
        assert text(run.run("run", "logs", given))[0] == "second\n"
        assert text(run.run("run", "logs", given, "--attempt", "1"))[0] == "first\n"
    assert text(run.run("run", "logs", run_id, "--attempt", "2"))[0] == "second\n"
    assert text(run.run("run", "logs", run_id, "--attempt", "1", "--tail", "1"))[0] == "first\n"
    assert text(run.run("run", "logs", run_id, "1", "--attempt", "1", "-f"))[0] == "first\n"
    found, _ = text(run.run("run", "logs", run_id, "--attempt", "1", "--grep", "f.rst"))
    assert found == "1: first\n"
    raw = text(run.run("run", "logs", run_id, "--attempt", "1", "--raw", "--stream", "stdout"))
    assert raw[0] == "first\n"
    _, err = text(run.run("run", "logs", run_id, "--attempt", "3"), 1)
    assert "No job of these has had an attempt 3." in err


def test_what_a_step_printed_comes_before_its_end_and_the_next_step(
    run: Cli, agent: AgentProcess
) -> None:
    commands = [(agent.id, f"for n in 1 2 3; do echo {name}-$n; done") for name in ("one", "two")]
    out, _ = text(run.run("task", "run", run.apply(task(commands, "order")), "--logs"))
    said = [line for line in out.splitlines() if "running" not in line]
    told = [line.rpartition(" | ")[2] if " | " in line else line.split()[0] for line in said[1:-1]]
    assert told == ["one-1", "one-2", "one-3", "1.", "two-1", "two-2", "two-3", "2."], out


def test_a_run_tells_of_agents_that_are_not_there_and_of_tolerated_failures(
    live_api: LiveControlPlane, run: Cli, agent: AgentProcess
) -> None:
    join_token = live_api.call("POST", "/enrollments", {})["join_token"]
    ids = {"agent_id": "6f0c0000-0000-4000-8000-00000000aaaa", "secret": "a" * 64}
    params = {"join_token": join_token, "name": "away", "facts": {}, **ids}
    call = {"jsonrpc": "2.0", "id": 1, "method": "agent.enroll", "params": params}
    assert "result" in requests.post(f"{live_api.url}/rpc", json=call, timeout=30).json()
    source = (
        'Name = "away"\n[[step]]\nCMD = "true"\nDeliverWithin = "2s"\nMaxFailures = 1\n'
        f'ServerID = ["away", "{agent.id}"]\n'
    )
    task_id = run.apply(source)
    plan, err = text(run.run("task", "plan", "away"))
    assert "away (never_seen)" in plan
    assert "1 of 2 agents are not there now." in err
    out, _ = text(run.run("task", "run", task_id))
    assert "away  queued  away is not seen yet; undelivered in" in out
    assert "Failures that were tolerated: 1 of step 1 ('step 1')." in out
    for command in ("list", "show"):
        given = [] if command == "list" else ["latest"]
        shown, _ = text(run.run("run", command, *given))
        assert "succeeded, 1 failure tolerated" in shown
    _, err = text(run.run("run", "retry", "away", "--only-failed", "--no-wait"))
    (job,) = run.json("run", "show", "away")["steps"][0]["jobs"]
    assert (job["agent_name"], err) == ("away", "")


def test_a_retry_that_there_is_nothing_for_says_what_there_is(
    run: Cli, agent: AgentProcess
) -> None:
    text(run.run("task", "run", run.apply(task([(agent.id, "true")], "well"))))
    _, err = text(run.run("run", "retry", "well", "--only-failed"), 1)
    assert "Nothing failed in this run." in err
    assert err.count("plumber-cli run retry") == 1
    assert "all of it" in err


def test_all_faults_of_a_task_are_told_with_their_lines(run: Cli, tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text('Name = "x"\nTimeout = 3\n[[step]]\nCMD = ""\nServerID = "nobody"\n')
    for command in ("validate", "apply"):
        _, err = text(run.run("task", command, str(file)), 2)
        assert f"{file}:2: Timeout: must be a duration" in err
        assert f"{file}:4: step 1, CMD: is empty." in err
    code, _, told = run.run("task", "validate", str(file), "--output", "json")
    errors = json.loads(told)["data"]["errors"]
    assert (code, [each["line"] for each in errors]) == (2, [2, 4])
    assert all(each["name"] != "x" for each in run.json("task", "list", "--all"))


def test_a_task_is_validated_and_its_revisions_are_read(run: Cli, tmp_path: Path) -> None:
    file = tmp_path / "right.toml"
    source = 'Name = "right"\n[[step]]\nCMD = "true"\nTargets = { All = true }\n'
    file.write_text(source)
    out, _ = text(run.run("task", "validate", str(file)))
    assert out == f"{file} is right: 'right', 1 step, would be a new task.\n"
    run.apply(source)
    run.apply(source.replace("true", "false", 1))
    assert "its next revision" in text(run.run("task", "validate", str(file)))[0]
    assert [each["number"] for each in run.json("task", "revisions", "right")] == [2, 1]
    assert text(run.run("task", "revisions", "right", "1"))[0] == source
    assert "its newest is 2" in text(run.run("task", "revisions", "right", "7"), 1)[1]


def complete(run: Cli, *words: str) -> list[str]:
    asked = {
        "_PLUMBER_CLI_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(("plumber-cli", *words)),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run(
        [str(PROGRAMS / "plumber-cli")],
        env={**run._environment, **asked},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def test_the_shell_completes_names_and_states(run: Cli, agent: AgentProcess) -> None:
    run.apply(task([(agent.id, "true")], "complete-me"))
    assert complete(run, "task", "run", "compl") == ["complete-me"]
    name = run.json("agent", "show", agent.id)["name"]
    assert name in complete(run, "agent", "show", name[:3])
    assert complete(run, "run", "list", "--state", "failed,timed") == ["failed,timed_out"]
    assert "latest" in complete(run, "run", "show", "la")
    nobody = Cli.__new__(Cli)
    nobody._environment = {**run._environment, "PLUMBER_URL": "http://127.0.0.1:1"}
    assert not any(complete(nobody, "task", "run", "compl")), "and says nothing of why"


def test_a_token_is_read_from_a_pipe(live_api: LiveControlPlane, tmp_path: Path) -> None:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PLUMBER_")}
    environment = {**clean, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(
        [str(PROGRAMS / "plumber-cli"), "set-config", "--url", live_api.url],
        env=environment,
        cwd=tmp_path,
        input=f"{live_api.token}\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert live_api.token not in done.stdout + done.stderr
    assert live_api.token in (tmp_path / "plumber" / "config.toml").read_text()


def test_join_tokens_are_listed_without_their_secrets(run: Cli) -> None:
    made = run.json("agent", "enroll", "--label", "role=web", "--group", "prod")
    out, _ = text(run.run("enrollment", "list"))
    assert "0 of 1" in out
    assert "role=web, group prod" in out
    assert made["join_token"] not in out
    text(run.run("enrollment", "delete", made["enrollment"]["id"]))
    assert made["enrollment"]["id"] not in text(run.run("enrollment", "list"))[0]
