"""What people's calls take beside a fleet of a thousand agents."""

import json
import secrets
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import requests

from tests.bench.rows import Figure, Row, Scaling, at_most, percentile
from tests.bench.stack import Stack, both, in_turn

AGENTS, BEATS, CALLERS = 1_000, 8, 2
BEAT_SECONDS = 30.0
TURNS, SECONDS = 2, 22.5  # of each stack
WARM_UP_SECONDS = 7.5  # of each turn
STACKS_WARM_UP_SECONDS = 20.0  # enrolling a thousand agents warms them up too
GOAL_MS = 100


def measure() -> list[Row]:
    """Each simulated agent sends what a real one sends: a heartbeat and a poll in one request."""
    with both(1, STACKS_WARM_UP_SECONDS) as stacks:
        found = {column: _Load(each) for column, each in stacks.items()}
        in_turn(found, TURNS, _Load.run)
    what = f"API calls of people and programs beside {AGENTS:,} agents"
    figures = {column: each.calls() for column, each in found.items()}
    errors = {column: Figure("{:.0f}", (each.errors,)) for column, each in found.items()}
    beats = {c: Figure("{:.0f} /s", (each.beats / SECONDS / TURNS,)) for c, each in found.items()}
    return [
        Row(what, figures, at_most(GOAL_MS)),
        Row("errors, agents' included", errors, at_most(0)),
        Row("heartbeats with polls meanwhile", beats),
    ]


def _enroll(running: Stack) -> Iterator[tuple[str, str]]:
    """Ids and tokens of agents that exist only here."""
    session = requests.Session()
    joining = running.plane.call("POST", "/enrollments", {"max_uses": AGENTS})
    for number in range(AGENTS):
        agent_id, secret = str(uuid.uuid4()), secrets.token_hex(32)  # noqa: TID251
        params = {
            "join_token": joining["join_token"], "agent_id": agent_id, "secret": secret,
            "name": f"simulated-{number}", "facts": {},
        }  # fmt: skip
        call = {"jsonrpc": "2.0", "id": 1, "method": "agent.enroll", "params": params}
        answer = session.post(f"{running.plane.url}/rpc", json=call, timeout=30).json()
        yield agent_id, answer["result"]["token"]


class _Load:
    """Agents that beat, each in its turn, and callers who look around and trigger."""

    def __init__(self, running: Stack) -> None:
        self._plane = running.plane
        self._tokens = list(_enroll(running))
        self._task = running.save_fan_out("load", 1)
        self._began = 0.0
        self._lock = threading.Lock()
        self.took: list[float] = []
        self.beats = 0
        self.errors = 0

    def calls(self) -> Figure:
        """How long people's and programs' took."""
        p50, p95, p99 = (percentile(self.took, each) * 1e3 for each in (50, 95, 99))
        note = f" (p50 {p50:.0f}, p99 {p99:.0f}; {len(self.took)} calls)"
        return Figure("p95 {:.0f} ms", (p95,), note, Scaling.TIME)

    def run(self) -> None:
        """One turn."""
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
        poll = {"seq": turn + 1, "capacity": 10, "leases": [], "protocol": 1}
        poll["doorbell"] = "listening"
        beat = {"leases": [], "metrics": {"cpu_percent": 1.0}, "doorbell": "listening"}
        calls = [
            {"jsonrpc": "2.0", "id": 0, "method": "agent.heartbeat", "params": beat},
            {"jsonrpc": "2.0", "id": 1, "method": "agent.poll", "params": poll},
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
