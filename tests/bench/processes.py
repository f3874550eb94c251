"""What processes take of a machine: their memory, and their processor time by part of the stack."""

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from infra.local.processes import Child

AGENTS, JOBS = "agents", "jobs"
# What a command line of the stack's processes contains, and the part that it is.
PARTS = {
    "dynalite": "store", "DynamoDBLocal.jar": "store", "infra.local.api_server": "API",
    "infra.local.ticker": "schedules", "infra.local.sqs": "SQS", "rclone": "S3",
    "plumber-agent": AGENTS, "plumber_agent": AGENTS, "infra.local": "make up",
}  # fmt: skip
_PROCESS_CLOCK = 2  # CPUCLOCK_SCHED of a process, <linux/posix-timers.h>


def part(process: psutil.Process) -> str:
    """The name of the part that it belongs to."""
    line = " ".join(process.cmdline())
    return next((name for words, name in PARTS.items() if words in line), "others")


def family(pids: Iterable[int]) -> list[psutil.Process]:
    """These processes and all that they have started and not left behind."""
    roots = [psutil.Process(pid) for pid in pids]
    return [each for root in roots for each in (root, *root.children(recursive=True))]


def pss(process: psutil.Process) -> int:
    """Bytes that it holds alone, and its part of what it shares: forks share most."""
    rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    line = next(line for line in rollup.splitlines() if line.startswith("Pss:"))
    return int(line.split()[1]) * 1_024


def pss_by_part(processes: Iterable[psutil.Process]) -> Counter[str]:
    """Bytes."""
    found: Counter[str] = Counter()
    for each in processes:
        with suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            found[part(each)] += pss(each)
    return found


def processor_seconds(process: psutil.Process) -> float:
    """So far, all threads: the process's own clock, finer than the hundredths of /proc."""
    return time.clock_gettime((~process.pid << 3) | _PROCESS_CLOCK)


class Processor:
    """The processor time of a stack's processes since `__init__`, by part.

    The jobs' supervisors and commands live shortly, and the kernel forgets what each took; that is
    found in the cgroup of the agents, where one can be made (see `agents_cgroup`).
    """

    def __init__(self, children: Iterable[Child], agents: Path | None = None) -> None:
        roots = [psutil.Process(child.process.pid) for child in children]
        # With an agent's spawner, and without that one's supervisors.
        lasting = [each for root in roots for each in (root, *root.children())]
        self._processes = [(part(each), each) for each in lasting]
        self._agents = agents
        self._before = self._look()

    def used(self) -> Mapping[str, float]:
        """Seconds."""
        now = self._look()
        return {name: now[name] - self._before[name] for name in now}

    def _look(self) -> Mapping[str, float]:
        found: dict[str, float] = {}
        for name, process in self._processes:
            found[name] = found.get(name, 0.0) + processor_seconds(process)
        if self._agents is not None:
            found[JOBS] = _usage_seconds(self._agents) - found.get(AGENTS, 0.0)
        return found


def _usage_seconds(cgroup: Path) -> float:
    lines = dict(line.split() for line in (cgroup / "cpu.stat").read_text().splitlines())
    return int(lines["usage_usec"]) / 1e6


@contextmanager
def agents_cgroup() -> Iterator[Path | None]:
    """A cgroup (v2) for agents, whose jobs are born in it or beneath it; None where none can be
    made. It goes when its processes have gone."""
    mounted = next((each.mountpoint for each in psutil.disk_partitions(all=True)
                    if each.fstype == "cgroup2"), None)  # fmt: skip
    if mounted is None:
        yield None
        return
    place = Path(mounted) / f"plumber-bench-{os.getpid()}-{time.monotonic_ns()}"
    try:
        place.mkdir()
    except OSError:
        yield None
        return
    try:
        yield place
    finally:
        # What killed supervisors have left, innermost first.
        for folder in sorted(path for path in place.rglob("*") if path.is_dir())[::-1]:
            with suppress(OSError):
                folder.rmdir()
        with suppress(OSError):
            place.rmdir()


def move(child: Child, cgroup: Path) -> None:
    """With all that it has started."""
    for process in family([child.process.pid]):
        with suppress(OSError, psutil.NoSuchProcess):
            (cgroup / "cgroup.procs").write_text(str(process.pid))
