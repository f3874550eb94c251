"""Fleets and failures with real agents: machines away, agents that die, trees that cling."""

import random
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.contract.conftest import Cli
from tests.stack.live import AgentProcess, LiveControlPlane

KILLS = 50


def states(cli: Cli, run_id: str) -> list[str]:
    detail = cli.json("run", "show", run_id)
    return [job["state"] for step in detail["steps"] for job in step["jobs"]]


def fleet_task(agents: list[AgentProcess], name: str, command: str, **keys: str) -> str:
    ids = ", ".join(f'"{agent.id}"' for agent in agents)
    more = "".join(f"{key} = {value}\n" for key, value in keys.items())
    step = f"[[step]]\nServerID = [{ids}]\nPath = \"/tmp\"\nCMD = '''{command}'''\n{more}"
    return f'Name = "{name}"\n{step}'


def test_a_fleet_of_ten_with_three_away_does_its_part(
    live_api: LiveControlPlane, agent_process: Any, cli: Any
) -> None:
    agents = [agent_process(live_api, f"machine-{number}") for number in range(10)]
    for away in agents[:3]:
        away.stop()
    run: Cli = cli(live_api)
    limits = {"DeliverWithin": '"2s"'}
    tolerant = run.apply(fleet_task(agents, "tolerant", "true", MaxFailures="3", **limits))
    strict = run.apply(fleet_task(agents, "strict", "true", MaxFailures="2", **limits))
    waiting = [run.start("task", "run", task_id) for task_id in (tolerant, strict)]
    codes = []
    for process in waiting:
        out, _ = process.communicate(timeout=60)
        codes.append(process.returncode)
        run_id = out.split()[1].decode()
        assert states(run, run_id) == ["undelivered"] * 3 + ["succeeded"] * 7
    assert codes == [0, 1]


def test_an_agent_that_is_killed_again_and_again_loses_and_doubles_nothing(
    live_api: LiveControlPlane, agent_process: Any, cli: Any, tmp_path: Path
) -> None:
    agent: AgentProcess = agent_process(live_api)
    run: Cli = cli(live_api)
    begun = tmp_path / "begun"
    command = (
        f"echo $PLUMBER_RUN_ID >> {begun}; i=0; "
        "while [ $i -lt 60 ]; do echo line $i; sleep 0.1; i=$((i+1)); done; exit 4"
    )
    task_id = run.apply(fleet_task([agent], "again and again", command))
    runs: list[str] = []
    chance, pause = random.Random(1), threading.Event()
    for number in range(KILLS):
        if number % 5 == 0:
            runs.append(run.json("task", "run", task_id, "--no-wait")["id"])
        pause.wait(chance.uniform(0, 0.6))
        agent.kill()
        agent.start()
    live_api.wait_until(
        lambda: all(states(run, each) == ["failed"] for each in runs), 60, "the end of all runs"
    )
    assert sorted(begun.read_text().split()) == sorted(runs)
    expected = "".join(f"line {number}\n" for number in range(60)).encode()
    for each in runs:
        job = run.json("run", "show", each)["steps"][0]["jobs"][0]
        assert (job["exit_code"], job["attempt"]) == (4, 1)
        assert run.run("run", "logs", each, "1", "--raw", "--follow")[1] == expected


@pytest.mark.parametrize("restarted", [False, True])
def test_a_tree_that_clings_is_gone_eleven_seconds_after_the_cancel(
    live_api: LiveControlPlane, agent_process: Any, cli: Any, tmp_path: Path, restarted: bool
) -> None:
    agent: AgentProcess = agent_process(live_api)
    run: Cli = cli(live_api)
    file = tmp_path / "pid"
    script = tmp_path / "stubborn.sh"
    script.write_text(f"trap '' TERM; echo $$ >> {file}; while :; do sleep 1; done\n")
    command = f"setsid sh {script} & sh {script} & wait; sleep 1000"
    run_id = run.trigger(fleet_task([agent], f"clinging {restarted}", command))
    live_api.wait_until(
        lambda: file.exists() and len(file.read_text().split()) == 2, 30, "two stubborn processes"
    )
    if restarted:
        agent.kill()
        agent.start()
    pids = [int(pid) for pid in file.read_text().split()]
    began = time.monotonic()
    run.run("run", "cancel", run_id)
    live_api.wait_until(lambda: states(run, run_id) == ["cancelled"], 30, "the end of the run")
    seconds = time.monotonic() - began
    assert not any(psutil.pid_exists(pid) and is_running(pid) for pid in pids)
    assert seconds < 14, "10 s between SIGTERM and SIGKILL, and the report"


def is_running(pid: int) -> bool:
    return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_heartbeats_go_on_while_a_job_takes_all_cpu(
    control_plane: Any, agent_process: Any, cli: Any, tmp_path: Path
) -> None:
    plane: LiveControlPlane = control_plane(heartbeat_seconds="1", ttl_seconds="4")
    agent: AgentProcess = agent_process(plane)
    run: Cli = cli(plane)
    busy = "for n in 1 2 3 4 5 6 7 8; do (while :; do :; done) & done; sleep 8; kill 0"
    run_id = run.trigger(fleet_task([agent], "busy", busy))
    plane.wait_until(lambda: states(run, run_id) == ["running"], 30, "the start")
    seen = set()
    while states(run, run_id) == ["running"]:
        seen.add(run.json("agent", "show", agent.id)["status"])
    assert seen == {"online"}
