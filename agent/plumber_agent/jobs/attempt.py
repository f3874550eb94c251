"""One attempt at a job, from its journal entry to the acceptance of its end."""

import logging
import os
import select
import threading
import time
from collections.abc import Callable
from typing import Any

from plumber_agent.jobs import supervisor
from plumber_agent.jobs.journal import JobDirectory
from plumber_agent.jobs.reports import Reports
from plumber_agent.jobs.spawning import Spawner
from plumber_agent.machine.files import write_durably
from plumber_agent.machine.ship import Shipper
from plumber_agent.machine.spool import Spool
from plumber_agent.machine.wire import Backoff, Refused, Unreachable, Wire, until_done

WATCH_SECONDS = 0.1  # where the kernel cannot tell when somebody else's child ends
START_REPORT_SECONDS = 0.1  # a job that ends sooner is not reported as running
EXTEND_SECONDS = 60.0  # between confirmations of a job that outlives its time-out

log = logging.getLogger("plumber.agent")


class Attempt:
    """Runs in threads of its own; its owner learns of the end by `on_reported` and `on_gone`.

    `on_reported(lease)`: the control plane knows the end, the lease is no longer held.
    `on_gone(lease)`: the output has been shipped too, nothing is left.
    """

    def __init__(
        self,
        wire: Wire,
        directory: JobDirectory,
        reports: Reports,
        spawner: Spawner,
        on_reported: Callable[[str], None],
        on_gone: Callable[[str], None],
    ) -> None:
        self.lease = directory.lease
        self._wire = wire
        self._directory = directory
        self._reports = reports
        self._spawner = spawner
        self._on_reported = on_reported
        self._on_gone = on_gone
        self._reference = directory.reference()
        self._spool = Spool(directory.path)
        urls = directory.offer["log"]["urls"]
        self._shipper = Shipper(wire, self._reference, urls, self._spool)
        self._stop = threading.Event()
        self._cancelled = threading.Event()
        self._is_over = threading.Event()
        self._is_stuck = False
        self._threads: list[threading.Thread] = []

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
        for name, work in (("job", self._run), ("log", self._ship)):
            thread = threading.Thread(
                target=work, name=f"{name} {self._reference['job_id']}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def cancel(self) -> None:
        """Ends the command; may be asked for again and again."""
        if not self._cancelled.is_set():
            log.info("Cancelling %s.", self._name())
            self._cancelled.set()
        self._directory.cancel()

    def follow(self, is_followed: bool) -> None:
        """Whether somebody waits for the output."""
        self._shipper.follow(is_followed)

    def leave(self) -> None:
        """The agent goes; the command stays with its supervisor, and output and result on disk."""
        self._stop.set()
        self._shipper.stop()

    def _name(self) -> str:
        return f"job {self._reference['job_id']} of run {self._reference['run_id']}"

    def _ship(self) -> None:
        everything = self._shipper.run()
        self._threads[0].join()
        if self._directory.is_reported() and (everything or self._shipper.given_up):
            self._directory.remove()
            self._on_gone(self.lease)

    def _run(self) -> None:
        """Whatever fails, such as a full disk, is tried again from where the directory stands."""
        backoff = Backoff()
        while True:
            try:
                if not self._directory.is_reported():
                    self._run_to_the_end()
                self._spool_is_complete()
                return
            except Exception:
                log.exception("%s could not be carried on", self._name())
                self._is_stuck = True
            if self._stop.wait(backoff.next()):
                self._shipper.stop()
                return

    def _spool_is_complete(self) -> None:
        if self._directory.result() is not None or self._directory.is_reported():
            self._spool.cut_rest()
            self._shipper.end()
        elif self._stop.is_set():
            self._shipper.stop()

    def _run_to_the_end(self) -> None:
        if self._directory.result() is None:
            self._supervise()
        if self._stop.is_set() and self._directory.result() is None:
            return
        result = self._directory.result() or self._lost()
        chunks = self._spool.cut_rest()
        self._shipper.end()
        self._report_end(result, chunks)

    # --- the command

    def _supervise(self) -> None:
        """Returns when the supervisor has ended, or the agent is to."""
        if self._directory.is_supervised():
            log.info("Found %s still running.", self._name())
            self._confirm()
            self._in_background(self._report_start)
            self._watch()
        elif self._directory.started() is None:
            log.info("Starting %s.", self._name())
            self._spawn()

    def _spawn(self) -> None:
        try:
            pid = self._spawner.start(self._directory)
        except OSError as error:
            result = supervisor.not_started(f"no process could be made: {error.strerror}")
            write_durably(self._directory.path / "result.json", result)
            return
        self._in_background(self._report_start)
        self._watch(pid)

    def _wait_for(self, pid: int) -> None:
        """Waits for the process's end, and returns now and then to look at the stop."""
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        except (OSError, AttributeError):
            self._stop.wait(WATCH_SECONDS)
            return
        try:
            poller = select.poll()
            poller.register(descriptor, select.POLLIN)
            poller.poll(500)
        finally:
            os.close(descriptor)

    def _watch(self, pid: int | None = None) -> None:
        """Returns when the supervisor has ended, or the agent is to. `pid` is its, where known."""
        self._in_background(self._guard)
        while self._directory.is_supervised() and not self._stop.is_set():
            pid = pid or (self._directory.started() or {}).get("pid")
            if isinstance(pid, int):
                self._wait_for(pid)
            else:
                self._stop.wait(WATCH_SECONDS)
        self._is_over.set()

    def _in_background(self, work: Callable[[], None]) -> None:
        threading.Thread(target=work, daemon=True).start()

    def _lost(self) -> dict[str, Any]:
        self._directory.kill_leftovers()
        self._spool.take_in_tail("Output may be missing here: the job's supervisor died.")
        reason = self._directory.why_lost()
        log.warning("%s is lost: %s.", self._name(), reason)
        return {"outcome": "lost", "exit_code": None, "reason": reason, "duration_ms": 0}

    # --- reports

    def _report_start(self) -> None:
        """Until it is known that the job runs, or it is over: the end is accepted without it, and
        tells how long it took. So a job that ends at once costs one call less."""
        if self._is_over.wait(START_REPORT_SECONDS):
            return

        def report() -> dict[str, Any]:
            params = {**self._reference, "elapsed_ms": self._directory.elapsed_ms()}
            return self._reports.call("job.start", params)

        try:
            until_done(report, self._is_over)
        except Refused as error:
            self._refused(error)

    def _confirm(self) -> None:
        """After a restart: is the lease still good? An answer is not needed to go on."""
        try:
            answer = self._wire.call("job.extend", dict(self._reference))
        except Unreachable:
            return
        except Refused as error:
            self._refused(error)
            return
        if answer.get("cancel"):
            self.cancel()

    def _guard(self) -> None:
        """Keeps the sweeper off a command whose end takes longer than its time-out; repeats a
        cancel until the supervisor, which may just be starting, has it."""
        timeout = self._directory.offer["timeout_seconds"]
        extend_at = None if timeout is None else time.monotonic() + float(timeout) + EXTEND_SECONDS
        while not self._stop.is_set() and self._directory.result() is None:
            if self._cancelled.is_set():
                self._directory.cancel()
            if extend_at is not None and time.monotonic() >= extend_at:
                self._confirm()
                extend_at = time.monotonic() + EXTEND_SECONDS
            wait = WATCH_SECONDS if self._cancelled.is_set() else 1.0
            if self._threads and not self._threads[0].is_alive():
                return
            self._stop.wait(wait)

    def _refused(self, error: Refused) -> None:
        if error.is_final:
            log.warning("%s is no longer this agent's: %s", self._name(), error.message)
            self.cancel()

    def _report_end(self, result: dict[str, Any], chunks: int) -> None:
        params = {
            **self._reference,
            "outcome": result["outcome"],
            "exit_code": result["exit_code"],
            "reason": result["reason"],
            "duration_ms": result["duration_ms"],
            "log": None,
        }
        if "streams" in result:
            params["log"] = {
                "chunks": chunks,
                "streams": result["streams"],
                "truncated": result["truncated"],
                "reason": result["missing_reason"],
            }
        try:
            answer = until_done(lambda: self._reports.call("job.finish", params), self._stop)
        except Refused as error:
            log.warning("The end of %s was refused: %s", self._name(), error.message)
            answer = {"state": "refused"}
        if answer is None:
            return
        log.info("%s: %s, exit code %s.", self._name(), answer["state"], result["exit_code"])
        self._directory.mark_reported()
        self._on_reported(self.lease)
