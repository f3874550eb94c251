"""An agent that exists only here: with a real token, and real jobs when it asks for them."""

import json
import secrets
import uuid
from collections.abc import Mapping
from typing import Any

from tests.fuzz.wire import JSON, Connection
from tests.stack.live import LiveControlPlane

POLLS = 50  # for a job that was just triggered
INSTANCE = "evil"


class Refused(Exception):
    """It has lost what it needs: its seat, its token or itself."""


class Evil:
    """Enrolled, with a task whose only step is for it."""

    def __init__(self, plane: LiveControlPlane) -> None:
        self._plane = plane
        self._connection = Connection(plane.url)
        self._seq = self._seat = 0
        self.id = str(uuid.uuid4())  # noqa: TID251  an entry point
        self.secret = secrets.token_hex(32)
        self.token = ""
        self.join_token: str = plane.call("POST", "/enrollments", {"max_uses": 2})["join_token"]
        joining = {"join_token": self.join_token, "agent_id": self.id, "secret": self.secret}
        self.token = self.call("agent.enroll", **joining, name=f"evil {self.id[:8]}")["token"]
        step = f'[[step]]\nServerID = "{self.id}"\nCMD = "true"\nDeliverWithin = "1h"\n'
        source = f'Name = "evil {self.id[:8]}"\n{step}'
        self.task: str = plane.call("POST", "/tasks", {"definition": source})["task"]["id"]

    def close(self) -> None:
        """Its connection."""
        self._connection.close()

    def call(self, method: str, **params: Any) -> Any:
        """The result of a call that is as it should be. Raises Refused."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        headers = {"Content-Type": JSON, "Authorization": f"Bearer {self.token}"}
        answer = self._connection.send("POST", "/rpc", headers, json.dumps(body).encode())
        found = json.loads(answer.body)
        if "result" not in found:
            raise Refused(f"{method}: {found}")
        return found["result"]

    def job(self) -> Mapping[str, Any]:
        """The offer of a new one, claimed."""
        run = self._plane.call("POST", f"/tasks/{self.task}/execute")["id"]
        for _ in range(POLLS):
            self._seq += 1
            asked = {"seq": self._seq, "seat": self._seat, "capacity": 100, "leases": []}
            answer = self.call("agent.poll", **asked, protocol=1, instance=INSTANCE)
            self._seat = answer["seat"]
            for offer in answer["jobs"]:
                if offer["run_id"] == run:
                    return dict(offer)
        raise Refused(f"{run} was not offered")


def named(offer: Mapping[str, Any]) -> dict[str, Any]:
    """What a report names."""
    return {key: offer[key] for key in ("run_id", "job_id", "lease")}
