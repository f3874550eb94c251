"""The agent: one loop owns what is held; threads poll, beat and carry jobs, and post events."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from plumber_agent import __version__
from plumber_agent.jobs import offer as offers
from plumber_agent.jobs.attempt import Attempt
from plumber_agent.jobs.journal import JobDirectory, Journal
from plumber_agent.jobs.reports import Reports
from plumber_agent.jobs.spawning import Spawner
from plumber_agent.machine.config import Identity
from plumber_agent.machine.ownership import NotOurs
from plumber_agent.machine.wire import Wire
from plumber_agent.poll import Poller

LEAVING_LOOK_SECONDS = 1.0
CAPACITY = 10  # jobs at once (OS AGENT-001)

log = logging.getLogger("plumber.agent")

Event = Callable[[], None]


class Agent:
    """Runs until it is told to stop."""

    def __init__(
        self, identity: Identity, workdir: Path, drain_seconds: float, spool_quota: int
    ) -> None:
        self._journal = Journal(workdir, spool_quota)
        self._wire = Wire(identity.server_addr, identity.token)
        self._drain_seconds = drain_seconds
        self._reports = Reports(self._wire)
        self._spawner = Spawner()
        self._events: queue.Queue[Event] = queue.Queue()
        self._attempts: dict[str, Attempt] = {}
        self._active_at = time.monotonic()
        self._leave_at: float | None = None
        self.held: frozenset[str] = frozenset()
        self._stop = threading.Event()
        incarnation = self._journal.next_incarnation(int(time.time()))  # noqa: TID251
        self._poller = Poller(self, self._wire, self._stop, incarnation, identity.server_addr)

    # --- called from other threads

    @property
    def capacity(self) -> int:
        """How many more jobs it would take."""
        return 0 if self._leave_at is not None else max(0, CAPACITY - len(self.held))

    @property
    def idle_ms(self) -> int:
        """Time since it last had a job."""
        return 0 if self.held else int((time.monotonic() - self._active_at) * 1000)

    def take(self, jobs: list[dict[str, Any]], cancels: list[str]) -> None:
        """Hands over what a poll brought; returns when it is in the journal and held."""
        if not jobs and not cancels:
            return
        done = threading.Event()
        self._events.put(lambda: self._take(jobs, cancels, done))
        done.wait()

    def follow(self, leases: list[str]) -> None:
        """Whose output somebody waits for, until the next poll says otherwise."""
        self._events.put(lambda: self._follow(frozenset(leases)))

    def shut_down(self) -> None:
        """First: take no more, wait for jobs. Again: go at once; supervisors keep the jobs."""
        self._events.put(self._shut_down)

    # --- the loop

    def run(self) -> None:
        """Returns after `shut_down`, when the jobs have ended or the time for that is over."""
        self._reports.start()
        self._spawner.warm_up()
        for directory in self._journal.all():
            self._handle(partial(self._begin, directory))
        self._poller.start()
        while not self._may_leave():
            try:
                event = self._events.get(timeout=self._patience())
            except queue.Empty:
                continue
            self._handle(event)
        self._stop.set()
        for attempt in self._attempts.values():
            attempt.leave()
        log.info("Stopped.%s", f" {len(self.held)} jobs go on by themselves." if self.held else "")

    def _handle(self, event: Event) -> None:
        """Whatever one job brings with it, the loop goes on for the others."""
        try:
            event()
        except Exception:
            log.exception("Something could not be done")

    def _patience(self) -> float | None:
        """How long to wait for an event, before looking whether it is time to leave."""
        if self._leave_at is None:
            return None
        return min(LEAVING_LOOK_SECONDS, max(0.0, self._leave_at - time.monotonic()))

    def _may_leave(self) -> bool:
        if self._leave_at is None:
            return False
        is_left = all(attempt.may_be_left for attempt in self._attempts.values())
        return is_left or time.monotonic() >= self._leave_at

    def _shut_down(self) -> None:
        if self._leave_at is not None:
            self._leave_at = time.monotonic()
            return
        self._leave_at = time.monotonic() + self._drain_seconds
        if self._attempts:
            log.info("Stopping: waiting up to %g s for jobs.", self._drain_seconds)

    def _take(self, jobs: list[dict[str, Any]], cancels: list[str], done: threading.Event) -> None:
        try:
            for offer in jobs:
                self._handle(partial(self._accept, offer))
            for lease in cancels:
                if lease in self._attempts:
                    self._handle(self._attempts[lease].cancel)
        finally:
            done.set()

    def _accept(self, offer: Any) -> None:
        """What cannot be written down is not begun; it is offered again."""
        reference = offers.reference(offer)
        if reference is not None and reference["lease"] in self._attempts:
            return
        try:
            offers.check(offer)
            self._begin(self._journal.add(offer))
        except offers.BadOffer as problem:
            log.error("A job that is offered cannot be understood: %s.", problem)
            if reference is not None:
                reason = f"the agent, version {__version__}, does not understand the job: {problem}"
                self._begin(self._journal.refuse(reference, reason))
        except (OSError, NotOurs) as error:
            log.error("A job could not be written to the journal: %s", error)

    def _follow(self, leases: frozenset[str]) -> None:
        for lease, attempt in self._attempts.items():
            attempt.follow(lease in leases)

    def _begin(self, directory: JobDirectory) -> None:
        attempt = Attempt(
            self._wire,
            directory,
            self._reports,
            self._spawner,
            self._post_reported,
            self._post_gone,
        )
        self._attempts[attempt.lease] = attempt
        if not attempt.is_reported:
            self.held |= {attempt.lease}
        attempt.start()

    def _post_reported(self, lease: str) -> None:
        self._events.put(lambda: self._reported(lease))

    def _post_gone(self, lease: str) -> None:
        self._events.put(lambda: self._gone(lease))

    def _reported(self, lease: str) -> None:
        self.held -= {lease}
        self._active_at = time.monotonic()
        self._poller.make_room()

    def _gone(self, lease: str) -> None:
        self._attempts.pop(lease, None)
