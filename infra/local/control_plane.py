"""The control plane as local processes: bootstrap, API and ticker on given endpoints."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

from infra.local.addresses import HOST, answers
from infra.local.backends import Endpoints
from infra.local.processes import Child, Processes

START_SECONDS = 60.0
KNOWN_TOKEN = "PLUMBER_KNOWN_TOKEN"  # the variable in which `bootstrap` gets it
CALL_SECONDS = 30.0
TICK_SECONDS = 2.0
API = "infra.local.api_server"


@dataclass(frozen=True)
class ControlPlane:
    """A running control plane and the way in: its address and an admin token."""

    url: str
    token: str

    @property
    def sign_in_link(self) -> str:
        """The panel's address with the token in its fragment, which browsers send to no server; the
        panel takes it from there and removes it."""
        return f"{self.url}/#token={self.token}"

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The `data` of an answer of `/api/v1<path>`; raises requests' errors."""
        headers = {"Authorization": f"Bearer {self.token}"}
        with requests.Session() as session:
            session.trust_env = False  # no proxy of the environment between two local programs
            answer = session.request(
                method,
                f"{self.url}/api/v1{path}",
                json=body,
                headers=headers,
                timeout=CALL_SECONDS,
            )
        answer.raise_for_status()
        return answer.json()["data"]


def bootstrap(processes: Processes, endpoints: Endpoints, known_token: str | None = None) -> str:
    """Makes what is missing of tables, bucket and queues; answers an admin token, the known one if
    it is still one."""
    module = [sys.executable, "-m", "infra.local.bootstrap"]
    environment = {**endpoints, **({KNOWN_TOKEN: known_token} if known_token else {})}
    return processes.run("bootstrap", module, environment, START_SECONDS).strip()


def start_api(
    processes: Processes, port: int, endpoints: Endpoints, program: str = API
) -> tuple[Child, str]:
    """Starts API and panel on the port; answers the child, and its URL when it is healthy. The
    program is a module: the API itself, or one that watches it."""
    url = f"http://{HOST}:{port}"
    module = [sys.executable, "-m", program, "--port", str(port)]
    child = processes.start("api", module, endpoints)
    health = f"{url}/api/v1/health"
    processes.wait_until(
        lambda: answers(health, only_well=True), START_SECONDS, f"A good answer of {health}"
    )
    return child, url


def start_ticker(
    processes: Processes,
    endpoints: Endpoints,
    every_seconds: float = TICK_SECONDS,
    *more: str,
) -> Child:
    """Starts the schedules, with more options of the ticker's."""
    module = [sys.executable, "-m", "infra.local.ticker", "--every", str(every_seconds), *more]
    return processes.start("ticker", module, endpoints)
