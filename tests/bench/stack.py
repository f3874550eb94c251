"""Stacks of their own for benchmarks, on free ports, in a directory that goes with them.

`both` starts the default and the durable one side by side. They are measured in turns, now one
first and now the other (`in_turn`), while the other one idles: what disturbs the machine, and how
its speed drifts, is the same for both.
"""

import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import requests

from infra.local.backends import BACKENDS
from infra.local.backends import DEFAULT as DEFAULT_BACKEND
from infra.local.control_plane import API, TICK_SECONDS
from infra.local.environment import base
from infra.local.processes import Processes
from tests.bench.processes import Processor, agents_cgroup, move
from tests.bench.rows import DEFAULT, DURABLE
from tests.bench.traced_api import FILE, VARIABLE
from tests.stack.live import AgentProcess, LiveControlPlane

COLUMNS = {DEFAULT: DEFAULT_BACKEND, DURABLE: "durable"}
WARM_UP_SECONDS = 45.0  # then the JVM of DynamoDB Local has compiled what it uses most
WARM_UP_STEPS = 5

Thing = TypeVar("Thing")
Found = TypeVar("Found")


class Stack:
    """A running control plane, and agents where they are asked for."""

    def __init__(
        self, processes: Processes, plane: LiveControlPlane, place: Path, cgroup: Path | None
    ) -> None:
        self.processes = processes
        self.plane = plane
        self.place = place
        self.agents: list[AgentProcess] = []
        self._cgroup = cgroup
        self._sessions = threading.local()

    def agent(self, name: str) -> AgentProcess:
        """A real agent, online when this returns."""
        made = AgentProcess(self.processes, self.plane, self.place / name)
        made.start()
        assert made.child is not None
        if self._cgroup is not None:
            move(made.child, self._cgroup)
        self.agents.append(made)
        return made

    def processor(self) -> Processor:
        """Counts from now on."""
        return Processor(self.processes.children, self._cgroup)

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

    def save_fan_out(self, name: str, steps: int) -> str:
        """A task of short jobs: each step is one on each of the agents. Answers its id."""
        ids = json.dumps([each.id for each in self.agents])
        step = f'[[step]]\nServerID = {ids}\nCMD = "true"\n'
        return self.save(f'Name = "{name}"\n' + step * steps)

    def trigger(self, task_id: str) -> str:
        """A run; answers its id."""
        run_id: str = self._call("POST", f"/tasks/{task_id}/execute")["id"]
        return run_id

    def finished(self, run_id: str, look_seconds: float) -> Any:
        """The run, when it has succeeded."""
        while (run := self.run(run_id))["ended_at"] is None:
            time.sleep(look_seconds)
        assert run["state"] == "succeeded", run
        return run

    def warm_up(self, seconds: float = WARM_UP_SECONDS) -> None:
        """Runs short jobs on the agents."""
        task = self.save_fan_out("warm-up", WARM_UP_STEPS)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.finished(self.trigger(task), 0.1)

    def wait(self, run_id: str, seconds: float) -> Any:
        """The run's only job, once it has ended."""

        def has_ended() -> bool:
            return self.plane.call("GET", f"/runs/{run_id}")["run"]["ended_at"] is not None

        self.plane.wait_until(has_ended, seconds, f"the end of {run_id}")
        return self.plane.call("GET", f"/runs/{run_id}")["steps"][0]["jobs"][0]


@contextmanager
def stack(
    column: str = DEFAULT, agents: int = 0, api: str = API, **settings: str
) -> Iterator[Stack]:
    """`api` is the module that serves it; `settings` are the product's variables in lower case,
    without `PLUMBER_`."""
    with (
        agents_cgroup() as cgroup,
        tempfile.TemporaryDirectory(prefix="plumber-bench-") as directory,
    ):
        place = Path(directory)
        processes = Processes(place / "logs", base(os.environ))
        try:
            chosen = {f"PLUMBER_{key.upper()}": text for key, text in settings.items()}
            endpoints = BACKENDS[COLUMNS[column]](processes, place)
            plane = LiveControlPlane(processes, {**endpoints, **chosen}, TICK_SECONDS, api)
            plane.start(**{VARIABLE: str(place / FILE)})
            made = Stack(processes, plane, place, cgroup)
            for number in range(agents):
                made.agent(f"agent-{number + 1}")
            yield made
        finally:
            processes.stop()


@contextmanager
def both(
    agents: int,
    warm_up_seconds: float = WARM_UP_SECONDS,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Mapping[str, Stack]]:
    """Both stacks by column, warm: each ran short jobs for so long, the other one too."""
    with ExitStack() as opened:
        stacks = {c: opened.enter_context(stack(c, agents, **settings)) for c in COLUMNS}
        with ThreadPoolExecutor(len(stacks)) as warming:
            list(warming.map(lambda each: each.warm_up(warm_up_seconds), stacks.values()))
        yield stacks


def in_turn(
    measured: Mapping[str, Thing], turns: int, work: Callable[[Thing], Found]
) -> dict[str, list[Found]]:
    """What `work` found in each turn, by column, with what is measured there."""
    found: dict[str, list[Found]] = {column: [] for column in measured}
    for turn in range(turns):
        order = list(measured.items())
        for column, each in order if turn % 2 == 0 else reversed(order):
            found[column].append(work(each))
    return found
