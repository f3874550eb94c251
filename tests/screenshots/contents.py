"""What the pictures show: a small installation with real agents, and a large one whose agents are
only on the wire. An empty one is what a stack is when it begins."""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import requests

from tests.bench.stack import Stack
from tests.stack.live import LiveControlPlane

SECONDS = 60.0
POLL_SECONDS = 0.5
CLIENTS = 4
MACHINES = 1_000  # of the large one, which is as many as one join token lets in
SAID = (
    b"unit=web\nStopping the old release\ncp: cannot create '/srv/web': No space left on device\n"
)

DEPLOY = """\
# What a release does, machine by machine.
Name = "deploy web"
Description = "Puts a release on all web servers, one by one"

[Params.version]
Description = "What to deploy"
Pattern = "[a-z0-9.]+"
Default = "4.2.1"

[[step]]
Name = "Download"
Targets = { Labels = { role = "web" } }
CMD = 'echo "Fetching release $version"; echo "4.1 MB, checksum fits"'

[[step]]
Name = "Switch"
Targets = { Labels = { role = "web" } }
MaxParallel = 1
CMD = '''
echo "Stopping the old release"
if [ "$version" = 4.3.0 ]; then echo "port 8080 is in use by process 731" >&2; exit 3; fi
echo "Release $version answers on port 8080"
'''

[[step]]
Name = "Tell the others"
Targets = { Labels = { role = "db" } }
When = "always"
CMD = 'echo "web is at $version"'
"""
BACKUP = """\
Name = "nightly backup"
[[step]]
Name = "Dump"
Targets = { Labels = { role = "db" } }
CMD = 'for t in orders customers invoices; do echo "$t: dumped"; done'
"""
CHECK = """\
Name = "check disks"
[[step]]
Targets = { All = true }
CMD = 'df -h / | tail -n 1'
"""
WIDE = """\
Name = "patch everything"
[[step]]
Name = "Patch"
Targets = { Labels = { role = "web" } }
MaxFailures = "90%"
CMD = "apt-get -y upgrade"
"""
STRANGE = (
    "كتلة-الخادم-الرئيسي-في-مركز-البيانات",
    "a-name-that-somebody-has-made-as-long-as-names-may-be-" + "x" * 70,
    "生产环境数据库主节点",
)


@dataclass(frozen=True)
class Addresses:
    """Of the things that have a page of their own."""

    task: str
    run: str
    schedule: str
    agent: str

    def of(self, page: str) -> str:
        """The page with its `{…}` filled in."""
        return page.format(**vars(self))


def small(stack: Stack) -> Addresses:
    """Three agents, three tasks, a schedule, a week's worth of runs; the last release failed."""
    for name, role in (("web-1", "web"), ("web-2", "web"), ("db-1", "db")):
        agent = stack.agent(name)
        labels = {"labels": {"role": role, "env": "prod"}, "group": "berlin"}
        stack.plane.call("PATCH", f"/agents/{agent.id}", labels)
    deploy, backup, check = (stack.save(each) for each in (DEPLOY, BACKUP, CHECK))
    schedule = stack.plane.call(
        "POST",
        "/schedules",
        {"task_id": backup, "cron": "30 2 * * *", "time_zone": "Europe/Berlin"},
    )
    for task in (backup, check, deploy, backup, deploy, check, backup):
        _run(stack, task)
    failed = _run(stack, deploy, {"version": "4.3.0"})
    return Addresses(deploy, failed, schedule["id"], stack.agents[0].id)


def large(plane: LiveControlPlane) -> Addresses:
    """As many agents as there are in a hall, and a run on all of them that is under way: of ten
    jobs six ended well, one badly, one is running and two wait."""
    machines = _enrolled(plane)
    for number, name in enumerate(STRANGE):
        change = {"name": name, "labels": {"role": "web", "whose": name[:40]}}
        plane.call("PATCH", f"/agents/{_agent_id(number)}", change)
    tasks = [plane.call("POST", "/tasks", {"definition": WIDE})["task"]["id"]]
    for number, name in enumerate((*STRANGE, *(f"task {n:03}" for n in range(120)))):
        source = f'Name = {json.dumps(name[:64])}\n[[step]]\nServerID = "{_agent_id(number)}"\n'
        tasks.append(
            plane.call("POST", "/tasks", {"definition": f'{source}CMD = "true"\n'})["task"]["id"]
        )
    for task in tasks[1:31]:
        plane.call("POST", f"/tasks/{task}/execute")
    schedules = [
        plane.call("POST", "/schedules", {"task_id": task, "cron": f"{n} 3 * * *"})["id"]
        for n, task in enumerate(tasks[1:31])
    ]
    run_id = plane.call("POST", f"/tasks/{tasks[0]}/execute")["id"]
    with ThreadPoolExecutor(CLIENTS) as workers:
        list(workers.map(lambda machine: machine.work(run_id), machines))
    return Addresses(tasks[1], run_id, schedules[1], _agent_id(1))


def _run(stack: Stack, task: str, parameters: Mapping[str, str] | None = None) -> str:
    asked = {"parameters": dict(parameters or {})}
    run_id: str = stack.plane.call("POST", f"/tasks/{task}/execute", asked)["id"]

    def has_ended() -> bool:
        return stack.plane.call("GET", f"/runs/{run_id}")["run"]["ended_at"] is not None

    stack.plane.wait_until(has_ended, SECONDS, f"the end of {run_id}")
    return run_id


def _agent_id(number: int) -> str:
    return f"6f0c0000-0000-4000-8000-{number:012d}"


def _enrolled(plane: LiveControlPlane) -> Sequence["_Machine"]:
    asked = {"max_uses": MACHINES, "labels": {"role": "web"}, "group": "hall 1"}
    token = plane.call("POST", "/enrollments", asked)["join_token"]
    machines = [_Machine(plane.url, number) for number in range(MACHINES)]
    with ThreadPoolExecutor(CLIENTS) as workers:
        list(workers.map(lambda machine: machine.enroll(token), machines))
    return machines


class _Machine:
    """An agent on the wire, without the program."""

    _sessions = threading.local()

    def __init__(self, url: str, number: int) -> None:
        self._url, self._number, self._token = url, number, ""
        self._seq = self._seat = 0

    def enroll(self, join_token: str) -> None:
        self._token = self._call(
            "agent.enroll",
            join_token=join_token,
            agent_id=_agent_id(self._number),
            secret=f"{self._number:064x}",
            name=f"web-{self._number:04}.hall-1.example.org",
            facts={"hostname": f"web-{self._number:04}", "address": "10.1.0.1"},
        )["token"]

    def work(self, run_id: str) -> None:
        """As far as its number says with its job of the run."""
        share = self._number % 10
        if share > 7:
            return
        job = self._job_of(run_id)
        named = {key: job[key] for key in ("run_id", "job_id", "lease")}
        self._call("job.start", **named)
        if share < 7:
            code = 100 if share == 6 else 0
            self._call("job.finish", **named, outcome="exited", exit_code=code, duration_ms=5)

    def _job_of(self, run_id: str) -> Any:
        """Polls until the job has been put out, which a wide step does in slices."""
        found: list[Any] = []
        while not found:
            self._seq += 1
            answer = self._call(
                "agent.poll",
                seq=self._seq,
                seat=self._seat,
                capacity=9,
                leases=[],
                protocol=1,
                idle_ms=0,
            )
            self._seat = answer["seat"]
            found = [each for each in answer["jobs"] if each["run_id"] == run_id]
            if not found:
                time.sleep(POLL_SECONDS)
        return found[0]

    def _call(self, method: str, **params: Any) -> Any:
        session = self._sessions.__dict__.setdefault("session", requests.Session())
        session.trust_env = False
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = session.post(f"{self._url}/rpc", json=body, headers=headers, timeout=SECONDS)
        answer.raise_for_status()
        return answer.json()["result"]
