"""What the agent knows of its jobs, on disk: a directory for each, written before anything starts.

Beside the supervisor's files (see `supervisor`) a directory holds `cuts`, where the spool was cut
into chunks, `shipped`, how many of them have arrived, and `reported` once the end was accepted or
refused.
"""

import fcntl
import hashlib
import logging
import os
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plumber_agent.jobs.offer import NAMES, Offer
from plumber_agent.jobs.supervisor import boot_id, not_started
from plumber_agent.machine.files import read_json, sync_directory, write_durably
from plumber_agent.machine.ownership import (
    NotOurs,
    private_directory,
    require_own_file,
    require_private_directory,
)
from plumber_agent.machine.processes import kill_leftovers

log = logging.getLogger("plumber.agent")


@dataclass(frozen=True)
class JobDirectory:
    """One attempt at a job."""

    path: Path

    @property
    def offer(self) -> dict[str, Any]:
        """The job as it was noted."""
        document: dict[str, Any] = read_json(self.path / "job.json")
        return document

    @property
    def lease(self) -> str:
        """The right to this attempt."""
        return str(self.offer["lease"])

    def reference(self) -> dict[str, str]:
        """What every report names."""
        offer = self.offer
        return {key: str(offer[key]) for key in NAMES}

    def is_supervised(self) -> bool:
        """Whether a supervisor lives: it holds the lock as long as it does."""
        try:
            descriptor = os.open(self.path / "lock", os.O_WRONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def started(self) -> dict[str, Any] | None:
        """The supervisor's mark, or None when the command has certainly not been started."""
        if not (self.path / "started").exists():
            return None
        mark: dict[str, Any] = read_json(self.path / "started") or {}
        return mark

    def elapsed_ms(self) -> int:
        """Since the supervisor's mark; none without one. The clock goes on while a machine
        sleeps."""
        began = (self.started() or {}).get("at_ms")
        now = int(time.clock_gettime(time.CLOCK_BOOTTIME) * 1000)
        return max(0, now - began) if isinstance(began, int) else 0

    def result(self) -> dict[str, Any] | None:
        """How the attempt ended, or None as long as it has not."""
        document: dict[str, Any] | None = read_json(self.path / "result.json")
        return document

    def why_lost(self) -> str:
        """For an attempt that was started, and has neither a supervisor nor a result."""
        mark = self.started() or {}
        if mark.get("boot_id") != boot_id():
            return "the machine restarted while the job ran"
        return "the process that supervised the job died"

    def kill_leftovers(self) -> None:
        """Ends what is left of a command whose supervisor has died."""
        cgroup = (self.started() or {}).get("cgroup")
        if isinstance(cgroup, str):
            kill_leftovers(cgroup)

    def cancel(self) -> None:
        """Asks the supervisor to end the job; nothing when there is none."""
        pid = (self.started() or {}).get("pid")
        if isinstance(pid, int) and self.is_supervised():
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                return

    def mark_reported(self) -> None:
        """The end was accepted or refused; only its output may still be on the way. Lost by a crash
        of the machine, it is reported once more, which changes nothing."""
        (self.path / "reported").touch(mode=0o600)

    def is_reported(self) -> bool:
        """Whether the control plane knows the end."""
        return (self.path / "reported").exists()

    def remove(self) -> None:
        """Nothing of the attempt is needed any more."""
        shutil.rmtree(self.path, ignore_errors=True)


class Journal:
    """All attempts of this agent."""

    def __init__(self, workdir: Path, spool_quota: int) -> None:
        self._jobs = workdir / "jobs"
        private_directory(self._jobs)
        self._workdir = workdir
        self._spool_quota = spool_quota

    def add(self, offer: Offer) -> JobDirectory:
        """Notes a job, on disk before this returns. The same offer again changes nothing. Raises
        OSError, and NotOurs when somebody else has been there."""
        directory = JobDirectory(self._jobs / offer.name)
        private_directory(directory.path)
        require_own_file(directory.path / "job.json")
        if not (directory.path / "job.json").exists():
            document = {
                **offer.document(),
                "path": offer.path or self._path_of(offer),
                "spool_quota": self._spool_quota,
            }
            write_durably(directory.path / "job.json", document)
            sync_directory(self._jobs)
        return directory

    def refuse(self, reference: dict[str, str], reason: str) -> JobDirectory:
        """Notes a job that cannot be carried out: nothing is left of it but to report that, which
        lasts until it is accepted. Raises as `add`."""
        directory = JobDirectory(self._jobs / "-".join((*reference.values(), "refused")))
        private_directory(directory.path)
        # The result first: a job that has one is never started.
        write_durably(directory.path / "result.json", not_started(reason))
        nothing: dict[str, Any] = {"timeout_seconds": None, "urls": []}
        write_durably(directory.path / "job.json", {**reference, **nothing})
        sync_directory(self._jobs)
        return directory

    def _path_of(self, offer: Offer) -> str | None:
        """Of a job that names none. Other users may not enter the work directory: they go home."""
        return None if offer.user else str(self._workdir)

    def all(self) -> list[JobDirectory]:
        """Every attempt that was noted; what was never noted whole is removed. What another user
        may have put there is left alone."""
        found = []
        for path in sorted(self._jobs.iterdir()):
            try:
                require_private_directory(path)
                require_own_file(path / "job.json")
            except NotOurs as problem:
                log.error("This is no job of the agent's, and is not run: %s", problem)
                continue
            if read_json(path / "job.json") is None:
                shutil.rmtree(path, ignore_errors=True)
            else:
                found.append(JobDirectory(path))
        return found

    def instance(self) -> str:
        """The same for everybody who works with these very directories, one process at a time,
        since the machine started; a copy is another instance, wherever it is."""
        place = self._jobs.stat()
        text = f"{boot_id()} {place.st_dev} {place.st_ino}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def next_incarnation(self, now_seconds: int) -> int:
        """A number that grows with every start of the agent, also when its directory was lost."""
        path = self._workdir / "incarnation"
        stored = read_json(path)
        number = max(stored + 1 if isinstance(stored, int) else 0, now_seconds)
        write_durably(path, number)
        return number
