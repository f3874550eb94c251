"""What the tests of fleets do again and again."""

from typing import Any

from tests.api.conftest import People, RpcAgent


def task(admin: People, *steps: str, head: str = "") -> str:
    source = 'Name = "fleet"\n' + head + "".join(f"[[step]]\n{each}\n" for each in steps)
    task_id: str = admin.data("POST", "/tasks", {"definition": source})["task"]["id"]
    return task_id


def start(admin: People, *steps: str, head: str = "", **parameters: str) -> str:
    body = {"parameters": parameters}
    path = f"/tasks/{task(admin, *steps, head=head)}/execute"
    run_id: str = admin.data("POST", path, body)["id"]
    return run_id


def states(admin: People, run_id: str, step: int = 1) -> dict[str, str]:
    steps = admin.data("GET", f"/runs/{run_id}")["steps"]
    return {job["agent_name"]: job["state"] for job in steps[step - 1]["jobs"]}


def run_of(admin: People, run_id: str) -> Any:
    return admin.data("GET", f"/runs/{run_id}")["run"]


def work(agents: list[RpcAgent], *failing: RpcAgent) -> list[str]:
    """Everybody does all that is to be had; answers who did something."""
    worked = []
    for each in agents:
        for job in each.poll()["jobs"]:
            each.finish(job, 1 if each in failing else 0)
            worked.append(each.id)
    return worked


WEB = 'CMD = "true"\nTargets = { Labels = { role = "web" } }\n'
