"""Two of everything: what is inside of a scope, and what is outside."""

from typing import Any

import pytest
from msgspec import Struct

from chalicelib.access.scope import Scope
from tests.api.conftest import People, RpcAgent

LABELS, GROUP = {"env": "prod"}, "web"
AGENTS = Scope(labels=LABELS, groups=(GROUP,))  # a scope that says nothing of tasks


class Side(Struct, frozen=True):
    """What is inside, or what is outside. The run has ended well, on the one agent."""

    agent: RpcAgent
    labels: dict[str, str]
    group: str
    task_id: str
    definition: str
    run_id: str
    schedule_id: str
    enrollment_id: str
    token_id: str

    @property
    def job_id(self) -> str:
        return f"1-{self.agent.id}"

    def fill(self, path: str) -> str:
        """A route's path with the ids of this side."""
        ids = {"job_id": self.job_id, "agent_id": self.agent.id}
        for name in ("task_id", "run_id", "schedule_id", "enrollment_id", "token_id"):
            ids[name] = getattr(self, name)
        return path.format(**ids)


class World(Struct, frozen=True):
    """Both sides, and the scope between them."""

    inside: Side
    outside: Side

    @property
    def scope(self) -> Scope:
        """Tasks and agents: only the inside."""
        return Scope((self.inside.task_id,), LABELS, (GROUP,))

    @property
    def tasks(self) -> Scope:
        """One that says nothing of agents."""
        return Scope((self.inside.task_id,))


def targeted(name: str, targets: str, command: str = "true") -> str:
    return f'Name = "{name}"\n[[step]]\nTargets = {targets}\nCMD = "{command}"\n'


def side(admin: People, agent: RpcAgent, labels: dict[str, str], group: str) -> Side:
    admin.data("PATCH", f"/agents/{agent.id}", {"labels": labels, "group": group})
    given = ", ".join(f'{key} = "{value}"' for key, value in labels.items())
    source = targeted(group, f'{{ Labels = {{ {given} }}, Group = "{group}" }}')
    task_id = admin.data("POST", "/tasks", {"definition": source})["task"]["id"]
    run_id = admin.data("POST", f"/tasks/{task_id}/execute")["id"]
    (job,) = agent.poll()["jobs"]
    agent.finish(job)
    schedule = admin.data("POST", "/schedules", {"task_id": task_id, "cron": "@daily"})
    enrollment = admin.data("POST", "/enrollments", {"labels": labels, "group": group})
    scope = {"tasks": [task_id], "labels": labels, "groups": [group]}
    token = admin.data("POST", "/tokens", {"name": group, "role": "viewer", "scope": scope})
    return Side(
        agent=agent,
        labels=labels,
        group=group,
        task_id=task_id,
        definition=source,
        run_id=run_id,
        schedule_id=schedule["id"],
        enrollment_id=enrollment["enrollment"]["id"],
        token_id=token["token"]["id"],
    )


@pytest.fixture
def world(admin: People, agent: Any) -> World:
    inside = side(admin, agent(1), dict(LABELS), GROUP)
    return World(inside, side(admin, agent(2), {"env": "test"}, "db"))
