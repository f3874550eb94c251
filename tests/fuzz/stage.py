"""The stack that is tried: callers of every role, an agent that is well, evil ones, and a few of
everything, so that each list has more than one page.

What is tried names things by words in `@`: `@run@` is the id of a run, wherever it stands.
"""

import re
import secrets
from collections.abc import Sequence
from typing import Any

from infra.local.processes import Child
from tests.fuzz.evil import INSTANCE, Evil, Refused
from tests.stack.live import AgentProcess, LiveControlPlane

ROLES = ("viewer", "trigger", "operator", "admin")
NARROW, EVIL, NOBODY, GARBAGE = "narrow", "evil", "nobody", "garbage"
CALLERS = (*ROLES, NARROW, EVIL, NOBODY, GARBAGE)
OF_EACH = 5  # of what lists hold
HEALTHY = "healthy"
LEFT = "is left to a later round"  # operations/shift.py
_WORD = re.compile(rb"@([a-z_]+)@")


class Stage:
    """Everything that fuzzers need of the stack; `children` are its processes."""

    def __init__(
        self, plane: LiveControlPlane, agent: AgentProcess, children: Sequence[Child]
    ) -> None:
        self.plane = plane
        self.agent = agent
        self.children = children
        self.evil, self.prey = Evil(plane), Evil(plane)
        self.words: dict[str, str] = {
            "agent": agent.id,
            "instance": INSTANCE,
            "old_lease": "0" * 32,
            "lease": "1" * 32,
        }
        self.tokens = {role: self.token(role) for role in (*ROLES, NARROW)}
        self.tokens[GARBAGE] = "plb_0123_nobody"
        self._fill()
        self.renew()

    def headers(self, by: str) -> dict[str, str]:
        """That say who calls."""
        token = self.evil.token if by == EVIL else self.tokens.get(by)
        return {} if token is None else {"Authorization": f"Bearer {token}"}

    def filled(self, text: bytes) -> bytes:
        """With ids for the words in `@`; what is no word stays."""
        known = self.words
        return _WORD.sub(
            lambda found: known.get(found[1].decode(), found[0].decode()).encode(), text
        )

    def renew(self) -> None:
        """Another job for the evil agent, and for its prey."""
        self.words["old_lease"] = self.words["lease"]
        try:
            mine, its = self.evil.job(), self.prey.job()
        except Refused:  # what was tried has cost it its seat: another one comes
            self.close()
            self.evil, self.prey = Evil(self.plane), Evil(self.plane)
            mine, its = self.evil.job(), self.prey.job()
        for prefix, offer in (("", mine), ("foreign_", its)):
            self.words |= {
                f"{prefix}run": offer["run_id"],
                f"{prefix}job": offer["job_id"],
                f"{prefix}lease": offer["lease"],
            }
        self.words |= {
            "evil": self.evil.id,
            "secret": self.evil.secret,
            "join_token": self.evil.join_token,
            "task": self.evil.task,
        }

    def close(self) -> None:
        """The connections of the evil agents."""
        self.evil.close()
        self.prey.close()

    def dead(self) -> list[str]:
        """The names of processes that have ended; none should."""
        return [child.name for child in self.children if not child.is_running]

    def left_behind(self) -> list[str]:
        """What the scheduled functions could not see to, as they say in their logs: only logs of
        evil agents may be among it, which cannot be put together."""
        lines = [
            line
            for child in self.children
            for line in child.log.read_text("utf-8", "replace").splitlines()
        ]
        return [line for line in lines if LEFT in line and " - log " not in line]

    def token(self, role: str) -> str:
        """A new one, of a role or of the operator of hardly anything: of a task of its own, since
        what was tried may have removed any other."""
        wanted: dict[str, Any] = {"name": "fuzz", "role": role}
        if role == NARROW:
            step = f'[[step]]\nServerID = "{self.evil.id}"\nCMD = "true"\n'
            source = {"definition": f'Name = "narrow {secrets.token_hex(4)}"\n{step}'}
            task = self.plane.call("POST", "/tasks", source)["task"]["id"]
            scope = {"labels": {"role": "nothing"}, "tasks": [task]}
            wanted = {"name": "fuzz", "role": "operator", "scope": scope}
        return str(self.plane.call("POST", "/tokens", wanted)["secret"])

    def _fill(self) -> None:
        """Enough for second pages."""
        call, agent = self.plane.call, self.agent.id
        for number in range(OF_EACH):
            call("POST", "/enrollments", {"description": f"number {number}"})
            call("POST", "/tokens", {"name": f"number {number}", "role": "viewer"})
        source = f'Name = "healthy"\n[[step]]\nServerID = "{agent}"\nCMD = "{PRINT}"\n'
        saved = call("POST", "/tasks", {"definition": source})["task"]
        self.words[HEALTHY] = saved["id"]
        for revision in range(1, OF_EACH):
            changed = {"definition": f"{source}# {revision}\n", "revision": revision}
            call("PUT", f"/tasks/{saved['id']}", changed)
            made = call("POST", "/schedules", {"task_id": saved["id"], "cron": "0 3 1 1 *"})
            self.words["schedule"] = made["id"]
        for _ in range(OF_EACH):
            run = self.run_healthy()
        self.words |= {"ended_run": run, "ended_job": f"1-{agent}"}

    def run_healthy(self, seconds: float = 60.0) -> str:
        """A run of the agent that is well, when it has succeeded."""
        run: str = self.plane.call("POST", f"/tasks/{self.words[HEALTHY]}/execute")["id"]
        state = ""

        def has_ended() -> bool:
            nonlocal state
            found = self.plane.call("GET", f"/runs/{run}")["run"]
            state = found["state"]
            return found["ended_at"] is not None

        self.plane.wait_until(has_ended, seconds, f"the end of {run}")
        assert state == "succeeded", f"{run}: {state}"
        return run


PRINT = "for n in 1 2 3 4 5 6 7 8 9; do echo line $n; done; echo wrong >&2"
