"""Twenty people and programs at once, who list, look and trigger as fast as they are answered,
beside the agent that runs what they trigger."""

import os
import threading
import time

import requests

from tests.bench.processes import family, pss_by_part
from tests.bench.rows import Figure, Goal, Row, Scaling, at_most, percentile, row
from tests.bench.stack import Stack, stack

CLIENTS, SECONDS, WARM_UP_SECONDS = 20, 60.0, 20.0
PARTS = ("API", "schedules", "store", "SQS", "S3")
KINDS = ("list", "get", "trigger")
MEGABYTE = 1 << 20
GOAL_MS, GROWTH_MB = 500, 50
SHORTER = "PLUMBER_BENCH_SECONDS"  # for who works on it


def measure() -> list[Row]:
    """On the default stack with one agent, which is what `make up` starts."""
    seconds = float(os.environ.get(SHORTER, SECONDS))
    with stack(agents=1) as running:
        load = _Load(running)
        load.run(min(seconds, WARM_UP_SECONDS))
        before = _memory(running)
        load.run(seconds)
        after = _memory(running)
    everything = [each for kind in KINDS for each in load.took[kind]]
    rows = [_row(f"{CLIENTS} clients: {kind}", load.took[kind]) for kind in KINDS]
    rate = Figure("{:.0f} /s", (len(everything) / seconds,), "", Scaling.RATE)
    return [
        _row(f"{CLIENTS} clients: all their calls", everything, at_most(GOAL_MS)),
        *rows,
        row("errors", Figure("{:.0f}", (load.errors,)), at_most(0)),
        row("calls", rate),
        *(_grown(part, before.get(part, 0), after.get(part, 0)) for part in PARTS),
    ]


def _row(what: str, took: list[float], goal: Goal | None = None) -> Row:
    p50, p95, p99 = (percentile(took, each) * 1e3 for each in (50, 95, 99))
    note = f" (p50 {p50:.0f}, p99 {p99:.0f}; {len(took)} calls)"
    return row(what, Figure("p95 {:.0f} ms", (p95,), note, Scaling.TIME), goal)


def _grown(part: str, before: int, after: int) -> Row:
    note = f" ({before / MEGABYTE:.0f} before, {after / MEGABYTE:.0f} after)"
    figure = Figure("{:.0f} MB", ((after - before) / MEGABYTE,), note)
    return row(f"memory that {part} took more of", figure, at_most(GROWTH_MB))


def _memory(running: Stack) -> dict[str, int]:
    return dict(pss_by_part(family(each.process.pid for each in running.processes.children)))


class _Load:
    """Clients, each with a connection of its own, over and over until their time is over."""

    def __init__(self, running: Stack) -> None:
        self._url = f"{running.plane.url}/api/v1"
        self._token = running.plane.token
        self._task = running.save_fan_out("clients", 1)
        self._lock = threading.Lock()
        self._until = 0.0
        self._run = running.trigger(self._task)
        self.took: dict[str, list[float]] = {}
        self.errors = 0

    def run(self, seconds: float) -> None:
        """Measures anew."""
        self.took, self.errors = {kind: [] for kind in KINDS}, 0
        self._until = time.monotonic() + seconds
        clients = [threading.Thread(target=self._work, args=(n,)) for n in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()

    def _work(self, number: int) -> None:
        """Begins somewhere else than its neighbours."""
        with requests.Session() as session:
            session.trust_env = False
            session.headers["Authorization"] = f"Bearer {self._token}"
            turn = number
            while time.monotonic() < self._until:
                turn += 1
                kind = KINDS[turn % len(KINDS)]
                self._call(session, kind, turn)

    def _call(self, session: requests.Session, kind: str, turn: int) -> None:
        lists = ("/runs?limit=20", "/agents?limit=20", "/tasks?limit=20", "/runs?state=running")
        method, path = {
            "list": ("GET", lists[turn // len(KINDS) % len(lists)]),
            "get": ("GET", f"/runs/{self._run}"),
            "trigger": ("POST", f"/tasks/{self._task}/execute"),
        }[kind]
        began = time.monotonic()
        try:
            answer = session.request(method, self._url + path, timeout=60)
            is_well = answer.ok
        except requests.RequestException:
            is_well = False
        took = time.monotonic() - began
        with self._lock:
            self.took[kind].append(took)
            self.errors += not is_well
            if kind == "trigger" and is_well:
                self._run = answer.json()["data"]["id"]
