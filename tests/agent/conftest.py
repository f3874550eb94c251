"""A supervisor at work on a job, as the agent starts it."""

import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from plumber_agent.jobs import supervisor
from plumber_agent.machine.segments import RECORD_HEADER
from tests.agent.plane import Plane, start_agent

SECONDS = 30


class Job:
    """A job's directory, and the supervisor that works on it."""

    def __init__(self, directory: Path, command: str, **keys: Any) -> None:
        self.directory = directory
        document = {
            "run_id": "01R",
            "job_id": "1-a",
            "step": 1,
            "attempt": 1,
            "lease": "l",
            "path": str(directory),
            "command": command,
            "env": {},
            "timeout_seconds": None,
            "kill_after_seconds": 0.3,
            "max_log_bytes": 1 << 30,
            "spool_quota": 1 << 40,
            **keys,
        }
        (directory / "job.json").write_text(json.dumps(document))
        self.process = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        program = supervisor.start_arguments(str(self.directory))
        return subprocess.Popen(program, start_new_session=True)

    def end(self) -> dict[str, Any]:
        """Waits for the end and answers the result."""
        self.process.wait(SECONDS)
        result: dict[str, Any] = json.loads((self.directory / "result.json").read_text())
        return result

    def records(self) -> list[tuple[int, bytes]]:
        segments = sorted(self.directory.glob("spool.*"))
        data, at, found = b"".join(each.read_bytes() for each in segments), 0, []
        while at < len(data):
            stream, _, length = RECORD_HEADER.unpack_from(data, at)
            at += RECORD_HEADER.size
            found.append((stream, data[at : at + length]))
            at += length
        return found

    def output(self, stream: int) -> bytes:
        return b"".join(data for number, data in self.records() if number == stream)

    def wait_until(self, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not ready():
            assert time.monotonic() < deadline
            threading.Event().wait(0.01)


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Callable[..., Job]]:
    made: list[Job] = []

    def make(command: str, **keys: Any) -> Job:
        made.append(Job(tmp_path, command, **keys))
        return made[-1]

    yield make
    for each in made:
        for child in _family(each.process.pid):
            child.kill()
        each.process.kill()
        each.process.wait()


def _family(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def pid_in(file: Path) -> int:
    return int(file.read_text())


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def plane() -> Iterator[Plane]:
    made = Plane()
    yield made
    made.close()


@pytest.fixture
def agent(plane: Plane, tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """A factory of real agents, which end with the test, and what they started with them."""
    made: list[subprocess.Popen[bytes]] = []

    def start(*options: str, **keys: Any) -> "subprocess.Popen[bytes]":
        made.append(start_agent(plane, tmp_path, *options, **keys))
        return made[-1]

    yield start
    for each in made:
        for child in _family(each.pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        each.kill()
        each.communicate()
