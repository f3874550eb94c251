"""The agent's end of the spawner: see `spawner`."""

import contextlib
import errno
import logging
import select
import subprocess
import threading

from plumber_agent.jobs import spawner
from plumber_agent.jobs.journal import JobDirectory

PATIENCE_SECONDS = 10.0

log = logging.getLogger("plumber.agent")


class Spawner:
    """Starts supervisors, from any thread. A spawner that has died is started anew."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def warm_up(self) -> None:
        """So that the first job does not wait for it."""
        with self._lock, contextlib.suppress(OSError):
            self._launch()

    def start(self, directory: JobDirectory) -> int | None:
        """The pid of the supervisor that lives now; None when there was one already. Raises
        OSError."""
        with self._lock:
            answer = self._ask(directory)
            if answer is None and not self._may_have_started(directory):
                answer = self._ask(directory)
        word, _, rest = (answer or "").partition(" ")
        if word == "started":
            return int(rest)
        if word == "failed":
            raise OSError(errno.EAGAIN, rest)
        if word == "supervised" or self._may_have_started(directory):
            return None
        raise OSError(errno.EAGAIN, "the spawner does not answer")

    def _may_have_started(self, directory: JobDirectory) -> bool:
        return directory.is_supervised() or directory.started() is not None

    def _ask(self, directory: JobDirectory) -> str | None:
        """The answer; None when the spawner has died or says nothing."""
        process = self._launch()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(bytes(directory.path) + b"\n")
            process.stdin.flush()
            if select.select([process.stdout], [], [], PATIENCE_SECONDS)[0]:
                line = process.stdout.readline()
                if line.endswith(b"\n"):
                    return line[:-1].decode()
        except OSError:
            pass
        log.warning("The spawner has died, and is started anew.")
        self._forget()
        return None

    def _launch(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._process.poll() is not None:
            self._forget()
            self._process = subprocess.Popen(
                spawner.start_arguments(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        return self._process

    def _forget(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]
