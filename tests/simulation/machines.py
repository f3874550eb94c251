"""A model of the agent: a journal that survives crashes, and processes that end when they like."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from chalicelib.runs.offer import PROTOCOL
from tests.simulation.invariants import Violation
from tests.simulation.wire import Lost, Refused, Wire

CAPACITY = 3
NOT_SEATED = -32007


@dataclass
class Attempt:
    """What the journal holds of one lease."""

    offer: dict[str, Any]
    is_cancelled: bool = False
    result: dict[str, Any] | None = None
    is_accepted: bool = False

    @property
    def name(self) -> tuple[str, str, int]:
        return self.offer["run_id"], self.offer["job_id"], self.offer["attempt"]

    def reference(self) -> dict[str, str]:
        return {key: self.offer[key] for key in ("run_id", "job_id", "lease")}


@dataclass
class Machine:
    """One agent. `started` counts the processes of each attempt, over all its lives."""

    id: str
    wire: Wire
    chance: Random
    failing: float
    is_up: bool = True
    zone: str = ""
    is_polling: bool = False  # the agent asks once at a time
    refused: int = 0  # how often another process was the one
    instance: str = "original"
    seq: int = 0
    seat: int = 0
    journal: dict[str, Attempt] = field(default_factory=dict)
    started: Counter[tuple[str, str, int]] = field(default_factory=Counter)

    def poll(self) -> list[dict[str, Any]]:
        """Asks for work and starts it; answers the offers that were new."""
        self.seq += 1
        self.is_polling = True
        try:
            return self._poll()
        finally:
            self.is_polling = False

    def _poll(self) -> list[dict[str, Any]]:
        held = [lease for lease, each in self.journal.items() if not each.is_accepted]
        room = max(0, CAPACITY - len(held))
        try:
            answer = self.wire.call(
                "agent.poll",
                instance=self.instance,
                seat=self.seat,
                seq=self.seq,
                capacity=room,
                leases=held,
                protocol=PROTOCOL,
                idle_ms=0,
            )
        except (Lost, Refused) as problem:
            self._is_second(problem)
            return []
        self.seat = answer["seat"]
        self._take_cancels(answer["cancels"])
        new = [offer for offer in answer["jobs"] if offer["lease"] not in self.journal]
        for offer in new:
            attempt = self.journal[offer["lease"]] = Attempt(offer)
            self.started[attempt.name] += 1
        return new

    def beat(self) -> None:
        """A heartbeat."""
        held = [lease for lease, each in self.journal.items() if not each.is_accepted]
        try:
            answer = self.wire.call("agent.heartbeat", instance=self.instance, leases=held)
        except (Lost, Refused) as problem:
            self._is_second(problem)
            return
        self.seat = answer["seat"]
        self._take_cancels(answer["cancels"])

    def _is_second(self, problem: Exception) -> None:
        """The only refusal there may be."""
        if isinstance(problem, Refused):
            if problem.args[0]["code"] != NOT_SEATED:
                raise Violation(f"{self.id} was refused: {problem}") from problem
            self.seat, self.refused = 0, self.refused + 1

    def clone(self, instance: str) -> "Machine":
        """Another machine with the same identity, and a journal of its own. What is started is
        counted for both."""
        return replace(self, instance=instance, seat=0, journal={}, is_up=True, is_polling=False)

    def _take_cancels(self, leases: list[str]) -> None:
        for lease in leases:
            if lease in self.journal:
                self.journal[lease].is_cancelled = True

    def held(self) -> list[dict[str, Any]]:
        """The offers whose jobs it has to end or to report."""
        return [attempt.offer for attempt in self.journal.values() if not attempt.is_accepted]

    def report_start(self) -> None:
        """Of some process that runs."""
        running = [each for each in self.journal.values() if each.result is None]
        if running:
            with suppress(Refused):
                self._report("job.start", self.chance.choice(running).reference())

    def end_some_process(self) -> None:
        """A process ends, and what it came to is in the journal."""
        running = [each for each in self.journal.values() if each.result is None]
        if running:
            self.end(self.chance.choice(running))

    def end(self, attempt: Attempt) -> None:
        result: dict[str, Any] = {"outcome": "exited", "exit_code": 0, "duration_ms": 10}
        if attempt.is_cancelled:
            result = {"outcome": "cancelled", "duration_ms": 10}
        elif self.chance.random() < self.failing:
            kind = self.chance.choice(["exited", "timed_out", "not_started"])
            result = {"outcome": kind, "duration_ms": 10}
            if kind == "exited":
                result["exit_code"] = 1
        attempt.result = result

    def report_ends(self) -> None:
        """Everything that has ended and is not accepted yet; some of it once too often."""
        for attempt in list(self.journal.values()):
            if attempt.result is not None and (
                not attempt.is_accepted or self.chance.random() < 0.1
            ):
                params = attempt.reference() | attempt.result
                try:
                    attempt.is_accepted |= self._report("job.finish", params)
                except Refused as error:
                    raise Violation(f"9: the end of {attempt.name} was refused: {error}") from error

    def _report(self, method: str, params: dict[str, Any]) -> bool:
        try:
            self.wire.call(method, **params)
        except Lost:
            return False
        return True

    def lose_everything(self) -> None:
        """The machine is replaced: its processes and its journal are gone, and what it had not
        reported as started may start once more."""
        self.journal.clear()
        self.started.clear()
        self.seq += 1_000
