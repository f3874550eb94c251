"""`run logs` and `run outputs` as people use them, on real agents."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract.conftest import Cli, task
from tests.stack.live import LiveControlPlane

COMMAND = "for n in 1 2 3 4 5; do echo out $n; echo err $n >&2; done"


@pytest.fixture
def ended(live_api: LiveControlPlane, agent_process: Any, cli: Any) -> tuple[Cli, str]:
    """A run that has ended, whose one job has printed five lines on each stream."""
    agent, run = agent_process(live_api), cli(live_api)
    run_id = run.trigger(task([(agent.id, COMMAND)], f"printed by {agent.id}"))
    run.run("run", "logs", run_id, "--follow")
    return run, run_id


def printed(run: Cli, *arguments: str) -> list[str]:
    code, out, err = run.run("run", "logs", *arguments)
    assert (code, err) == (0, b"")
    return out.decode().splitlines()


def test_a_log_is_read_by_stream_from_its_end_and_by_pattern(ended: tuple[Cli, str]) -> None:
    run, run_id = ended
    assert sorted(printed(run, run_id)) == sorted(
        f"{stream} {n}" for n in range(1, 6) for stream in ("out", "err")
    )
    assert printed(run, run_id, "--stream", "stdout") == [f"out {n}" for n in range(1, 6)]
    assert printed(run, run_id, "--stream", "stderr", "--tail", "2") == ["err 4", "err 5"]
    assert printed(run, run_id, "--stream", "stdout", "--since", "1h") == [
        f"out {n}" for n in range(1, 6)
    ]
    assert printed(run, run_id, "--since", "2200-01-01T00:00:00Z") == []
    assert [line.split(": ")[1] for line in printed(run, run_id, "--grep", "out [23]")] == [
        "out 2", "out 3",
    ]  # fmt: skip
    assert printed(run, run_id, "--grep", "OUT 5") == []
    assert len(printed(run, run_id, "--grep", "OUT 5", "-i")) == 1
    assert printed(run, run_id, "--grep", "5$", "--tail", "3", "--stream", "stdout") == ["out 5"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--since", "1h", "--tail", "1"], "Give --since or --tail, not both."),
        (["--raw", "--grep", "x"], "give one of them."),
        (["--grep", "["], "'[' is no regular expression"),
        (["--since", "yesterday"], "'yesterday' is no time. Write 10m, 2h or 2026-01-31T12:00:00Z"),
        (["--tail", "10001"], "10001 is not in the range"),
    ],
)
def test_what_makes_no_sense_exits_2(
    live_api: LiveControlPlane, cli: Any, arguments: list[str], says: str
) -> None:
    code, _, err = cli(live_api).run("run", "logs", "01H", *arguments)
    assert (code, says in err.decode()) == (2, True), err.decode()


def test_a_follower_sees_only_what_matches(
    live_api: LiveControlPlane, agent_process: Any, cli: Any, tmp_path: Path
) -> None:
    agent, run = agent_process(live_api), cli(live_api)
    gate = tmp_path / "gate"
    command = f"echo good 1; echo bad; while [ ! -e {gate} ]; do sleep 0.05; done; echo good 2"
    run_id = run.trigger(task([(agent.id, command)], "followed"))
    follower = run.start("run", "logs", run_id, "--follow", "--grep", "good")
    assert follower.stdout.readline() == b"good 1\n"
    gate.touch()
    assert follower.communicate(timeout=30)[0] == b"good 2\n"


def test_secrets_and_patterns_never_leave_the_machine(
    live_api: LiveControlPlane, agent_process: Any, cli: Any
) -> None:
    agent, run = agent_process(live_api), cli(live_api)
    head = 'Name = "masked"\nMask = ["key-[0-9]+"]\n[Params.password]\nSecret = true\n'
    command = "echo ${password} and key-42; printf hunt; sleep 0.3; echo er2"
    source = task([(agent.id, command)]).replace('Name = "t"\n', head)
    task_id = run.apply(source)
    started = run.json("task", "run", task_id, "--no-wait", "-p", "password=hunter2")
    assert printed(run, started["id"], "--follow") == ["*** and ***", "***"]
    assert "hunter2" not in json.dumps(run.json("run", "show", started["id"]))


def test_equal_outputs_are_one_group(
    live_api: LiveControlPlane, agent_process: Any, cli: Any
) -> None:
    agents = [agent_process(live_api, f"agent-{n}") for n in (1, 2, 3)]
    run = cli(live_api)
    command = f"echo same; case $PLUMBER_JOB_ID in *{agents[0].id}) echo more;; esac"
    ids = json.dumps([each.id for each in agents])
    step = f'[[step]]\nServerID = {ids}\nPath = "/tmp"\nCMD = {json.dumps(command)}\n'
    run_id = run.trigger(f'Name = "grouped"\n{step}')
    run.run("run", "logs", run_id, "--follow")
    code, out, err = run.run("run", "outputs", run_id, "1")
    assert (code, err) == (0, b"")
    assert "2 agents printed 5 bytes" in out.decode()
    assert "1 agent printed 10 bytes" in out.decode()
    assert "\nsame\nmore\n" in out.decode()
    groups = run.json("run", "outputs", run_id)["groups"]
    assert [(each["count"], each["sample"]["text"]) for each in groups] == [
        (2, "same\n"), (1, "same\nmore\n"),
    ]  # fmt: skip


EVIL = (
    r"printf '\033]0;title\007\033]52;c;Y2xpcA==\007\033[31mred\033[0m\033c\033[2J\n';"
    r"printf 'half \033'; sleep 0.3; printf '[6n and \302'; sleep 0.3; printf '\2332J\rover\n' >&1;"
    r"printf '\033[32mgreen' >&2"
)
SHOWN = (
    b"^[]0;title^G^[]52;c;Y2xpcA==^G\x1b[31mred\x1b[0m^[c^[[2J\n"
    b"half ^[[6n and \\x9b2J^Mover\n"
)  # fmt: skip


def test_what_a_job_prints_is_not_obeyed_by_the_terminal_of_who_reads_it(
    live_api: LiveControlPlane, agent_process: Any, cli: Any
) -> None:
    agent, run = agent_process(live_api), cli(live_api)
    run_id = run.trigger(task([(agent.id, EVIL)], "evil"))
    code, followed = run.on_terminal("run", "logs", run_id, "--follow", "--stream", "stdout")
    assert (code, followed) == (0, SHOWN)
    assert run.on_terminal("run", "logs", run_id, "--stream", "stdout") == (0, SHOWN)
    code, errors = run.on_terminal("run", "logs", run_id, "--stream", "stderr")
    assert (code, errors.count(b"\x1b[32mgreen"), errors[-5:]) == (0, 1, b"\x1b[0m\n")
    code, outputs = run.on_terminal("run", "outputs", run_id)
    assert code == 0
    assert SHOWN in outputs
    code, found = run.on_terminal("run", "logs", run_id, "--grep", "half")
    assert (code, b"\x1b[6n" in found, b"^[[6n" in found) == (0, False, True)
    exact = SHOWN.replace(b"^[", b"\x1b").replace(b"^G", b"\x07").replace(b"^M", b"\r")
    exact = exact.replace(b"\\x9b", "\x9b".encode())
    raw = ("run", "logs", run_id, "--raw", "--stream", "stdout")
    assert run.on_terminal(*raw) == (0, exact)
    assert run.run(*raw) == (0, exact, b"")
    assert run.run("run", "logs", run_id, "--stream", "stdout")[1] == SHOWN.replace(
        b"\x1b[31mred\x1b[0m", b"red"
    )
