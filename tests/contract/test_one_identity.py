"""Two real agents under one identity: a machine that was cloned."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from infra.local import agents
from infra.local.processes import Processes
from tests.contract.conftest import Cli
from tests.contract.test_fleet import fleet_task, states
from tests.stack.live import AgentProcess, LiveControlPlane

JOBS = 20


@pytest.fixture
def cloned(
    live_api: LiveControlPlane, agent_process: Any, live_processes: Processes
) -> tuple[AgentProcess, Path]:
    """An agent, and the work directory of another one that has a copy of its agent.json."""
    agent: AgentProcess = agent_process(live_api)
    copy = agent.workdir.with_name("clone")
    copy.mkdir(mode=0o700)
    shutil.copy(agent.workdir / "agent.json", copy)
    agents.start(live_processes, copy)
    return agent, copy


def log_of(workdir: Path) -> str:
    file = workdir / "agent.log"
    return file.read_text() if file.exists() else ""


def test_a_cloned_machine_is_refused_and_nothing_is_started_twice_or_lost(
    live_api: LiveControlPlane, cloned: tuple[AgentProcess, Path], cli: Any, tmp_path: Path
) -> None:
    agent, copy = cloned
    live_api.wait_until(
        lambda: "Another process works under" in log_of(copy), 30, "the clone's refusal"
    )
    run: Cli = cli(live_api)
    begun = tmp_path / "begun"
    command = f"echo $PLUMBER_RUN_ID $PWD >> {begun}; sleep 0.3"
    task_id = run.apply(fleet_task([agent], "cloned", command))
    runs = [run.json("task", "run", task_id, "--no-wait")["id"] for _ in range(JOBS)]
    live_api.wait_until(
        lambda: all(states(run, each) == ["succeeded"] for each in runs), 60, "the runs' end"
    )
    assert sorted(line.split()[0] for line in begun.read_text().splitlines()) == sorted(runs)
    assert list((copy / "jobs").iterdir()) == []
    live_api.wait_until(
        lambda: "A second process came under" in log_of(agent.workdir), 30, "the agent's word of it"
    )
    shown = run.json("agent", "show", agent.id)
    assert shown["conflict"]["hostname"] == shown["hostname"]
    _, text, _ = run.run("agent", "show", agent.id)
    assert b"Refused" in text
    assert log_of(copy).count("Another process works under") == 1, "it is said once"


def test_the_other_machine_goes_on_when_the_first_one_has_left(
    live_api: LiveControlPlane, cloned: tuple[AgentProcess, Path]
) -> None:
    agent, copy = cloned
    live_api.wait_until(
        lambda: "Another process works under" in log_of(copy), 30, "the clone's refusal"
    )
    agent.stop()
    live_api.wait_until(lambda: "This process is the one" in log_of(copy), 60, "the clone's turn")
