"""The product as real processes, for tests over HTTP.

| fixture | gives |
| --- | --- |
| `live_api` | a running control plane, shared by the tests of a module |
| `control_plane` | a factory: `control_plane(backend="local", **settings)`; tables of its own |
| `agent_process` | a factory: `agent_process(live_api)`, a real agent, online when it returns |
"""

import os
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from infra.local import agents
from infra.local.addresses import free_port
from infra.local.control_plane import API, ControlPlane, bootstrap, start_api, start_ticker
from infra.local.environment import base
from infra.local.processes import Child, Processes
from tests.stack.backends import endpoints_of

PROGRAMS = Path(sys.executable).parent  # where the product's own programs are installed


class LiveControlPlane:
    """API and ticker as processes. The address stays the same over kill and start."""

    def __init__(
        self,
        processes: Processes,
        environment: Mapping[str, str],
        tick_seconds: float = 0.5,
        api: str = API,
    ) -> None:
        self._processes = processes
        self._tick_seconds = tick_seconds
        self._api = api
        self.ticker_options: Sequence[str] = ()
        self.environment = dict(environment)
        self._port = free_port()
        self._children: list[Child] = []
        token = bootstrap(processes, self.environment)
        self.way_in = ControlPlane(f"http://127.0.0.1:{self._port}", token)

    @property
    def url(self) -> str:
        return self.way_in.url

    @property
    def token(self) -> str:
        """An admin token."""
        return self.way_in.token

    @property
    def children(self) -> Sequence[Child]:
        """The API and the ticker, while they run."""
        return tuple(self._children)

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The `data` of an answer of `/api/v1<path>`."""
        return self.way_in.call(method, path, body)

    def start(self, **of_api: str) -> None:
        """Returns when the API is healthy. `of_api` are variables that only it gets."""
        environment = {**self.environment, **of_api}
        api, _ = start_api(self._processes, self._port, environment, self._api)
        seconds = self._tick_seconds
        ticker = start_ticker(self._processes, self.environment, seconds, *self.ticker_options)
        self._children = [api, ticker]

    def kill(self) -> None:
        """SIGKILL to all of it, in the middle of whatever it does."""
        while self._children:
            self._processes.kill(self._children.pop())

    def wait_until(self, ready: Callable[[], bool], seconds: float, what: str) -> None:
        """Raises when it does not become so in time, or when a process dies meanwhile."""
        self._processes.wait_until(ready, seconds, what)


class AgentProcess:
    """A real agent with a working directory of its own."""

    def __init__(self, processes: Processes, plane: LiveControlPlane, workdir: Path) -> None:
        self._processes = processes
        self._plane = plane
        self.workdir = workdir
        self.child: Child | None = None
        agents.enroll(plane.way_in, workdir)

    @property
    def id(self) -> str:
        agent_id = agents.identity(self.workdir)
        assert agent_id is not None, "the agent has not enrolled"
        return agent_id

    def start(self) -> None:
        """Returns when the control plane counts it as online."""
        self.child = agents.start(self._processes, self.workdir)
        agents.wait_until_online(self._processes, self._plane.way_in, self.workdir)

    def kill(self) -> None:
        """SIGKILL to the agent alone, as the kernel's out-of-memory killer would."""
        assert self.child is not None
        self._processes.kill(self.child)

    def stop(self) -> None:
        """SIGTERM, and what it leaves behind after the grace is killed."""
        assert self.child is not None
        self._processes.stop([self.child])


@pytest.fixture(scope="module")
def _module_processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    processes = Processes(tmp_path_factory.mktemp("logs"), base(os.environ))
    yield processes
    processes.stop()


@pytest.fixture
def live_processes(tmp_path: Path) -> Iterator[Processes]:
    """Processes that end with the test."""
    processes = Processes(tmp_path / "logs", base(os.environ))
    yield processes
    processes.stop()


@pytest.fixture(scope="module")
def live_api(_module_processes: Processes, request: pytest.FixtureRequest) -> LiveControlPlane:
    return _start(_module_processes, "local", {}, request)


@pytest.fixture
def control_plane(
    live_processes: Processes, request: pytest.FixtureRequest
) -> Callable[..., LiveControlPlane]:
    def start(backend: str = "local", **settings: str) -> LiveControlPlane:
        return _start(live_processes, backend, settings, request)

    return start


@pytest.fixture
def agent_process(live_processes: Processes, tmp_path: Path) -> Callable[..., AgentProcess]:
    def start(plane: LiveControlPlane, name: str = "agent-1") -> AgentProcess:
        agent = AgentProcess(live_processes, plane, tmp_path / name)
        agent.start()
        return agent

    return start


def _start(
    processes: Processes, backend: str, settings: Mapping[str, str], request: pytest.FixtureRequest
) -> LiveControlPlane:
    """`settings` are the product's variables without `PLUMBER_`, in lower case."""
    unique = uuid.uuid4().hex[:12]  # noqa: TID251  a fixture is an entry point
    own = {
        "PLUMBER_TABLE_PREFIX": f"live-{unique}-",
        "PLUMBER_BUCKET": f"live-{unique}",
        "PLUMBER_KEY_FILE": os.environ["PLUMBER_KEY_FILE"],
    }
    chosen = {f"PLUMBER_{key.upper()}": text for key, text in settings.items()}
    plane = LiveControlPlane(processes, {**endpoints_of(backend, request), **own, **chosen})
    plane.start()
    return plane
