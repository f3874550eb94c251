"""The agents' wire with faults: requests and answers are lost, repeated, or arrive late."""

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from tests.simulation.faults import Killed

KINDS = ("request lost", "answer lost", "sent twice", "late")


class Lost(Exception):
    """The caller has no answer."""


class Refused(Exception):
    """The control plane says that the caller is wrong."""


class Wire:
    """One agent's way to the control plane."""

    def __init__(
        self, send: Callable[[str, dict[str, Any]], Any], chance: Random, made: Counter[str]
    ) -> None:
        self._send = send
        self._chance = chance
        self._made = made
        self.rate = 0.0
        self.late: list[tuple[str, dict[str, Any]]] = []

    def call(self, method: str, **params: Any) -> Any:
        """The result. Raises Lost for a lost call, a dead handler, and one whose fault it was, and
        Refused where it was the caller's: the agent drops such a report."""
        kind = self._chance.choice(KINDS) if self._chance.random() < self.rate else ""
        if kind:
            self._made[kind] += 1
        if kind == "request lost":
            raise Lost
        if kind == "late":
            self.late.append((method, params))
            raise Lost
        answer = self._once(method, params)
        if kind == "sent twice":
            answer = self._once(method, params)
        if kind == "answer lost":
            raise Lost
        return answer

    def deliver_late(self) -> None:
        """What was on its way arrives; nobody waits for the answer any more."""
        while self.late:
            method, params = self.late.pop(self._chance.randrange(len(self.late)))
            try:
                self._once(method, params)
            except (Lost, Refused):
                continue

    def _once(self, method: str, params: dict[str, Any]) -> Any:
        try:
            answer = self._send(method, params)
        except Killed as death:
            raise Lost from death
        if "result" in answer:
            return answer["result"]
        if answer["error"]["code"] in (-32603, -32001):  # our fault, or the token was not found
            raise Lost
        raise Refused(answer["error"])
