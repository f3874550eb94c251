"""Races over HTTP, on a store whose conditional writes are atomic."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from tests.contract.conftest import task
from tests.stack.live import LiveControlPlane

JOBS, POLLERS = 200, 8


def enroll(plane: LiveControlPlane) -> tuple[str, str]:
    """An agent's id and token."""
    agent_id = "6f0c0000-0000-4000-8000-000000000001"
    joining = plane.call("POST", "/enrollments", {})
    params = {
        "join_token": joining["join_token"],
        "agent_id": agent_id,
        "secret": "0" * 64,
        "name": "racer",
    }
    return agent_id, str(call(plane, None, "agent.enroll", params)["token"])


def call(plane: LiveControlPlane, token: str | None, method: str, params: Any) -> Any:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    answer = requests.post(f"{plane.url}/rpc", json=body, headers=headers, timeout=60).json()
    assert "result" in answer, answer
    return answer["result"]


def test_eight_pollers_racing_for_200_jobs_claim_each_exactly_once(control_plane: Any) -> None:
    plane: LiveControlPlane = control_plane()
    agent_id, token = enroll(plane)
    source = {"definition": task([(agent_id, "true")])}
    task_id = plane.call("POST", "/tasks", source)["task"]["id"]

    def trigger(_: int) -> str:
        return str(plane.call("POST", f"/tasks/{task_id}/execute")["id"])

    def claim(_: int) -> list[tuple[str, str]]:
        """As a poller that gets what it can; all bear one number, as repeated polls do."""
        claimed = []
        while True:
            params = {"seq": 1, "capacity": 5, "leases": [], "protocol": 1}
            jobs = call(plane, token, "agent.poll", params)["jobs"]
            if not jobs:
                return claimed
            claimed += [(job["run_id"], job["lease"]) for job in jobs]

    with ThreadPoolExecutor(POLLERS) as threads:
        runs = list(threads.map(trigger, range(JOBS)))
        won = [each for part in threads.map(claim, range(POLLERS)) for each in part]
    assert sorted(run for run, _ in won) == sorted(runs)
    assert len({lease for _, lease in won}) == JOBS
