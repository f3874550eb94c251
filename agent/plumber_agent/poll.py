"""The poll loop: asks for work, hands it over, waits as long as the control plane says."""

import logging
import random
import threading
from typing import Any, Protocol

from plumber_agent.wire import Backoff, Refused, Unreachable, Wire

JITTER = 0.1

log = logging.getLogger("plumber.agent")


class Holder(Protocol):
    """Whose polls these are."""

    held: frozenset[str]

    @property
    def capacity(self) -> int: ...

    @property
    def idle_ms(self) -> int: ...

    def take(self, offers: list[dict[str, Any]], cancels: list[str]) -> None: ...

    def follow(self, leases: list[str]) -> None: ...


class Poller:
    """A thread that polls until it is stopped."""

    def __init__(self, agent: Holder, wire: Wire, stop: threading.Event, incarnation: int) -> None:
        self._agent = agent
        self._wire = wire
        self._stop = stop
        self._seq = incarnation << 20
        self._hurry = threading.Event()

    def start(self) -> None:
        """Begins."""
        threading.Thread(target=self._run, name="poll", daemon=True).start()

    def hurry(self) -> None:
        """Something has ended: the next step may be waiting."""
        self._hurry.set()

    def _run(self) -> None:
        backoff = Backoff()
        while not self._stop.is_set():
            try:
                wait = self._poll()
                backoff.reset()
            except Unreachable:
                wait = backoff.next()
            except Refused as error:
                log.warning("The poll was refused: %s", error)
                wait = max(5.0, backoff.next())
            except Exception:
                log.exception("The poll failed")
                wait = backoff.next()
            self._hurry.wait(wait)
            self._hurry.clear()

    def _poll(self) -> float:
        """One poll; answers how many seconds to wait."""
        self._seq += 1
        params = {
            "seq": self._seq,
            "capacity": self._agent.capacity,
            "leases": sorted(self._agent.held),
            "idle_ms": self._agent.idle_ms,
        }
        answer = self._wire.call("agent.poll", params)
        self._agent.take(answer["jobs"], answer["cancels"])
        self._agent.follow(answer.get("followed", []))
        seconds = float(answer["next_poll_ms"]) / 1000
        return seconds * random.uniform(1 - JITTER, 1 + JITTER)
