"""The heartbeat loop: says that the agent is there, and how its machine is."""

import logging
import threading
from typing import Any

import psutil

from plumber_agent.enroll import facts
from plumber_agent.poll import Holder
from plumber_agent.wire import Backoff, Refused, Unreachable, Wire

DEFAULT_SECONDS = 30.0

log = logging.getLogger("plumber.agent")


class Heartbeat:
    """A thread that beats until it is stopped."""

    def __init__(self, agent: Holder, wire: Wire, stop: threading.Event, server_addr: str) -> None:
        self._agent = agent
        self._wire = wire
        self._stop = stop
        self._server_addr = server_addr
        self._told: dict[str, str] | None = None

    def start(self) -> None:
        """Begins."""
        threading.Thread(target=self._run, name="heartbeat", daemon=True).start()

    def _run(self) -> None:
        backoff = Backoff(longest=DEFAULT_SECONDS)
        while not self._stop.is_set():
            try:
                wait = self._beat()
                backoff.reset()
            except Unreachable:
                wait = backoff.next()
            except Refused as error:
                log.warning("The heartbeat was refused: %s", error)
                wait = max(5.0, backoff.next())
            except Exception:
                log.exception("The heartbeat failed")
                wait = backoff.next()
            self._stop.wait(wait)

    def _beat(self) -> float:
        """One heartbeat; answers how many seconds to wait."""
        known = facts(self._server_addr)
        params: dict[str, Any] = {
            "leases": sorted(self._agent.held),
            "metrics": metrics(),
            "facts": known if known != self._told else None,
        }
        answer = self._wire.call("agent.heartbeat", params)
        self._told = known
        self._agent.take([], answer["cancels"])
        return float(answer["heartbeat_seconds"])


def metrics() -> dict[str, float]:
    """The machine's load, in percent and bytes."""
    memory = psutil.virtual_memory()
    return {
        "cpu_percent": psutil.cpu_percent(),
        "memory_used_bytes": float(memory.total - memory.available),
        "memory_total_bytes": float(memory.total),
        "load_1m": psutil.getloadavg()[0],
    }
