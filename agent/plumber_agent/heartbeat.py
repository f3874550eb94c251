"""The heartbeat: says that the agent is there, and how its machine is."""

import time
from typing import Any

import psutil

from plumber_agent.machine.facts import Facts

DEFAULT_SECONDS = 30.0
REFUSED_SECONDS = 5.0
JITTER = 0.1  # of what a poll waits


class Heartbeat:
    """When the next one is due, and what it says."""

    def __init__(self, server_addr: str) -> None:
        self._facts = Facts(server_addr)
        self._told: dict[str, str] | None = None
        self._said: dict[str, str] | None = None
        self._sent_at = float("-inf")
        self._every = DEFAULT_SECONDS
        self._not_before = float("-inf")

    def due_in(self, *, is_busy: bool) -> float:
        """Seconds; zero or less when it is due. Whoever has jobs beats often, whatever was agreed
        while it had none."""
        every = min(self._every, DEFAULT_SECONDS) if is_busy else self._every
        return max(self._sent_at + every, self._not_before) - time.monotonic()

    def is_due(self) -> bool:
        """Whether it goes along with a poll now. One that is sent seldom does so earlier: who takes
        a job is known to be there."""
        now = time.monotonic()
        often = min(self._every, DEFAULT_SECONDS) * (1 - JITTER)  # with the poll that comes now
        return now >= self._not_before and now - self._sent_at >= often

    def params(self) -> dict[str, Any]:
        """What it says of the machine; facts only when they have changed."""
        self._said = self._facts.now()
        changed = self._said if self._said != self._told else None
        return {"metrics": metrics(), "facts": changed}

    def refused(self) -> None:
        """It was not accepted: the next one waits a little."""
        self._not_before = time.monotonic() + REFUSED_SECONDS

    def start_over(self) -> None:
        """With all that there is to say, and soon: another process may have been heard of since."""
        self._told, self._sent_at = None, float("-inf")

    def take(self, answer: dict[str, Any]) -> None:
        """It was accepted."""
        self._told = self._said
        self._sent_at = time.monotonic()
        self._every = float(answer["heartbeat_seconds"])


def metrics() -> dict[str, float]:
    """The machine's load, in percent and bytes."""
    memory = psutil.virtual_memory()
    return {
        "cpu_percent": psutil.cpu_percent(),
        "memory_used_bytes": float(memory.total - memory.available),
        "memory_total_bytes": float(memory.total),
        "load_1m": psutil.getloadavg()[0],
    }
