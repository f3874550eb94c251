"""Starts child processes, watches them, and ends them with everything that they have started.

One loop owns the state: a thread per child, and the signal handlers, only post events. Each wait
looks at the events, so a crash or Ctrl-C is noticed whatever the stack is waiting for. What fails
beside the waits is asked for its cause: often it failed because a child had died.
"""

import contextlib
import ctypes
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from time import monotonic
from typing import IO, NoReturn

import psutil

from infra.local.environment import ROOT

GRACE_SECONDS = 10.0  # between SIGTERM and SIGKILL
POLL_SECONDS = 0.02
CAUSE_SECONDS = 1.0  # a dying process closes its connections before its end can be seen
LAST_LINES = 20  # of a log; a crash in C is told there by faulthandler, in more than a dozen
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # <linux/prctl.h>


class Interrupted(Exception):
    """Somebody asked the stack to end."""


class ChildEnded(Exception):
    """A child ended although nobody asked it to; the text says which, how, and its last lines."""


class NotReady(Exception):
    """Something is not there, or did not come up in time."""


@dataclass(frozen=True)
class Child:
    """A running process: the leader of a session of its own, with its output in a file."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def signal(self, number: int) -> None:
        """Sends to the whole group; may be repeated, and may come too late."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return

    def last_lines(self) -> str:
        lines = self.log.read_text("utf-8", "replace").splitlines()[-LAST_LINES:]
        return "\n".join(f"    {line}" for line in lines)


class _Sign(Enum):
    """What is posted beside the ends of children."""

    INTERRUPT = "interrupt"
    SOME_END = "some end"  # of a child or an adopted orphan


class Processes:
    """The children of one stack. Not for several threads at once."""

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        self._logs = logs
        self._environment = dict(environment)
        self._children: list[Child] = []
        self._stopping: set[int] = set()
        self._events: queue.SimpleQueue[Child | _Sign] = queue.SimpleQueue()
        self._is_end_posted = False
        logs.mkdir(parents=True, exist_ok=True)

    @property
    def environment(self) -> Mapping[str, str]:
        """What every child gets."""
        return self._environment

    @property
    def children(self) -> Sequence[Child]:
        """Those that were started and not ended since."""
        return tuple(self._children)

    def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        cwd: Path = ROOT,
    ) -> Child:
        """Starts a child whose end is a fault unless `stop` ends it. Appends to `<name>.log`."""
        return self._spawn(name, command, environment or {}, cwd, None)

    def _spawn(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        cwd: Path,
        output: IO[bytes] | None,
    ) -> Child:
        if shutil.which(command[0]) is None:
            raise NotReady(f"The program {command[0]} is missing. `make deps` installs it.")
        log = self._logs / f"{name}.log"
        with log.open("ab") as errors:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output or errors,
                stderr=errors,
                env=self._environment | dict(environment),
                cwd=cwd,
                start_new_session=True,
                preexec_fn=end_with_parent if sys.platform == "linux" else None,
            )
        child = Child(name, process, log)
        self._children.append(child)
        threading.Thread(target=self._report_end, args=(child,), daemon=True).start()
        return child

    def _report_end(self, child: Child) -> None:
        child.process.wait()
        self._events.put(child)

    def run(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        seconds: float,
        echo: Callable[[str], None] | None = None,
    ) -> str:
        """Runs a child to its end and answers its standard output; raises ChildEnded if it fails.

        With `echo` the output is also passed on as it comes.
        """
        output = self._logs / f"{name}.out"
        output.touch(mode=0o600)  # it may hold a secret
        with output.open("wb") as file:
            child = self._spawn(name, command, environment, ROOT, file)
        self._stopping.add(child.process.pid)
        with output.open() as lines:
            self.wait_until(lambda: _pass_on(lines, echo, child), seconds, f"The end of {name}")
        self._children.remove(child)
        if child.process.returncode != 0:
            self.raise_cause()
            raise ChildEnded(_describe_end(child))
        text = output.read_text()
        output.unlink()
        return text

    def interrupt(self) -> None:
        """For signal handlers: makes the current or the next wait raise Interrupted."""
        self._events.put(_Sign.INTERRUPT)

    def adopt_orphans(self) -> None:
        """Makes this process the parent of orphaned descendants (Linux), so that none can get away,
        and buries those that have ended. For the main thread, once."""
        if sys.platform == "linux":
            _prctl(PR_SET_CHILD_SUBREAPER, 1)
            signal.signal(signal.SIGCHLD, lambda *_: self._post_end())

    def _post_end(self) -> None:
        if not self._is_end_posted:
            self._is_end_posted = True
            self._events.put(_Sign.SOME_END)

    def _bury_orphans(self) -> None:
        """Takes the exit codes of orphans that have ended. Those of this process's own children
        are left to whoever waits for them, so this asks for one process after the other."""
        self._is_end_posted = False  # first: an end that comes from here on is posted anew
        own = {child.process.pid for child in self._children}
        for process in psutil.Process().children():
            if process.pid not in own:
                with contextlib.suppress(ChildProcessError):  # psutil took it
                    os.waitpid(process.pid, os.WNOHANG)

    def wait_until(self, ready: Callable[[], bool], seconds: float, what: str) -> None:
        """Raises NotReady with `what` after so long, Interrupted, or ChildEnded."""
        deadline = monotonic() + seconds
        while not ready():
            self._look_at_event(POLL_SECONDS)
            if monotonic() > deadline:
                raise NotReady(f"{what} did not happen within {seconds:g} s.")

    def watch(self) -> NoReturn:
        """Waits for ever; ends only by raising Interrupted or ChildEnded."""
        while True:
            self._look_at_event(None)

    def raise_cause(self) -> None:
        """After something failed: raises ChildEnded if a child has ended, or is about to, and
        Interrupted as a wait does; returns if there is no such cause."""
        deadline = monotonic() + CAUSE_SECONDS
        while monotonic() < deadline:
            self._look_at_event(POLL_SECONDS)

    def _look_at_event(self, timeout_seconds: float | None) -> None:
        try:
            event = self._events.get(timeout=timeout_seconds)
        except queue.Empty:
            return
        if event is _Sign.INTERRUPT:
            raise Interrupted
        if event is _Sign.SOME_END:
            self._bury_orphans()
        elif event.process.pid not in self._stopping:
            raise ChildEnded(_describe_end(event))

    def stop(self, children: Iterable[Child] | None = None) -> None:
        """Ends these children, or all, with their descendants: SIGTERM, a grace, SIGKILL."""
        chosen = list(self._children if children is None else children)
        self._stopping.update(child.process.pid for child in chosen)
        descendants = [process for child in chosen for process in _descendants(child.process.pid)]
        for child in chosen:
            if child.is_running:
                child.signal(signal.SIGTERM)
        _wait_for_all(chosen, GRACE_SECONDS)
        for child in chosen:
            descendants += _descendants(child.process.pid)
            child.signal(signal.SIGKILL)  # also what is left of its group
            child.process.wait()
        kill(descendants)
        self._children = [child for child in self._children if child not in chosen]

    def kill(self, child: Child) -> None:
        """Ends one child as a crash would: SIGKILL to it alone, its descendants live on."""
        self._stopping.add(child.process.pid)
        child.process.kill()
        child.process.wait()
        self._children.remove(child)


def _pass_on(output: IO[str], echo: Callable[[str], None] | None, child: Child) -> bool:
    ended = not child.is_running  # asked before reading: what is read then is all
    text = output.read()
    if echo is not None and text:
        echo(text)
    return ended


def _describe_end(child: Child) -> str:
    code = child.process.returncode
    how = (
        f"was killed by {signal.Signals(-code).name}"
        if code < 0
        else f"ended with exit code {code}"
    )
    lines = child.last_lines()
    said = f"The last lines of {child.log}:\n{lines}" if lines else f"Its log {child.log} is empty."
    return f"{child.name} {how}. {said}"


def _wait_for_all(children: Iterable[Child], seconds: float) -> None:
    deadline = monotonic() + seconds
    for child in children:
        try:
            child.process.wait(max(0.0, deadline - monotonic()))
        except subprocess.TimeoutExpired:
            continue


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def kill(processes: Iterable[psutil.Process]) -> None:
    """SIGKILL for those that still live; waits until they are gone."""
    living = []
    for process in processes:
        try:
            process.kill()  # psutil compares start times: never another process with a reused id
            living.append(process)
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(living, timeout=GRACE_SECONDS)


def kill_all_descendants() -> None:
    """The last measure of a process that is about to end, and that has adopted orphans."""
    while descendants := _descendants(os.getpid()):
        kill(descendants)


_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _prctl(option: int, value: int) -> None:
    if _LIBC is not None:
        _LIBC.prctl(option, value, 0, 0, 0)


def end_with_parent() -> None:
    """Runs in the child before its program: SIGTERM when the parent dies, even by SIGKILL."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
