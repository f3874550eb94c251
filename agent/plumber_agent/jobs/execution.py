"""A job's command while it runs: its supervisor is watched, and told when the job is cancelled."""

import os
import time
from collections.abc import Callable

from plumber_agent.jobs.journal import JobDirectory
from plumber_agent.machine.loop import Loop, Timer

LOOK_SECONDS = 1.0
LOOK_CLOSELY_SECONDS = 0.1  # where the kernel cannot tell of the end, and while a cancel is on
EXTEND_SECONDS = 60.0  # between confirmations of a job that outlives its time-out


class Execution:
    """Belongs to the agent's loop. `on_over`: the supervisor has ended. `on_long`: the command has
    outlived its time-out, which the control plane should know."""

    def __init__(
        self,
        directory: JobDirectory,
        loop: Loop,
        on_over: Callable[[], None],
        on_long: Callable[[], None],
    ) -> None:
        self._directory = directory
        self._loop = loop
        self._on_over = on_over
        self._on_long = on_long
        self._descriptor: int | None = None
        self._timer: Timer | None = None
        self._extend_at: float | None = None
        self._is_watched = False
        self.is_cancelled = False

    def watch(self, pid: int | None) -> None:
        """Until the supervisor ends. `pid` is its, where known."""
        if self._is_watched:
            return
        timeout = self._directory.offer["timeout_seconds"]
        if timeout is not None:
            self._extend_at = time.monotonic() + float(timeout) + EXTEND_SECONDS
        pid = pid or (self._directory.started() or {}).get("pid")
        self._is_watched = True
        self._open(pid)
        self._look()

    def cancel(self) -> None:
        """Again and again until the supervisor, which may just be starting, has it."""
        self.is_cancelled = True
        if self._is_watched:
            self._look()

    def leave(self) -> None:
        """The command stays with its supervisor."""
        self._is_watched = False
        if self._timer is not None:
            self._timer.cancel()
        self._close()

    def _open(self, pid: object) -> None:
        """Has the kernel tell when the process ends."""
        if isinstance(pid, int):
            try:
                self._descriptor = os.pidfd_open(pid)
            except (OSError, AttributeError):  # it is gone already; not Linux
                return
            self._loop.watch(self._descriptor, self._ended)

    def _close(self) -> None:
        if self._descriptor is not None:
            self._loop.unwatch(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None

    def _ended(self) -> None:
        """The process is gone; its lock decides."""
        self._close()
        self._look()

    def _look(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        is_close = self.is_cancelled or self._descriptor is None
        seconds = LOOK_CLOSELY_SECONDS if is_close else LOOK_SECONDS
        self._timer = self._loop.later(seconds, self._look)  # first: whatever fails, it looks again
        if not self._directory.is_supervised():
            self.leave()
            self._on_over()
            return
        if self.is_cancelled:
            self._directory.cancel()
        if self._extend_at is not None and time.monotonic() >= self._extend_at:
            self._extend_at = time.monotonic() + EXTEND_SECONDS
            self._on_long()
