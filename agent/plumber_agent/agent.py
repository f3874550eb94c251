"""The agent: one loop owns what is held; threads poll, beat and carry jobs, and post events."""

import logging
import threading
import time
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
from plumber_agent.machine.loop import Loop
from plumber_agent.machine.ownership import NotOurs
from plumber_agent.machine.processes import EmptyCgroups
from plumber_agent.machine.wire import Wire
from plumber_agent.poll import Poller
from plumber_agent.work import Work

LEAVING_LOOK_SECONDS = 1.0
CGROUPS_LOOK_SECONDS = 60.0
CAPACITY = 10  # jobs at once (OS AGENT-001)

log = logging.getLogger("plumber.agent")


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
        self._loop = Loop()
        self._cgroups = EmptyCgroups()
        self._work: dict[str, Work] = {}
        self._active_at = time.monotonic()
        self._is_leaving = self._has_waited = False
        self.held: frozenset[str] = frozenset()
        self._stop = threading.Event()
        incarnation = self._journal.next_incarnation(int(time.time()))  # noqa: TID251
        self._poller = Poller(
            self,
            self._wire,
            self._stop,
            incarnation,
            identity.server_addr,
            self._journal.instance(),
        )

    # --- called from other threads

    @property
    def capacity(self) -> int:
        """How many more jobs it would take."""
        return 0 if self._is_leaving else max(0, CAPACITY - len(self.held))

    @property
    def idle_ms(self) -> int:
        """Time since it last had a job."""
        return 0 if self.held else int((time.monotonic() - self._active_at) * 1000)

    def take(self, jobs: list[dict[str, Any]], cancels: list[str]) -> None:
        """Hands over what a poll brought; returns when it is in the journal and held."""
        if not jobs and not cancels:
            return
        done = threading.Event()
        self._loop.post(lambda: self._take(jobs, cancels, done))
        done.wait()

    def follow(self, leases: list[str]) -> None:
        """Whose output somebody waits for, until the next poll says otherwise."""
        self._loop.post(lambda: self._follow(frozenset(leases)))

    def shut_down(self) -> None:
        """First: take no more, wait for jobs. Again: go at once; supervisors keep the jobs."""
        self._loop.post(self._shut_down)

    # --- the loop

    def run(self) -> None:
        """Returns after `shut_down`, when the jobs have ended or the time for that is over."""
        self._reports.start()
        self._spawner.warm_up()
        for directory in self._journal.all():
            self._loop.handle(partial(self._begin, directory))
        self._loop.handle(self._look_for_empty_cgroups)
        self._poller.start()
        self._loop.run(self._may_leave)
        self._stop.set()
        self._poller.leave()
        for work in self._work.values():
            work.leave()
        log.info("Stopped.%s", f" {len(self.held)} jobs go on by themselves." if self.held else "")

    def _look_for_empty_cgroups(self) -> None:
        """At the start, and again and again."""
        self._loop.later(CGROUPS_LOOK_SECONDS, self._look_for_empty_cgroups)
        self._cgroups.remove()

    def _may_leave(self) -> bool:
        return self._is_leaving and (self._has_waited or not self._work)

    def _shut_down(self) -> None:
        if self._is_leaving:
            self._leave()
            return
        self._is_leaving = True
        if self._work:
            log.info("Stopping: waiting up to %g s for jobs.", self._drain_seconds)
        self._loop.later(self._drain_seconds, self._leave)
        self._look_whom_to_wait_for()

    def _look_whom_to_wait_for(self) -> None:
        """Again and again while it waits."""
        self._loop.later(LEAVING_LOOK_SECONDS, self._look_whom_to_wait_for)
        if all(work.may_be_left for work in self._work.values()):
            self._leave()

    def _leave(self) -> None:
        self._has_waited = True

    def _take(self, jobs: list[dict[str, Any]], cancels: list[str], done: threading.Event) -> None:
        try:
            for offer in jobs:
                self._loop.handle(partial(self._accept, offer))
            for lease in cancels:
                if lease in self._work:
                    self._loop.handle(self._work[lease].cancel)
        finally:
            done.set()

    def _accept(self, offer: Any) -> None:
        """What cannot be written down is not begun; it is offered again."""
        reference = offers.reference(offer)
        if reference is not None and reference["lease"] in self._work:
            return
        try:
            self._begin(self._journal.add(offers.read(offer)))
        except offers.BadOffer as problem:
            log.error("A job that is offered cannot be understood: %s.", problem)
            if reference is not None:
                reason = f"the agent, version {__version__}, does not understand the job: {problem}"
                self._begin(self._journal.refuse(reference, reason))
        except (OSError, NotOurs) as error:
            log.error("A job could not be written to the journal: %s", error)

    def _follow(self, leases: frozenset[str]) -> None:
        for lease, work in self._work.items():
            work.follow(lease in leases)

    def _begin(self, directory: JobDirectory) -> None:
        work: Work = Attempt(
            self._wire,
            directory,
            self._reports,
            self._spawner,
            self._loop,
            self._reported,
            self._gone,
        )
        self._work[work.lease] = work
        if not work.is_reported:
            self.held |= {work.lease}
        work.start()

    def _reported(self, lease: str) -> None:
        self.held -= {lease}
        self._active_at = time.monotonic()
        self._poller.make_room()

    def _gone(self, lease: str) -> None:
        self._work.pop(lease, None)
