"""`make up` as somebody types it, in a place of its own."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from infra.local.addresses import free_port
from infra.local.environment import ROOT
from infra.local.processes import kill
from tests.bench.processes import family

READY = "Plumber is up."  # the line after the sample run's success
END_SECONDS = 30.0


@dataclass(frozen=True)
class Up:
    """A stack whose sample task has succeeded."""

    root: int
    seconds: float  # from the command to the sample's success

    def processes(self) -> list[psutil.Process]:
        """All but `make` itself."""
        return family([self.root])[1:]


@contextmanager
def up(backend: str, agents: int = 1) -> Iterator[Up]:
    """Raises RuntimeError with what was said when it did not come up."""
    with tempfile.TemporaryDirectory(prefix="plumber-bench-") as place:
        words = [f"PORT={free_port()}", f"BACKEND={backend}", f"AGENTS={agents}", f"STATE={place}"]
        began = time.perf_counter()
        made = subprocess.Popen(
            ["make", "--silent", "up", *words],
            cwd=ROOT,
            env={name: text for name, text in os.environ.items() if not name.startswith("MAKE")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            _wait_until_ready(made)
            yield Up(made.pid, time.perf_counter() - began)
        finally:
            _end(made)


def _wait_until_ready(made: "subprocess.Popen[str]") -> None:
    assert made.stdout is not None
    said = []
    for line in made.stdout:
        said.append(line)
        if line.strip() == READY:
            return
    raise RuntimeError("".join(said))


def _end(made: "subprocess.Popen[str]") -> None:
    """As Ctrl-C would."""
    left = family([made.pid])
    os.killpg(made.pid, signal.SIGINT)
    try:
        made.communicate(timeout=END_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(made.pid, signal.SIGKILL)
        made.communicate()
    kill(left)
