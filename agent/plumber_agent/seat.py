"""Whether this process is the one that works under its agent's identity: docs/wire.md."""

import logging
import time
from typing import Any

from plumber_agent.machine.wire import Refused

SAID_SECONDS = 600.0  # for which a second process is not spoken of again

log = logging.getLogger("plumber.agent")


class Seat:
    """What polls and heartbeats say of it, and what people are told."""

    def __init__(self, instance: str) -> None:
        self._instance = instance
        self._until = 0
        self._is_refused = False
        self._said: tuple[object, ...] = ()
        self._said_at = float("-inf")

    def params(self) -> dict[str, Any]:
        """Of a heartbeat."""
        return {"instance": self._instance}

    def poll_params(self) -> dict[str, Any]:
        """Of a poll."""
        return {"instance": self._instance, "seat": self._until}

    def take(self, answer: dict[str, Any]) -> None:
        """A call was carried out: this is the one."""
        self._until = int(answer.get("seat", 0))
        if self._is_refused:
            self._is_refused = False
            log.info("This process is the one that works under this identity now.")
        second = answer.get("conflict")
        if second is not None:
            self._say(second)

    def _say(self, second: dict[str, Any]) -> None:
        who, now = (second.get("hostname"), second.get("address")), time.monotonic()
        if who == self._said and now - self._said_at < SAID_SECONDS:
            return
        self._said, self._said_at = who, now
        log.error(
            "A second process came under this agent's identity, on %s (%s), and was refused: an "
            "agent.json is for one machine and one work directory.",
            *who,
        )

    def refused(self, error: Refused) -> None:
        """Another process is the one. Said once."""
        self._until = 0
        if not self._is_refused:
            log.error("%s Until then this one takes no jobs; what it runs goes on.", error.message)
        self._is_refused = True
