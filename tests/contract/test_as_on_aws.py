"""The product with its scheduled functions called as on AWS, only more often: each in a process of
its own, overlapping, killed at a time-out."""

from typing import Any

from tests.stack.live import LiveControlPlane

SOURCE = """Name = "nobody there"
[[step]]
ServerID = "{}"
CMD = "true"
DeliverWithin = "1s"
"""
SECONDS = 60


def test_what_is_due_comes_to_its_end(control_plane: Any, agent_process: Any) -> None:
    plane: LiveControlPlane = control_plane()
    plane.kill()
    plane.ticker_options = ("--as-on-aws", "--every", "2", "--time-out", "20")
    plane.start()
    agent = agent_process(plane)
    agent.stop()
    task = plane.call("POST", "/tasks", {"definition": SOURCE.format(agent.id)})["task"]["id"]
    run_id = plane.call("POST", f"/tasks/{task}/execute", {})["id"]

    def has_ended() -> bool:
        return plane.call("GET", f"/runs/{run_id}")["run"]["ended_at"] is not None

    plane.wait_until(has_ended, SECONDS, "The run's end")
    (job,) = plane.call("GET", f"/runs/{run_id}")["steps"][0]["jobs"]
    assert job["state"] == "undelivered"
