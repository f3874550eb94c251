"""Runs that are wider than their page, with the CLI. The API puts the first of their jobs, the work
queue's worker the rest."""

from typing import Any

import boto3
import pytest
import requests

from tests.api.conftest import agent_id, enroll_params
from tests.stack.live import LiveControlPlane

WIDTH = 320


@pytest.fixture(scope="module")
def run_id(live_api: LiveControlPlane) -> str:
    """Of a command that so many agents have in their inboxes."""
    token = live_api.call("POST", "/enrollments", {"max_uses": WIDTH})["join_token"]
    with requests.Session() as session:
        for n in range(1, WIDTH + 1):
            params = enroll_params(token, n)
            call = {"jsonrpc": "2.0", "id": n, "method": "agent.enroll", "params": params}
            answer = session.post(f"{live_api.url}/rpc", json=call, timeout=60).json()
            assert "result" in answer, answer
    body = {"command": "true", "all": True, "deliver_within": "1h"}
    found: str = live_api.call("POST", "/commands", body)["id"]
    live_api.wait_until(lambda: written(live_api, found) == WIDTH, 60, "all jobs in their inboxes")
    return found


def written(plane: LiveControlPlane, run_id: str, state: str = "queued") -> int:
    """How many jobs there are in a state."""
    path, count, cursor = f"/runs/{run_id}/jobs?limit=100&state={state}", 0, ""
    while True:
        page = plane.call("GET", path + cursor)
        count += len(page["items"])
        if page["next"] is None:
            return count
        cursor = f"&cursor={page['next']}"


def test_every_job_is_listed_and_found(run_id: str, cli: Any, live_api: LiveControlPlane) -> None:
    shell = cli(live_api)
    listed = shell.json("run", "jobs", run_id)
    assert {each["agent_id"] for each in listed} == {agent_id(n) for n in range(1, WIDTH + 1)}
    assert len(shell.json("run", "jobs", run_id, "--state", "queued", "--step", "1")) == WIDTH
    assert shell.json("run", "jobs", run_id, "--state", "failed") == []
    page = {each["id"] for each in shell.json("run", "show", run_id)["steps"][0]["jobs"]}
    beyond = next(each["id"] for each in listed if each["id"] not in page)
    assert shell.run("run", "logs", run_id, beyond) == (0, b"", b"")
    assert shell.run("run", "logs", run_id) == (0, b"", b"")
    code, _, err = shell.run("run", "logs", run_id, f"2-{agent_id(1)}")
    assert code != 0
    assert b"has no job" in err


def test_a_page_says_how_many_jobs_it_does_not_show(
    run_id: str, cli: Any, live_api: LiveControlPlane
) -> None:
    code, out, err = cli(live_api).run("run", "show", run_id)
    assert (code, out.count(b"queued")) == (0, 101), "the run and its first hundred jobs"
    assert f"220 more jobs of step 1: 'plumber-cli run jobs {run_id} --step 1'" in err.decode()


def test_a_cancel_ends_all_of_it(run_id: str, cli: Any, live_api: LiveControlPlane) -> None:
    shell = cli(live_api)
    assert shell.run("run", "cancel", run_id)[0] == 0

    def has_ended() -> bool:
        return bool(live_api.call("GET", f"/runs/{run_id}")["run"]["ended_at"])

    live_api.wait_until(has_ended, 60, "the run's end")
    assert written(live_api, run_id, "cancelled") == WIDTH


def test_dead_letters_are_shown_tried_again_and_dropped(
    cli: Any, live_api: LiveControlPlane
) -> None:
    """A message that nobody knows, as another version of the product may send it."""
    shell = cli(live_api)
    assert shell.json("work", "list") == []
    queue = boto3.client("sqs", endpoint_url=live_api.environment["AWS_ENDPOINT_URL_SQS"])
    name = f"{live_api.environment['PLUMBER_TABLE_PREFIX']}work"
    url = queue.get_queue_url(QueueName=name)["QueueUrl"]
    queue.send_message(QueueUrl=url, MessageBody='{"kind":"dance"}')

    def count() -> int:
        found: int = live_api.call("GET", "/health")["dead_letters"]
        return found

    live_api.wait_until(lambda: count() == 1, 30, "a dead letter")
    (letter,) = shell.json("work", "list")
    assert letter["message"] == '{"kind":"dance"}'
    assert b"Nobody knows" in shell.run("work", "list")[1]
    assert shell.run("work", "retry", letter["id"])[0] == 0
    live_api.wait_until(lambda: count() == 1, 30, "it to die once more")
    (again,) = shell.json("work", "list")
    assert shell.run("work", "drop", again["id"], "--yes")[0] == 0
    assert shell.json("work", "list") == []
    assert shell.run("work", "drop", again["id"], "--yes")[0] != 0
