"""Everything that a command started: found through its cgroup, and by the walk of its descendants.

Part of the supervisor: little is imported.
"""

import contextlib
import ctypes
import fcntl
import os
import signal
from collections.abc import Iterable

PIPE_BYTES = 1 << 20
PREFIX = "plumber-"  # of the names of commands' cgroups
PR_SET_CHILD_SUBREAPER = 36
# <linux/sched.h>; clone_args has eleven numbers since Linux 5.7, the last one the cgroup.
SYS_CLONE3, CLONE_INTO_CGROUP, CLONE_ARGUMENTS = 435, 0x2_0000_0000, 11


class Cgroup:
    """A cgroup (v2) of one command, below the agent's own; or nothing, where none can be made.

    Interface: https://docs.kernel.org/admin-guide/cgroup-v2.html (cgroup.procs, cgroup.kill)
    """

    def __init__(self, path: str | None) -> None:
        self.path = path

    @classmethod
    def create(cls, name: str) -> "Cgroup":
        """Needs the right to write there: root, or `Delegate=yes` of systemd."""
        parent = _parent()
        if parent is None:
            return cls(None)
        path = f"{parent}/{PREFIX}{name}"
        try:
            os.mkdir(path)  # noqa: PTH102
        except OSError:
            return cls(None)
        return cls(path)

    def fork(self) -> int:
        """As `os.fork`, with the child in the cgroup."""
        pid = self._fork_into()
        if pid is None:
            pid = os.fork()
            if pid == 0 and self.path is not None:
                with contextlib.suppress(OSError):
                    _write(f"{self.path}/cgroup.procs", "0")
        return pid

    def _fork_into(self) -> int | None:
        """By clone3, since Linux 5.7; None where it cannot be done. To move a process that lives
        takes the kernel 15 ms, more than everything else of a command's start."""
        if self.path is None or not hasattr(ctypes, "pythonapi"):
            return None
        python, kernel = ctypes.pythonapi, ctypes.PyDLL(None, use_errno=True)
        try:
            folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            return None
        arguments = (ctypes.c_uint64 * CLONE_ARGUMENTS)()
        arguments[0], arguments[4] = CLONE_INTO_CGROUP, signal.SIGCHLD
        arguments[CLONE_ARGUMENTS - 1] = folder
        try:
            python.PyOS_BeforeFork()
            pid: int = kernel.syscall(SYS_CLONE3, arguments, ctypes.sizeof(arguments))
            if pid == 0:
                python.PyOS_AfterFork_Child()
            else:
                python.PyOS_AfterFork_Parent()
        finally:
            os.close(folder)
        return pid if pid >= 0 else None

    def pids(self) -> list[int]:
        """The processes in it and in the cgroups that they made below."""
        if self.path is None:
            return []
        found: list[int] = []
        for folder, _, _ in os.walk(self.path):
            with (
                contextlib.suppress(OSError),
                open(f"{folder}/cgroup.procs", "rb") as file,  # noqa: PTH123
            ):
                found += [int(line) for line in file]
        return found

    def kill(self) -> None:
        """SIGKILL to all of them at once, since Linux 5.14; older kernels are left to the walk."""
        if self.path is not None:
            with contextlib.suppress(OSError):
                _write(f"{self.path}/cgroup.kill", "1")

    def remove(self) -> None:
        """Once it is empty; what a command leaves behind on purpose keeps it."""
        if self.path is not None:
            for folder, _, _ in os.walk(self.path, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)  # noqa: PTH106


class EmptyCgroups:
    """Cgroups that outlived their jobs: what a command leaves behind on purpose keeps its cgroup,
    and nobody else looks when that ends."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def remove(self) -> None:
        """Those that were empty at the last look too: one that was just made has no process yet,
        and its job begins long before the next look."""
        parent, empty = _parent(), set()
        with contextlib.suppress(OSError):
            for name in [] if parent is None else os.listdir(parent):  # noqa: PTH208
                if name.startswith(PREFIX) and _is_empty(path := f"{parent}/{name}"):
                    empty.add(path)
        for path in empty & self._seen:
            Cgroup(path).remove()
        self._seen = empty


def _is_empty(path: str) -> bool:
    try:
        with open(f"{path}/cgroup.events", "rb") as file:  # noqa: PTH123
            return b"populated 0" in file.read()
    except OSError:
        return False


def _parent() -> str | None:
    """Below which cgroups of commands are made."""
    mounted, own = _mount_point(), _own_cgroup()
    return None if mounted is None or own is None else f"{mounted}{own.rstrip('/')}"


def _mount_point() -> str | None:
    """Where version 2 is mounted: not always where one looks first, beside version 1."""
    # Bytes: whoever mounts something names the place as they like, and it need be no text.
    with contextlib.suppress(OSError), open("/proc/self/mounts", "rb") as file:  # noqa: PTH123
        for line in file:
            _, place, kind, *_ = line.split(b" ")
            if kind == b"cgroup2":
                return os.fsdecode(place)
    return None


def _own_cgroup() -> str | None:
    try:
        with open("/proc/self/cgroup", "rb") as file:  # noqa: PTH123
            lines = file.read().split(b"\n")
    except OSError:
        return None
    return next((os.fsdecode(line[3:]) for line in lines if line.startswith(b"0::")), None)


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def kill_leftovers(cgroup: str) -> None:
    """Ends what a command left whose supervisor has died."""
    found = Cgroup(cgroup)
    found.kill()
    send(signal.SIGKILL, found.pids())
    found.remove()


def enlarge(pipe: int) -> None:
    """So that it holds `PIPE_BYTES`, where it may."""
    set_pipe_size = getattr(fcntl, "F_SETPIPE_SZ", None)
    if set_pipe_size is not None:
        with contextlib.suppress(OSError):  # over this user's limit; the usual 64 KiB serve too
            fcntl.fcntl(pipe, set_pipe_size, PIPE_BYTES)


def send(number: signal.Signals, pids: Iterable[int]) -> None:
    """The signal to all of them; what is gone is gone."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def become_subreaper() -> None:
    """Orphans among the command's descendants come to this process, so that none gets away."""
    with contextlib.suppress(OSError, AttributeError):  # not Linux: the group can be ended
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(root: int) -> list[int]:
    """All living processes below `root`, whatever session or group they went to."""
    children: dict[int, list[int]] = {}
    try:
        names = os.listdir("/proc")  # noqa: PTH208
    except OSError:
        return []
    for name in names:
        if name.isdigit():
            parent = _living_parent(name)
            if parent is not None:
                children.setdefault(parent, []).append(int(name))
    found, front = [], [root]
    while front:
        below = children.get(front.pop(), [])
        found += below
        front += below
    return found


def living(pids: Iterable[int]) -> list[int]:
    """Those that are no zombies."""
    return [pid for pid in pids if _living_parent(str(pid)) is not None]


def _living_parent(pid: str) -> int | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[1])
