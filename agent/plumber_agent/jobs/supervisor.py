"""One job's own process: runs the command, spools its output, ends it in time, writes the result.

Started by `start_arguments`, in a session of its own, so that the job outlives the agent. Imports
nothing but the standard library, and little of that: it starts with every job. Files in the job's
directory:

| file | is |
| --- | --- |
| `job.json` | what to run; written by the agent |
| `lock` | held by the supervisor as long as it lives |
| `started` | pid, boot id and time of the start; its presence means that the command may have run |
| `spool.…`, `tail.…` | the output: see `output` |
| `result.json` | how it ended; written last |

SIGTERM means: cancel the job.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import select
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from plumber_agent.jobs.command import CannotStart, Program
from plumber_agent.jobs.output import Output
from plumber_agent.machine.processes import (
    PIPE_BYTES,
    Cgroup,
    become_subreaper,
    descendants,
    enlarge,
    living,
    send,
)
from plumber_agent.machine.segments import STDERR, STDOUT

if TYPE_CHECKING:
    from plumber_agent.jobs.masking import Masking
    from plumber_agent.jobs.pattern_process import PatternProcess

READ_BYTES = 65_536  # the largest record
RESERVE_BYTES = 16_384  # set aside so that the result finds room on a full disk
START_ROUND_SECONDS = 60.0
KILL_ROUND_SECONDS = 0.05
KILL_PATIENCE_SECONDS = 5.0  # after SIGKILL; what still lives then sits in the kernel


def program(module: str, call: str, *arguments: str) -> list[str]:
    """The command line of a small program. Without site-packages Python starts sooner."""
    place = os.path.abspath(__file__)  # noqa: PTH100
    for _ in range(3):  # out of plumber_agent/jobs
        place = os.path.dirname(place)  # noqa: PTH120
    text = (
        "import sys; sys.path.insert(0, sys.argv[1]); "
        f"from plumber_agent.jobs.{module} import *; {call}"
    )
    return [sys.executable, "-I", "-S", "-c", text, place, *arguments]


def start_arguments(directory: str) -> list[str]:
    """The command line of a supervisor by itself: agents have a `spawner`."""
    return program("supervisor", "main(sys.argv[2])", directory)


def boot_id() -> str:
    """Changes with every start of the machine."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:  # noqa: PTH123 - pathlib is slow to import
            return file.read().strip()
    except OSError:
        return ""


class Supervision:
    """The life of one command."""

    def __init__(self, directory: str, job: dict[str, Any], cgroup: Cgroup) -> None:
        self._directory = directory
        self._job = job
        self._cgroup = cgroup
        self._output = Output(directory, int(job["max_log_bytes"]), int(job["spool_quota"]))
        self._masking: dict[int, Masking] | None = None
        self._patterns: PatternProcess | None = None
        self._signals = -1  # until the command runs
        self._pid = 0
        self._status: int | None = None
        self._outcome = "exited"
        self._kill_at: float | None = None
        self._killing_since: float | None = None
        self._began = time.monotonic()

    def run(self, signals: int) -> dict[str, Any]:
        """From the start to the result. `signals` is read when one has arrived."""
        try:
            self._prepare_masking()
            program = Program(self._job, self._directory)
            pipes = self._start(program, signals)
        except CannotStart as problem:
            self._cgroup.remove()
            return self._result("not_started", None, str(problem))
        except OSError as error:
            self._cgroup.remove()
            return self._result("not_started", None, f"it could not be started: {error.strerror}")
        self._watch(pipes, signals)
        result = self._end()
        program.clean_up()
        self._cgroup.remove()
        return result

    def _prepare_masking(self) -> None:
        """Raises CannotStart: nothing is printed that could not be masked."""
        mask = self._job.get("mask") or {}
        values, patterns = mask.get("values") or [], mask.get("patterns") or []
        if patterns:
            from plumber_agent.jobs import pattern_process  # most jobs have nothing to mask

            self._patterns = pattern_process.start(patterns, self._attend)
        if patterns or any(values):
            from plumber_agent.jobs.masking import Masking

            streams = (STDOUT, STDERR)
            self._masking = {stream: Masking(values, self._patterns) for stream in streams}

    def _start(self, program: Program, signals: int) -> dict[int, int]:
        """Starts the command; answers the reading ends of its pipes with their streams."""
        out, to_out = os.pipe()
        err, to_err = os.pipe()
        complaints, to_complaints = os.pipe()
        for pipe in (out, err):
            os.set_blocking(pipe, False)
            enlarge(pipe)
        self._pid = self._cgroup.fork()
        if self._pid == 0:
            program.execute(to_out, to_err, to_complaints)
        self._signals = signals
        for end in (to_out, to_err, to_complaints):
            os.close(end)
        # Closed by the execution of the command. Until then the child may be stopped already, by
        # the user that it has become: it can be ended all the same.
        while not self._attend(complaints, select.POLLIN, START_ROUND_SECONDS):
            pass
        problem = os.read(complaints, 4096)
        os.close(complaints)
        if problem:
            program.clean_up()
            raise CannotStart(problem.decode(errors="replace"))
        return {out: STDOUT, err: STDERR}

    def _watch(self, pipes: dict[int, int], signals: int) -> None:
        poller = select.poll()
        for descriptor in (*pipes, signals):
            poller.register(descriptor, select.POLLIN)
        while not self._is_over():
            for descriptor, _ in poller.poll(self._milliseconds_to_wait()):
                if descriptor == signals:
                    self._take_signals(signals)
                elif not self._read(descriptor, pipes[descriptor]):
                    poller.unregister(descriptor)
                    os.close(descriptor)
                    del pipes[descriptor]
            self._keep_time()
        for descriptor, stream in pipes.items():
            self._drain(descriptor, stream)

    def _attend(self, descriptor: int, event: int, seconds: float) -> bool:
        """Until the event comes, or so long at most; whether it came. Signals and the time-out
        are not kept waiting: whatever is waited for, the command can be ended."""
        poller = select.poll()
        poller.register(descriptor, event)
        if self._signals >= 0:
            poller.register(self._signals, select.POLLIN)
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            wait = self._milliseconds_to_wait()
            ready = dict(poller.poll(left * 1000 if wait is None else min(wait, left * 1000)))
            if self._signals in ready:
                self._take_signals(self._signals)
            if self._pid:
                self._keep_time()
            if descriptor in ready:
                return True
        return False

    def _drain(self, descriptor: int, stream: int) -> None:
        """What the command had written before it ended; a child that lives on may write more."""
        left = PIPE_BYTES  # more cannot have been in the pipe
        while left > 0 and (size := self._read(descriptor, stream)) > 0:
            left -= size
        os.close(descriptor)

    def _read(self, descriptor: int, stream: int) -> int:
        """How many bytes were read; 0 at the end of the stream, and -1 when there is nothing."""
        try:
            data = os.read(descriptor, READ_BYTES)
        except BlockingIOError:
            return -1
        kept = data if self._masking is None else self._masking[stream].feed(data)
        self._output.write(stream, kept)
        return len(data)

    def _take_signals(self, signals: int) -> None:
        try:
            arrived = os.read(signals, 1024)
        except BlockingIOError:  # `_attend` took them
            return
        if signal.SIGCHLD in arrived:
            self._reap()
        if signal.SIGTERM in arrived:
            self._end_it("cancelled")

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._pid:
                self._status = status
            elif self._patterns is not None:
                self._patterns.has_ended(pid)

    def _is_over(self) -> bool:
        if self._status is None:
            return False
        if self._kill_at is None:
            return True
        return not self._living() or self._has_been_patient()

    def _has_been_patient(self) -> bool:
        since = self._killing_since
        return since is not None and time.monotonic() - since > KILL_PATIENCE_SECONDS

    def _milliseconds_to_wait(self) -> float | None:
        if self._killing_since is not None or (self._kill_at and self._status is not None):
            return KILL_ROUND_SECONDS * 1000
        deadline = self._kill_at or self._timeout_at()
        if deadline is None:
            return None
        return max(0.0, deadline - time.monotonic()) * 1000 + 1

    def _timeout_at(self) -> float | None:
        seconds = self._job["timeout_seconds"]
        return None if seconds is None else self._began + float(seconds)

    def _keep_time(self) -> None:
        now = time.monotonic()
        timeout_at = self._timeout_at()
        if self._kill_at is None and self._status is None and timeout_at and now >= timeout_at:
            self._end_it("timed_out")
        if self._kill_at is not None and now >= self._kill_at:
            self._killing_since = self._killing_since or now
            self._cgroup.kill()
            self._signal_all(signal.SIGKILL)

    def _end_it(self, outcome: str) -> None:
        """SIGTERM to everything that the command started; SIGKILL follows."""
        if self._kill_at is not None or self._status is not None:
            return
        self._outcome = outcome
        self._kill_at = time.monotonic() + float(self._job["kill_after_seconds"])
        self._signal_all(signal.SIGTERM)

    def _signal_all(self, number: signal.Signals) -> None:
        itself = [self._pid] if self._status is None else []  # buried, its number is another's
        send(number, self._living() or itself)

    def _living(self) -> list[int]:
        """Everything that the command started and that goes on."""
        own = set() if self._patterns is None else {self._patterns.pid}
        return sorted({*descendants(os.getpid()), *living(self._cgroup.pids())} - own)

    def _end(self) -> dict[str, Any]:
        left = self._living() if self._kill_at is not None else []
        reason = None
        if left:
            reason = f"these processes could not be ended: {', '.join(map(str, left))}"
        elif self._outcome == "timed_out":
            reason = f"the time-out of {self._job['timeout_seconds']:g} s passed"
        code = None if self._status is None else os.waitstatus_to_exitcode(self._status)
        if code is not None and code < 0:
            code = 128 - code
        return self._result(self._outcome, code, reason)

    def _result(self, outcome: str, exit_code: int | None, reason: str | None) -> dict[str, Any]:
        for stream, masking in (self._masking or {}).items():
            self._output.write(stream, masking.flush())
        if self._patterns is not None:
            self._patterns.close()
        streams = self._output.close()
        return {
            "outcome": outcome,
            "exit_code": exit_code,
            "reason": reason,
            "duration_ms": int((time.monotonic() - self._began) * 1000),
            "streams": streams,
            "truncated": self._output.reason is not None,
            "missing_reason": self._output.reason,
        }


def _set_aside(path: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, bytes(RESERVE_BYTES))
    finally:
        os.close(descriptor)


def write_whole(path: str, content: bytes) -> None:
    """The file appears whole, and is on disk when this returns."""
    temporary = f"{path}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(temporary, path)  # noqa: PTH105


def write_result(directory: str, result: dict[str, Any]) -> None:
    """Writes the result; on a full disk into the room that was set aside for it."""
    while True:
        try:
            _remove(f"{directory}/reserve")
            write_whole(f"{directory}/result.json", json.dumps(result).encode())
            return
        except OSError:
            time.sleep(1.0)  # the directory is gone or nothing can be written; nothing else to do
            if not os.path.isdir(directory):  # noqa: PTH112
                return


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.remove(path)  # noqa: PTH107


def mark_started(directory: str, cgroup: Cgroup) -> bool:
    """Whether this is the first start; the mark is on disk when this returns."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        descriptor = os.open(f"{directory}/started", flags, 0o600)
    except FileExistsError:
        return False
    mark = {
        "pid": os.getpid(),
        "boot_id": boot_id(),
        "cgroup": cgroup.path,
        "at_ms": int(time.clock_gettime(time.CLOCK_BOOTTIME) * 1000),
    }
    os.write(descriptor, json.dumps(mark).encode())
    os.fsync(descriptor)
    os.close(descriptor)
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(folder)  # the name, too
    os.close(folder)
    return True


def lock(directory: str) -> int:
    """The descriptor of the lock that a supervisor holds as long as it lives. Raises
    BlockingIOError when another one does."""
    descriptor = os.open(f"{directory}/lock", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def main(directory: str) -> None:
    """Runs the job of the directory, once; nothing while another supervisor does."""
    with contextlib.suppress(BlockingIOError):
        lock(directory)
        supervise(directory)


def supervise(directory: str) -> None:
    """Runs the job of a directory whose lock this process holds, once."""
    with open(f"{directory}/job.json", "rb") as file:  # noqa: PTH123
        job = json.load(file)
    signals, wakeup = os.pipe()
    for end in (signals, wakeup):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    become_subreaper()
    try:
        _set_aside(f"{directory}/reserve")
        cgroup = Cgroup.create(os.urandom(8).hex())
        is_first = mark_started(directory, cgroup)
        supervision = Supervision(directory, job, cgroup)
    except OSError as error:
        reason = f"the agent's directory cannot be written: {error.strerror}"
        write_result(directory, not_started(reason))
        return
    if is_first:
        write_result(directory, supervision.run(signals))
    else:
        cgroup.remove()


def not_started(reason: str) -> dict[str, Any]:
    """The result of a job whose command never ran."""
    empty = {"bytes": 0, "sha256": hashlib.sha256().hexdigest(), "missing": 0}
    return {
        "outcome": "not_started",
        "exit_code": None,
        "reason": reason,
        "duration_ms": 0,
        "streams": {"stdout": empty, "stderr": empty},
        "truncated": False,
        "missing_reason": None,
    }
