"""The contact loop: asks for work and says that the agent is there, in one request.

It waits as long as the control plane says, or until somebody hurries it: a job has ended, or the
doorbell rang.
"""

import contextlib
import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from plumber_agent.heartbeat import JITTER, REFUSED_SECONDS, Heartbeat
from plumber_agent.jobs.offer import PROTOCOL
from plumber_agent.machine.doorbell import Doorbell
from plumber_agent.machine.wire import NOT_SEATED, Backoff, Refused, Unreachable, Wire
from plumber_agent.seat import Seat

# After a ring that brought nothing: the inbox may be some milliseconds late (docs/adr/0002).
LOOK_AGAIN_SECONDS = (0.25, 1.0)
EXPLAINED_SECONDS = 1.0  # so long a ring may be the one of a job that was fetched already
LEAVING_SECONDS = 2.0  # for which an agent that ends waits until that is known
EMPTY_RINGS = 3  # in a row; then rings are answered with growing delay
LONGEST_DELAY_SECONDS = 1.0
LISTENS = ("listening", "lapsing")

log = logging.getLogger("plumber.agent")


@dataclass(frozen=True)
class Part:
    """One call of a request, and who takes its answer."""

    method: str
    params: dict[str, Any]
    take: Callable[[dict[str, Any] | Refused], None]


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

    def __init__(
        self,
        agent: Holder,
        wire: Wire,
        stop: threading.Event,
        incarnation: int,
        server_addr: str,
        instance: str,
    ) -> None:
        self._agent = agent
        self._wire = wire
        self._stop = stop
        self._seq = incarnation << 20
        self._hurry = threading.Event()
        self._was_rung = threading.Event()
        self._heartbeat = Heartbeat(server_addr)
        self._seat = Seat(instance)
        self._doorbell = Doorbell(self.ring, self.hurry, stop)
        self._looks: list[float] = []
        self._found_at = float("-inf")
        self._empty_rings = 0
        self._was_full = False
        self._thread = threading.Thread(target=self._run, name="poll", daemon=True)
        self._polled: tuple[float, bool] | Refused = (0.0, False)

    def start(self) -> None:
        """Begins."""
        self._doorbell.start()
        self._thread.start()

    def leave(self) -> None:
        """After the end, of an agent that holds nothing: whoever comes next need not wait. Nobody
        waits long for that either."""
        self._hurry.set()
        self._thread.join(LEAVING_SECONDS)

    def hurry(self) -> None:
        """No ring will come any more: the doorbell is silent."""
        self._hurry.set()

    def make_room(self) -> None:
        """A job has ended. Whoever listens is rung for the next one, unless that waits for room."""
        if self._was_full or self._doorbell.state() not in LISTENS:
            self._hurry.set()

    def ring(self) -> None:
        """The control plane has something to say; or somebody pretends so."""
        self._was_rung.set()
        self._hurry.set()

    def _run(self) -> None:
        backoff = Backoff()
        while not self._stop.is_set():
            try:
                wait = self._contact()
                backoff.reset()
            except Unreachable:
                wait = backoff.next()
            except Refused as error:
                if error.code != NOT_SEATED:  # which is said once
                    log.warning("The poll was refused: %s", error)
                wait = max(REFUSED_SECONDS, backoff.next())
            except Exception:
                log.exception("The poll failed")
                wait = backoff.next()
            self._hurry.wait(wait)
            self._hurry.clear()
        if not self._agent.held:
            with contextlib.suppress(Unreachable, Refused):
                self._wire.call("agent.leave", self._seat.params())

    def _contact(self) -> float:
        """One request; answers how many seconds to wait. Raises Refused and Unreachable."""
        was_rung = self._was_rung.is_set()
        if was_rung:
            self._was_rung.clear()
            self._looks = list(LOOK_AGAIN_SECONDS)
            if self._empty_rings > EMPTY_RINGS:
                doubled = 0.05 * 2 ** min(self._empty_rings - EMPTY_RINGS, 16)
                self._stop.wait(min(LONGEST_DELAY_SECONDS, doubled))
        seconds, found = self._exchange()
        now = time.monotonic()
        if found:
            self._found_at, self._empty_rings = now, 0
        elif was_rung:
            self._empty_rings += 1
        if found:
            self._looks = []
        elif was_rung and now - self._found_at < EXPLAINED_SECONDS:
            self._looks = self._looks[:1]
        if self._looks:
            return min(seconds, self._looks.pop(0))
        beat = self._heartbeat.due_in(is_busy=bool(self._agent.held))
        return min(seconds * random.uniform(1 - JITTER, 1), max(0.0, beat))

    def _exchange(self) -> tuple[float, bool]:
        """One request with all that there is to say; in how many seconds the next poll is due, and
        whether this one brought anything."""
        # The heartbeat first: it may be what gives the poll its seat.
        parts = [self._beat()] if self._heartbeat.is_due() else []
        parts.append(self._poll())
        answers = self._wire.batch([(part.method, part.params) for part in parts])
        for part, answer in zip(parts, answers, strict=True):
            part.take(answer)
        if isinstance(self._polled, Refused):
            raise self._polled
        return self._polled

    def _poll(self) -> Part:
        capacity, says = self._agent.capacity, self._doorbell.state()
        self._seq += 1
        params = {
            "leases": sorted(self._agent.held),
            "idle_ms": self._agent.idle_ms,
            "doorbell": says,
            "seq": self._seq,
            "capacity": capacity,
            "protocol": PROTOCOL,
            **self._seat.poll_params(),
        }
        return Part("agent.poll", params, partial(self._take_polled, capacity, says))

    def _take_polled(
        self, capacity: int, said: str | None, answer: dict[str, Any] | Refused
    ) -> None:
        if isinstance(answer, Refused):
            self._polled = answer
            self._leave_seat_if_told(answer)
            return
        self._seat.take(answer)
        self._was_full = len(answer["jobs"]) >= capacity
        self._doorbell.take(answer.get("doorbell"), said)
        self._agent.take(answer["jobs"], answer["cancels"])
        self._agent.follow(answer.get("followed", []))
        if self._was_full and self._agent.capacity > 0:  # a job has ended meanwhile
            self._hurry.set()
        self._polled = float(answer["next_poll_ms"]) / 1_000, bool(answer["jobs"])

    def _beat(self) -> Part:
        params = {
            "leases": sorted(self._agent.held),
            "idle_ms": self._agent.idle_ms,
            "doorbell": "listening" if self._doorbell.state() in LISTENS else None,
            **self._seat.params(),
            **self._heartbeat.params(),
        }
        return Part("agent.heartbeat", params, self._take_beat)

    def _take_beat(self, answer: dict[str, Any] | Refused) -> None:
        if isinstance(answer, Refused):
            self._heartbeat.refused()
            if answer.code != NOT_SEATED:
                log.warning("The heartbeat was refused: %s", answer)
            self._leave_seat_if_told(answer)
            return
        self._seat.take(answer)
        self._heartbeat.take(answer)
        self._agent.take([], answer["cancels"])

    def _leave_seat_if_told(self, answer: Refused) -> None:
        """Another process works under this identity: the doorbell rings for that one."""
        if answer.code == NOT_SEATED:
            self._seat.refused(answer)
            self._doorbell.hang_up()
            self._heartbeat.start_over()
