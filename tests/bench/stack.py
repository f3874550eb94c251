"""A durable stack of its own for benchmarks, on free ports, in a directory that goes with it."""

import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from infra.local.backends import durable
from infra.local.environment import base
from infra.local.processes import Processes
from tests.stack.live import AgentProcess, LiveControlPlane

WARM_UP_SECONDS = 60.0  # then the JVM of DynamoDB Local has compiled what it uses most
WARM_UP_STEPS = 5


class Stack:
    """A running control plane on DynamoDB Local and rclone, and agents where they are asked for."""

    def __init__(self, processes: Processes, plane: LiveControlPlane, place: Path) -> None:
        self.processes = processes
        self.plane = plane
        self.place = place
        self._sessions = threading.local()

    def agent(self, name: str) -> AgentProcess:
        """A real agent, online when this returns."""
        made = AgentProcess(self.processes, self.plane, self.place / name)
        made.start()
        return made

    def run(self, run_id: str) -> Any:
        """The run itself."""
        return self._call("GET", f"/runs/{run_id}")["run"]

    def _call(self, method: str, path: str) -> Any:
        """The data of an answer, over a connection of the thread's own that is kept."""
        session = self._sessions.__dict__.setdefault("session", requests.Session())
        session.trust_env = False
        headers = {"Authorization": f"Bearer {self.plane.token}"}
        url = f"{self.plane.url}/api/v1{path}"
        answer = session.request(method, url, headers=headers, timeout=30)
        answer.raise_for_status()
        return answer.json()["data"]

    def wait_until_compacted(self, path: str) -> None:
        """Until the log at this path can be downloaded."""

        def is_compacted() -> bool:
            try:
                self.plane.call("GET", f"{path}/download?stream=stdout&redirect=false")
            except requests.HTTPError:  # 409 until then
                return False
            return True

        self.plane.wait_until(is_compacted, 300, "compaction")

    def save(self, source: str) -> str:
        """A task; answers its id."""
        task_id: str = self.plane.call("POST", "/tasks", {"definition": source})["task"]["id"]
        return task_id

    def trigger(self, task_id: str) -> str:
        """A run; answers its id."""
        run_id: str = self._call("POST", f"/tasks/{task_id}/execute")["id"]
        return run_id

    def warm_up(self, *agents: AgentProcess) -> None:
        """Runs short jobs on the agents for a minute."""
        step = f'[[step]]\nServerID = {json.dumps([each.id for each in agents])}\nCMD = "true"\n'
        task = self.save('Name = "warm-up"\n' + step * WARM_UP_STEPS)
        until = time.monotonic() + WARM_UP_SECONDS
        while time.monotonic() < until:
            run_id = self.trigger(task)
            while (run := self.run(run_id))["ended_at"] is None:
                time.sleep(0.1)
            assert run["state"] == "succeeded", run

    def wait(self, run_id: str, seconds: float) -> Any:
        """The run's only job, once it has ended."""

        def has_ended() -> bool:
            return self.plane.call("GET", f"/runs/{run_id}")["run"]["ended_at"] is not None

        self.plane.wait_until(has_ended, seconds, f"the end of {run_id}")
        return self.plane.call("GET", f"/runs/{run_id}")["steps"][0]["jobs"][0]


@contextmanager
def stack(**settings: str) -> Iterator[Stack]:
    """`settings` are the product's variables without `PLUMBER_`, in lower case."""
    with tempfile.TemporaryDirectory(prefix="plumber-bench-") as directory:
        place = Path(directory)
        processes = Processes(place / "logs", base(os.environ))
        try:
            chosen = {f"PLUMBER_{key.upper()}": text for key, text in settings.items()}
            plane = LiveControlPlane(processes, {**durable(processes, place), **chosen})
            plane.start()
            yield Stack(processes, plane, place)
        finally:
            processes.stop()
