"""What people's calls take beside a fleet of a thousand agents. On the durable stack."""

import json
import secrets
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import requests

from tests.bench.rows import Row, percentile
from tests.bench.stack import Stack, stack

AGENTS, BEATS, CALLERS = 1_000, 8, 2
BEAT_SECONDS = 30.0
SECONDS = 45.0
WARM_UP_SECONDS = 10.0
GOAL_SECONDS = 0.200


def measure() -> list[Row]:
    """Each simulated agent sends what a real one sends: a heartbeat and a poll in one request."""
    with stack() as running:
        agent = running.agent("agent-1")
        tokens = list(_enroll(running))
        task = running.save(f'Name = "load"\n[[step]]\nServerID = "{agent.id}"\nCMD = "true"\n')
        load = _Load(running, tokens, task)
        load.run()
    took = sorted(load.took)
    p50, p95, p99 = (percentile(took, each) for each in (50, 95, 99))
    figures = f"p50 {p50 * 1e3:.0f}, p95 {p95 * 1e3:.0f}, p99 {p99 * 1e3:.0f} ms"
    beats = f"{load.beats / SECONDS:.0f} heartbeats with polls a second"
    is_met = p95 <= GOAL_SECONDS and load.errors == 0
    return [
        Row(
            f"API calls of people and programs beside {AGENTS:,} agents ({beats})",
            f"{figures} ({len(took)} calls, {load.errors} errors)",
            "p95 ≤ 200 ms, no error",
            is_met,
        )
    ]


def _enroll(running: Stack) -> Iterator[tuple[str, str]]:
    """Ids and tokens of agents that exist only here."""
    joining = running.plane.call("POST", "/enrollments", {"max_uses": AGENTS})
    for number in range(AGENTS):
        agent_id, secret = str(uuid.uuid4()), secrets.token_hex(32)  # noqa: TID251
        params = {
            "join_token": joining["join_token"], "agent_id": agent_id, "secret": secret,
            "name": f"simulated-{number}", "facts": {},
        }  # fmt: skip
        call = {"jsonrpc": "2.0", "id": 1, "method": "agent.enroll", "params": params}
        answer = requests.post(f"{running.plane.url}/rpc", json=call, timeout=30).json()
        yield agent_id, answer["result"]["token"]


class _Load:
    """Agents that beat, each in its turn, and callers who look around and trigger."""

    def __init__(self, running: Stack, tokens: list[tuple[str, str]], task: str) -> None:
        self._plane = running.plane
        self._tokens = tokens
        self._task = task
        self._began = 0.0
        self._lock = threading.Lock()
        self.took: list[float] = []
        self.beats = 0
        self.errors = 0

    def run(self) -> None:
        self._began = time.monotonic()
        workers = [threading.Thread(target=self._beat, args=(n,)) for n in range(BEATS)]
        workers += [threading.Thread(target=self._look_around) for _ in range(CALLERS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    @property
    def _age(self) -> float:
        return time.monotonic() - self._began - WARM_UP_SECONDS

    def _beat(self, share: int) -> None:
        """Its share of the agents, evenly over thirty seconds, round and round."""
        session = requests.Session()
        mine = self._tokens[share::BEATS]
        for turn in range(1_000_000):
            due = self._began + turn * BEAT_SECONDS / len(mine)
            time.sleep(max(0.0, due - time.monotonic()))
            if self._age > SECONDS:
                return
            _, token = mine[turn % len(mine)]
            self._count(self._send(session, token, turn))

    def _send(self, session: requests.Session, token: str, turn: int) -> bool:
        poll = {"seq": turn + 1, "capacity": 10, "leases": [], "doorbell": "listening"}
        beat = {"leases": [], "metrics": {"cpu_percent": 1.0}, "doorbell": "listening"}
        calls = [
            {"jsonrpc": "2.0", "id": 0, "method": "agent.poll", "params": poll},
            {"jsonrpc": "2.0", "id": 1, "method": "agent.heartbeat", "params": beat},
        ]
        headers = {"Authorization": f"Bearer {token}"}
        answer = session.post(f"{self._plane.url}/rpc", json=calls, headers=headers, timeout=30)
        return answer.ok and all("result" in each for each in json.loads(answer.content))

    def _count(self, is_well: bool) -> None:
        if self._age < 0:
            return
        with self._lock:
            self.beats += 1
            self.errors += not is_well

    def _look_around(self) -> None:
        """What a panel and a pipeline ask for, in turn."""
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {self._plane.token}"
        run_id = self._call(session, "POST", f"/tasks/{self._task}/execute")["id"]
        while self._age <= SECONDS:
            for method, path in (
                ("GET", "/agents?limit=50"),
                ("GET", "/runs?limit=20"),
                ("GET", f"/runs/{run_id}"),
                ("GET", "/tasks"),
                ("POST", f"/tasks/{self._task}/execute"),
            ):
                found = self._call(session, method, path)
                if method == "POST":
                    run_id = found["id"]
                time.sleep(0.1)

    def _call(self, session: requests.Session, method: str, path: str) -> Any:
        began = time.monotonic()
        answer = session.request(method, f"{self._plane.url}/api/v1{path}", timeout=30)
        took = time.monotonic() - began
        if self._age >= 0:
            with self._lock:
                self.took.append(took)
                self.errors += not answer.ok
        return answer.json()["data"]
