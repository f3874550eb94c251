"""The real app in this process, and callers of its two doors."""

import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from chalice.test import Client, HTTPResponse

from chalicelib import clock
from chalicelib.access.by import By, Kind
from chalicelib.access.principal import Role
from chalicelib.access.scope import EVERYTHING, Scope
from chalicelib.api import cursors
from chalicelib.dynamo import steps
from chalicelib.operations import overview
from chalicelib.operations.access import authentication
from chalicelib.operations.access.tokens import create_token
from infra.local.connections import Callers
from infra.local.gateway import AsOnAws
from tests.stack.policy import within_the_policy

__all__ = ["within_the_policy"]


class People:
    """A caller of the REST API with a token of some role."""

    def __init__(self, client: Client, token: str | None) -> None:
        self._client = client
        self.token = token

    def send(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """HTTP status and envelope. `body` is sent as JSON, or as it is when it is bytes."""
        response = self.answer(method, path, body, headers)
        return response.status_code, json.loads(response.body)

    def answer(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> HTTPResponse:
        """Whatever comes back."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        response: HTTPResponse = self._client.http.request(
            method, f"/api/v1{path}", headers=sent, body=raw
        )
        return response

    def data(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The data of a call that succeeds."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        status, envelope = self.send(method, path, body, named)
        assert (status // 100, envelope["code"]) == (2, 0), envelope
        return envelope["data"]

    def refused(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
        """Code and message of a call that does not."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        status, envelope = self.send(method, path, body, named)
        assert status >= 400, envelope
        return envelope["code"], envelope["message"]


class RpcAgent:
    """An agent as the wire sees it."""

    def __init__(self, client: Client, agent_id: str, token: str) -> None:
        self.id = agent_id
        self.token = token
        self.seq = self.seat = 0
        self._client = client

    def call(self, method: str, **params: Any) -> Any:
        """The whole answer."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return rpc(self._client, body, self.token)[1]

    def result(self, method: str, **params: Any) -> Any:
        answer = self.call(method, **params)
        assert "result" in answer, answer
        self.seat = answer["result"].get("seat", self.seat)
        return answer["result"]

    def error(self, method: str, **params: Any) -> int:
        answer = self.call(method, **params)
        assert "error" in answer, answer
        code: int = answer["error"]["code"]
        return code

    def poll(self, *leases: str) -> Any:
        self.seq += 1
        return self.result(
            "agent.poll",
            seq=self.seq,
            seat=self.seat,
            capacity=10,
            leases=list(leases),
            protocol=1,
            idle_ms=0,
        )

    def finish(self, job: Mapping[str, Any], exit_code: int = 0, **more: Any) -> Any:
        return self.result("job.finish", **named(job), **ended(exit_code), **more)


def named(job: Mapping[str, Any]) -> dict[str, Any]:
    return {key: job[key] for key in ("run_id", "job_id", "lease")}


def ended(exit_code: int = 0) -> dict[str, Any]:
    return {"outcome": "exited", "exit_code": exit_code, "duration_ms": 5}


def cursor_of(path: str, place: str, filters: Mapping[str, str] | None = None, **of: str) -> str:
    """As a list answers it without a scope: `path` is the route's, `of` the parts that it names."""
    kind = cursors.narrowed(cursors.kind(path, of, filters or {}), EVERYTHING)
    return cursors.sealed(cursors.installation_key(), kind, place)


def log_cursor(run_id: str, job_id: str, place: str) -> str:
    """Of a page of a job's log: the chunk and the record in it."""
    return cursor_of("/runs/{run_id}/jobs/{job_id}/log", place, run_id=run_id, job_id=job_id)


def rpc(client: Client, body: Any, token: str | None = None) -> tuple[int, Any]:
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = client.http.post("/rpc", headers=headers, body=raw)
    return response.status_code, json.loads(response.body) if response.body else None


class Clock:
    """The control plane's clock, which only the test moves."""

    def __init__(self) -> None:
        self.now = clock.read()

    def after(self, seconds: float) -> datetime:
        """Moves on, and answers the new instant."""
        self.now += timedelta(seconds=seconds)
        return self.now


@pytest.fixture
def travel(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moving = Clock()
    monkeypatch.setattr(clock, "read", lambda: moving.now)
    return moving


@pytest.fixture
def client(store: None, travel: Clock) -> Any:
    from app import app

    authentication.forget_everybody()
    overview.forget()
    with Client(app) as opened:
        opened.http._local_gateway = AsOnAws(app, opened.http._config, Callers())
        yield opened


@pytest.fixture
def people(client: Client) -> Any:
    """A factory: `people("viewer")`, narrowed to a scope or not; `people(None)` has no token."""

    def make(role: str | None, scope: Scope = EVERYTHING) -> People:
        if role is None:
            return People(client, None)
        _, text = create_token(
            role,
            Role(role),
            token_id=secrets.token_hex(8),
            secret=secrets.token_hex(32),
            created_by=By(Kind.SYSTEM, "test", "test"),
            expires_in_seconds=None,
            now=clock.read(),
            scope=scope,
        )
        return People(client, text)

    return make


@pytest.fixture
def admin(people: Any) -> People:
    made: People = people("admin")
    return made


@pytest.fixture
def agent(client: Client, admin: People) -> Any:
    """A factory of enrolled agents: `agent(1)` has the id ...0001."""

    def make(number: int = 1) -> RpcAgent:
        join_token = admin.data("POST", "/enrollments", {})["join_token"]
        params = enroll_params(join_token, number)
        _, answer = rpc(
            client, {"jsonrpc": "2.0", "id": 1, "method": "agent.enroll", "params": params}
        )
        return RpcAgent(client, params["agent_id"], answer["result"]["token"])

    return make


def agent_id(number: int) -> str:
    return f"6f0c0000-0000-4000-8000-{number:012d}"


def enroll_params(join_token: str, number: int = 1) -> dict[str, Any]:
    return {
        "join_token": join_token,
        "agent_id": agent_id(number),
        "secret": f"{number:064x}",
        "name": f"machine-{number}",
        "facts": {"hostname": f"host-{number}", "address": "10.0.0.1", "gpu": "ignored"},
    }


def definition(*agents: str, name: str = "deploy") -> str:
    steps = "".join(
        f'[[step]]\nServerID = "{each}"\nPath = "/tmp"\nCMD = "true"\n' for each in agents
    )
    return f'Name = "{name}"\n{steps}'


# --- fleets

Fleet = Callable[[int], list[RpcAgent]]


@pytest.fixture
def fleet(agent: Any, admin: People) -> Fleet:
    def make(size: int) -> list[RpcAgent]:
        made = [agent(number) for number in range(1, size + 1)]
        for number, each in enumerate(made, 1):
            labels = {"role": "web", "n": str(number)}
            admin.data("PATCH", f"/agents/{each.id}", {"labels": labels, "group": "prod"})
        return made

    return make


@pytest.fixture(params=["few", "many"])
def wherever_agents_stand(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few agents stand in their step's item; many, here from two on, in items of their own."""
    if request.param == "many":
        monkeypatch.setattr(steps, "FEW", 1)
