"""The real CLI, against the real control plane with real agents."""

import contextlib
import json
import os
import pty
import subprocess
import tty
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.stack.live import PROGRAMS, LiveControlPlane

SECONDS = 60  # no command takes longer


class Cli:
    """`plumber-cli` as a person or a script calls it."""

    def __init__(self, plane: LiveControlPlane, home: Path) -> None:
        self._environment = {
            **os.environ,
            "PLUMBER_URL": plane.url,
            "PLUMBER_TOKEN": plane.token,
            "HOME": str(home),
        }
        self._home = home

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [str(PROGRAMS / "plumber-cli"), *arguments],
            env=self._environment,
            cwd=self._home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *arguments: str) -> tuple[int, bytes, bytes]:
        """Exit code, standard output and standard error."""
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=SECONDS)
        return process.returncode, out, err

    def on_terminal(self, *arguments: str) -> tuple[int, bytes]:
        """Exit code, and all that a terminal is sent, with ends of lines as they were."""
        ours, its = pty.openpty()
        tty.setraw(its)
        process = subprocess.Popen(
            [str(PROGRAMS / "plumber-cli"), *arguments],
            env=self._environment, cwd=self._home, stdin=its, stdout=its, stderr=its,
        )  # fmt: skip
        os.close(its)
        sent = b""
        with process, contextlib.suppress(OSError):  # EIO: nobody has the other end any more
            while piece := os.read(ours, 65_536):
                sent += piece
        os.close(ours)
        return process.returncode, sent

    def json(self, *arguments: str) -> Any:
        code, out, err = self.run(*arguments, "--output", "json")
        assert code == 0, err.decode()
        return json.loads(out)

    def apply(self, source: str) -> str:
        """Saves a task and answers its id."""
        file = self._home / "task.toml"
        file.write_text(source)
        task_id: str = self.json("task", "apply", str(file))["task"]["id"]
        return task_id

    def trigger(self, source: str) -> str:
        """Saves a task, starts a run of it and answers the run's id."""
        run_id: str = self.json("task", "run", self.apply(source), "--no-wait")["id"]
        return run_id


@pytest.fixture
def cli(tmp_path: Path) -> Any:
    """A factory: `cli(plane)`."""

    def make(plane: LiveControlPlane) -> Cli:
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        return Cli(plane, home)

    return make


def task(steps: Sequence[tuple[str, str]], name: str = "t", **keys: str) -> str:
    """TOML for a task of (agent id, command) steps; `keys` are added to each step as they are."""
    more = "".join(f"{key} = {value}\n" for key, value in keys.items())
    tables = [
        f'[[step]]\nServerID = "{agent}"\nPath = "/tmp"\nCMD = {json.dumps(command)}\n{more}'
        for agent, command in steps
    ]
    return f"Name = {json.dumps(name, ensure_ascii=False)}\n" + "".join(tables)
