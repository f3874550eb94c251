"""One attempt at a job, from its journal entry to the acceptance of its end."""

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from plumber_agent.jobs import supervisor
from plumber_agent.jobs.execution import Execution
from plumber_agent.jobs.journal import JobDirectory
from plumber_agent.jobs.reporting import Reporting
from plumber_agent.jobs.reports import Reports
from plumber_agent.jobs.spawning import Spawner
from plumber_agent.machine.files import write_durably
from plumber_agent.machine.loop import Loop
from plumber_agent.machine.ship import Shipper
from plumber_agent.machine.spool import Spool
from plumber_agent.machine.wire import Backoff, Refused, Wire

log = logging.getLogger("plumber.agent")


class Attempt:
    """A `Work`. All of it is done in the agent's loop, in steps that do not wait, but for what
    does: starting the supervisor and shipping the output have a thread of their own."""

    def __init__(
        self,
        wire: Wire,
        directory: JobDirectory,
        reports: Reports,
        spawner: Spawner,
        loop: Loop,
        on_reported: Callable[[str], None],
        on_gone: Callable[[str], None],
    ) -> None:
        self.lease = directory.lease
        self._directory = directory
        self._spawner = spawner
        self._loop = loop
        self._on_reported = on_reported
        self._on_gone = on_gone
        reference = directory.reference()
        self._name = f"job {reference['job_id']} of run {reference['run_id']}"
        self._spool = Spool(directory.path)
        self._shipper = Shipper(wire, reference, directory.offer["urls"], self._spool)
        self._execution = Execution(directory, loop, self._go_on, self._confirm)
        self._reporting = Reporting(reports, reference, loop, self._refused)
        self._thread: threading.Thread | None = None
        self._backoff = Backoff()
        self._stop = threading.Event()
        self._has_shipped = False
        self._is_stuck = False

    @property
    def is_reported(self) -> bool:
        """Whether the control plane knows the end."""
        return self._directory.is_reported()

    @property
    def may_be_left(self) -> bool:
        """Whether an agent that goes does not wait for it: its command is over, and what is left to
        do has failed for some time. It is on disk, and the next agent's."""
        is_over = self.is_reported or self._directory.result() is not None
        return is_over and (self._shipper.is_stuck or self._is_stuck)

    def start(self) -> None:
        """Begins, or goes on where an earlier agent left off."""
        self._go_on()

    def cancel(self) -> None:
        """Ends the command; may be asked for again and again."""
        if not self._execution.is_cancelled:
            log.info("Cancelling %s.", self._name)
        self._execution.cancel()

    def follow(self, is_followed: bool) -> None:
        """Whether somebody waits for the output."""
        self._shipper.follow(is_followed)

    def leave(self) -> None:
        """The agent goes; the command stays with its supervisor, and output and result on disk."""
        self._stop.set()
        self._execution.leave()
        self._reporting.leave()
        self._shipper.stop()

    # --- steps, in the loop

    def _go_on(self) -> None:
        self._try(self._next_step)

    def _try(self, step: Callable[[], None]) -> None:
        """Whatever fails, such as a full disk, is tried again from where the directory stands."""
        if self._stop.is_set():
            return
        try:
            step()
            self._is_stuck = False
        except Exception:
            log.exception("%s could not be carried on", self._name)
            self._is_stuck = True
            self._loop.later(self._backoff.next(), self._go_on)

    def _next_step(self) -> None:
        directory = self._directory
        if directory.is_reported() or directory.result() is not None:
            self._in_thread(self._ship)
            self._end(directory.result())
        elif directory.is_supervised():
            log.info("Found %s still running.", self._name)
            self._in_thread(self._ship)
            self._confirm()
            self._watch(None)
        elif directory.started() is None and self._thread is None:
            log.info("Starting %s.", self._name)
            self._in_thread(self._spawn_and_ship)
        else:
            self._in_thread(self._ship)
            self._end(self._lost())

    def _watch(self, pid: int | None) -> None:
        self._reporting.start(self._directory.elapsed_ms)
        self._execution.watch(pid)

    def _lost(self) -> dict[str, Any]:
        self._directory.kill_leftovers()
        self._spool.take_in_tail("Output may be missing here: the job's supervisor died.")
        reason = self._directory.why_lost()
        log.warning("%s is lost: %s.", self._name, reason)
        return {"outcome": "lost", "exit_code": None, "reason": reason, "duration_ms": 0}

    def _end(self, result: dict[str, Any] | None) -> None:
        """Cuts what is waiting, in turn with the loop's other business, and reports then; `result`
        may be missing where the end has been reported."""
        self._reporting.over()
        if self._spool.cut():
            self._loop.post(partial(self._try, partial(self._end, result)))
            return
        self._shipper.end()
        if self._directory.is_reported() or result is None:
            self._on_reported(self.lease)
            self._let_go()
        else:
            self._reporting.end(_report(result, self._spool.chunks), partial(self._ended, result))

    def _ended(self, result: dict[str, Any], answer: dict[str, Any]) -> None:
        if answer["state"] == "refused":
            log.warning("The end of %s was refused: %s", self._name, answer["message"])
        log.info("%s: %s, exit code %s.", self._name, answer["state"], result["exit_code"])
        self._try(self._note_reported)

    def _note_reported(self) -> None:
        self._directory.mark_reported()
        self._on_reported(self.lease)
        self._let_go()

    def _shipped(self, everything: bool) -> None:
        self._has_shipped = everything or self._shipper.given_up
        self._let_go()

    def _let_go(self) -> None:
        if self._has_shipped and self._directory.is_reported():
            self._directory.remove()
            self._on_gone(self.lease)

    # --- what the control plane says of the lease

    def _confirm(self) -> None:
        self._reporting.confirm(self._confirmed)

    def _confirmed(self, answer: dict[str, Any]) -> None:
        if answer.get("cancel"):
            self.cancel()

    def _refused(self, error: Refused) -> None:
        log.warning("%s is no longer this agent's: %s", self._name, error.message)
        self.cancel()

    # --- the thread

    def _in_thread(self, work: Callable[[], None]) -> None:
        """Once: an attempt that is tried again has its thread."""
        if self._thread is None:
            self._thread = threading.Thread(target=work, name=self._name, daemon=True)
            self._thread.start()

    def _spawn_and_ship(self) -> None:
        self._spawn()
        self._ship()

    def _spawn(self) -> None:
        backoff = Backoff()
        while not self._stop.is_set():
            try:
                self._spawn_once()
                return
            except Exception:
                log.exception("%s could not be started", self._name)
            self._stop.wait(backoff.next())

    def _spawn_once(self) -> None:
        """Has the command started; or has it known, durably, that it never will be."""
        try:
            pid = self._spawner.start(self._directory)
        except OSError as error:
            result = supervisor.not_started(f"no process could be made: {error.strerror}")
            write_durably(self._directory.path / "result.json", result)
            self._loop.post(self._go_on)
        else:
            self._loop.post(partial(self._try, partial(self._watch, pid)))

    def _ship(self) -> None:
        everything = self._shipper.run()
        self._loop.post(partial(self._shipped, everything))


def _report(result: dict[str, Any], chunks: int) -> dict[str, Any]:
    """As `job.finish` has it. Of a lost job the supervisor left no sums."""
    whole = "streams" in result
    return {
        "outcome": result["outcome"],
        "exit_code": result["exit_code"],
        "reason": result["reason"],
        "duration_ms": result["duration_ms"],
        "log": {
            "chunks": chunks,
            "streams": result["streams"],
            "truncated": result["truncated"],
            "reason": result["missing_reason"],
        }
        if whole
        else None,
    }
