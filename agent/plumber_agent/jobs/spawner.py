"""The spawner: a small process that forks supervisors.

To start Python takes longer than everything else that a job's start consists of; to fork one that
runs takes a millisecond. The agent itself has threads, and must not fork. Like the supervisor this
imports little. It reads directories of jobs, one a line, answers each with a line, and ends with
its agent; the supervisors stay.

| answer | means |
| --- | --- |
| `started <pid>` | a supervisor lives, and holds the directory's lock |
| `supervised` | another one does |
| `failed <reason>` | none could be made |
"""

import os
import signal
import sys

from plumber_agent.jobs import supervisor


def start_arguments() -> list[str]:
    """The command line of a spawner."""
    return supervisor.program("spawner", "serve()")


def serve() -> None:
    """Until its standard input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whoever ends is forgotten by the kernel
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for line in sys.stdin.buffer:
        os.write(sys.stdout.fileno(), f"{_start(os.fsdecode(line[:-1]))}\n".encode())


def _start(directory: str) -> str:
    try:
        lock = supervisor.lock(directory)
    except BlockingIOError:
        return "supervised"
    except OSError as error:
        return f"failed {error.strerror}"
    try:
        pid = os.fork()
    except OSError as error:
        os.close(lock)
        return f"failed {error.strerror}"
    if pid == 0:
        _become_supervisor(directory, lock)
    os.close(lock)
    return f"started {pid}"


def _become_supervisor(directory: str, lock: int) -> None:
    """In the new process, which has the lock with its parent until that has closed it."""
    try:
        os.setsid()
        for number in (signal.SIGCHLD, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        os.close(nothing)
        supervisor.supervise(directory)
    finally:
        os._exit(0)
