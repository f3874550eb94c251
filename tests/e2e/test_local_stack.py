"""`make up`, from its first process to its last."""

import base64
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from time import monotonic

import psutil
import pytest

from infra.local.addresses import HOST, answers, free_port
from infra.local.control_plane import ControlPlane
from infra.local.environment import ROOT

START_SECONDS, END_SECONDS = 90, 40
MARK = "STACK_UNDER_TEST"  # inherited by all that a stack starts


class Stack:
    """A stack started as a person would, by its module, with its output in a file."""

    def __init__(self, state: Path, *options: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self.state = state
        self.mark = uuid.uuid4().hex  # noqa: TID251  a test is an entry point
        self._output = state / f"{self.port}.txt"
        command = [sys.executable, "-m", "infra.local", "--port", str(self.port)]
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                [*command, "--state", str(state), *options],
                cwd=ROOT,
                env={**os.environ, MARK: self.mark},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def told(self) -> str:
        return self._output.read_text()

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Fails with all that the stack has told, when it ends before or it takes too long."""
        deadline = monotonic() + seconds
        while not ready():
            assert self.process.poll() is None, self.told
            assert monotonic() < deadline, self.told
            Event().wait(0.05)

    def wait_until_up(self) -> ControlPlane:
        self.wait_until(lambda: "Plumber is up." in self.told, START_SECONDS)
        return self.way_in("local.json")

    def way_in(self, name: str) -> ControlPlane:
        return ControlPlane(**json.loads((self.state / name).read_text()))

    def end(self, number: int) -> int:
        """Sends the signal; answers the exit code."""
        self.process.send_signal(number)
        return self.process.wait(END_SECONDS)

    def pull_the_plug(self) -> None:
        """SIGKILL to all of it, the commands of jobs included."""
        while living := self.processes():
            for process in living:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(living, timeout=END_SECONDS)
        self.process.wait(END_SECONDS)

    def processes(self) -> list[psutil.Process]:
        """All that live of the stack, wherever they have gone."""
        return [process for process in psutil.process_iter() if mark_of(process) == self.mark]

    def zombies(self) -> list[int]:
        """Processes that have ended, and that the stack has not buried."""
        children = psutil.Process(self.process.pid).children()
        return [each.pid for each in children if each.status() == psutil.STATUS_ZOMBIE]

    def of(self, module: str) -> list[psutil.Process]:
        """Those that run this module of the stack."""
        name = f"infra.local.{module}"
        found = []
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                if name in process.cmdline():
                    found.append(process)
        return found


def mark_of(process: psutil.Process) -> str | None:
    try:
        mark: str | None = process.environ().get(MARK)
    except (psutil.Error, OSError):
        return None
    return mark


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    stacks: list[Stack] = []

    def start_one(*options: str, port: int | None = None) -> Stack:
        stacks.append(Stack(tmp_path, *options, port=port))
        return stacks[-1]

    yield start_one
    for stack in stacks:
        stack.pull_the_plug()


def test_it_runs_its_sample_and_leaves_nothing_behind(start: Callable[..., Stack]) -> None:
    stack = start("--agents", "2")
    plane = stack.wait_until_up()
    assert (stack.state / "local.json").stat().st_mode & 0o777 == 0o600
    assert f"Panel     {plane.url}/#token={plane.token} " in stack.told
    assert f"Address   {plane.url}/\n" in stack.told
    assert f"Token     {plane.token} " in stack.told
    assert "Hello from" in stack.told
    assert [run["state"] for run in plane.call("GET", "/runs")["items"]] == ["succeeded"]
    assert [agent["status"] for agent in plane.call("GET", "/agents")["items"]] == ["online"] * 2
    assert len(stack.processes()) >= 6  # itself, AWS, API, ticker, two agents
    stack.wait_until(lambda: stack.zombies() == [], 20)  # of the sample's supervisors
    assert stack.end(signal.SIGTERM) == 0
    assert stack.processes() == []
    assert not (stack.state / "local.json").exists()
    assert "Traceback" not in stack.told


def test_commands_that_still_run_end_with_it(start: Callable[..., Stack]) -> None:
    stack = start()
    plane = stack.wait_until_up()
    agent_id = plane.call("GET", "/agents")["items"][0]["id"]
    # One child in the command's process group, and one that got away into its own session.
    seconds = [f"{7_000_000 + stack.port}", f"{8_000_000 + stack.port}"]
    command = f"setsid sleep {seconds[0]} & sleep {seconds[1]}"
    step = f'[[step]]\nServerID = "{agent_id}"\nPath = "/"\nCMD = "{command}"\n'
    task = plane.call("POST", "/tasks", {"definition": f'Name = "long"\n{step}'})
    plane.call("POST", f"/tasks/{task['task']['id']}/execute")
    stack.wait_until(lambda: len(sleepers(seconds)) == 2, 20)
    assert stack.end(signal.SIGTERM) == 0
    assert sleepers(seconds) == []


def sleepers(seconds: list[str]) -> list[psutil.Process]:
    commands = [["sleep", text] for text in seconds]
    return [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] in commands]


def test_two_live_side_by_side_and_end_alone(start: Callable[..., Stack]) -> None:
    one, other = start(), start()
    planes = [one.wait_until_up(), other.wait_until_up()]
    planes = [stack.way_in(f"{stack.port}/local.json") for stack in (one, other)]
    ids = [plane.call("GET", "/agents")["items"][0]["id"] for plane in planes]
    assert ids[0] != ids[1]
    assert one.end(signal.SIGINT) == 0
    assert one.processes() == []
    assert not answers(planes[0].url)
    assert planes[1].call("GET", "/agents")["items"][0]["id"] == ids[1]
    assert other.end(signal.SIGTERM) == 0
    assert other.processes() == []


@pytest.mark.parametrize(
    "doing", ["API and panel on port", "One agent", "A sample task", "Its run", "Plumber is up."]
)
def test_the_crash_of_a_part_is_told_whatever_the_stack_does_and_ends_the_rest(
    start: Callable[..., Stack], doing: str
) -> None:
    stack = start()
    stack.wait_until(lambda: doing in stack.told and bool(stack.of("api_server")), START_SECONDS)
    stack.of("api_server")[0].send_signal(signal.SIGSEGV)
    assert stack.process.wait(END_SECONDS) == 1
    assert stack.told.count("api was killed by SIGSEGV. ") == 1
    assert f"{stack.state}/{stack.port}/logs/api.log" in stack.told
    assert doing == "API and panel on port" or "Fatal Python error: Segmentation" in stack.told
    assert "Traceback" not in stack.told
    assert stack.processes() == []


def test_an_end_while_it_starts_leaves_nothing_behind(start: Callable[..., Stack]) -> None:
    stack = start()
    stack.wait_until(lambda: "Tables, bucket" in stack.told, START_SECONDS)
    assert stack.end(signal.SIGTERM) == 0
    assert stack.processes() == []
    assert "Plumber is up." not in stack.told


def test_a_taken_port_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "infra.local", "--port", str(port)]
        answer = subprocess.run(
            [*command, "--state", str(tmp_path)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert answer.stderr == (
        f"Port {port} is taken by another program. End that, or choose another port: "
        f"make up PORT={port + 1}\n"
    )


RUNS = 50
STEP_SECONDS = 2


def fifty_runs(plane: ControlPlane) -> list[str]:
    """Of two steps each, over all agents; a job that is lost is tried again."""
    agents = [each["id"] for each in plane.call("GET", "/agents")["items"]]
    step = f'Path = "/"\nCMD = "sleep {STEP_SECONDS}; echo done"\n'
    step += 'Retries = 2\nRetryOn = ["failed", "lost"]\n'
    ids = []
    for number in range(RUNS):
        steps = [f'[[step]]\nServerID = "{agents[(number + n) % len(agents)]}"\n' for n in (0, 1)]
        source = f'Name = "run {number}"\n' + "".join(each + step for each in steps)
        task = plane.call("POST", "/tasks", {"definition": source})["task"]["id"]
        ids.append(plane.call("POST", f"/tasks/{task}/execute")["id"])
    return ids


def ended(plane: ControlPlane, runs: list[str]) -> list[str]:
    """The states of those that have ended."""
    found = [plane.call("GET", f"/runs/{each}")["run"] for each in runs]
    return [run["state"] for run in found if run["ended_at"] is not None]


def state_of(plane: ControlPlane, path: str) -> str:
    state: str = plane.call("GET", path)["state"]
    return state


@pytest.mark.parametrize(
    ("backend", "way"), [("local", "SIGTERM"), ("local", "SIGKILL"), ("durable", "SIGKILL")]
)
def test_a_stack_that_ends_in_the_middle_of_fifty_runs_goes_on_where_it_was(
    start: Callable[..., Stack], backend: str, way: str
) -> None:
    options = ("--backend", backend, "--agents", "3")
    stack = start(*options)
    plane = stack.wait_until_up()
    assert not any("infra.local.moto_server" in p.cmdline() for p in stack.processes())
    runs = fifty_runs(plane)
    stack.wait_until(lambda: len(ended(plane, runs[:10])) >= 1, 60)
    before = ended(plane, runs)
    assert len(before) < RUNS
    if way == "SIGTERM":
        assert stack.end(signal.SIGTERM) == 0
    else:
        stack.pull_the_plug()
    assert stack.processes() == []

    again = start(*options, port=stack.port)
    assert again.wait_until_up() == plane, "the same address, the same token"
    again.wait_until(lambda: len(ended(plane, runs)) == RUNS, 120)
    details = [plane.call("GET", f"/runs/{run}") for run in runs]
    reasons = [each["run"]["reason"] for each in details if each["run"]["state"] != "succeeded"]
    assert reasons == []
    assert len(plane.call("GET", "/agents")["items"]) == 3
    for detail in details:
        for step in detail["steps"]:
            path = f"/runs/{detail['run']['id']}/jobs/{step['jobs'][0]['id']}/log"
            again.wait_until(lambda path=path: state_of(plane, path) == "complete", 30)
            (record,) = plane.call("GET", path)["records"]
            assert base64.b64decode(record["data"]) == b"done\n"
    assert again.end(signal.SIGTERM) == 0
