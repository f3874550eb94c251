"""Logs: throughput of spool and shipping, the agent's memory, a follower's delay. On the default
stack: both have the same S3."""

import base64
import hashlib
import json
import os
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import requests

from plumber_agent.jobs import supervisor
from tests.bench.processes import pss
from tests.bench.rows import Figure, Row, Scaling, Wish, at_least, at_most, percentile, row
from tests.bench.stack import Stack, stack

GIGABYTE = 1 << 30
LINES = 30
SPOOLED_GOAL, SHIPPED_GOAL, MEMORY_GOAL_MB, VISIBLE_GOAL_SECONDS = 100, 50, 60, 0.5


def measure() -> list[Row]:
    """About two minutes, most of it half a minute of lines and one until a log is compacted."""
    with stack() as running:
        files = _random_files(running.place)
        rows = [_spool(running.place, files)]
        agent = running.agent("agent-1")
        rows += _ship(running, agent, files)
        rows.append(_follow(running, agent.id))
    return rows


def _random_files(place: Path) -> dict[str, Path]:
    """Half a gigabyte for each stream: in the page cache, so that they do not hold up anything."""
    files = {"stdout": place / "out", "stderr": place / "err"}
    for file in files.values():
        with file.open("wb") as opened:
            for _ in range(GIGABYTE // 2 >> 20):
                opened.write(os.urandom(1 << 20))
    return files


def _command(files: dict[str, Path]) -> str:
    return f"cat {files['stdout']} & cat {files['stderr']} >&2; wait"


def _spool(place: Path, files: dict[str, Path]) -> Row:
    """The supervisor alone: from the command's pipes to the disk, counted and hashed."""
    directory = place / "spooled"
    directory.mkdir()
    job = {
        "run_id": "r", "job_id": "1-a", "step": 1, "attempt": 1, "lease": "l", "path": "/",
        "command": _command(files), "env": {}, "timeout_seconds": None, "kill_after_seconds": 1,
        "max_log_bytes": 2 * GIGABYTE, "spool_quota": 1 << 40,
    }  # fmt: skip
    (directory / "job.json").write_text(json.dumps(job))
    began = time.monotonic()
    subprocess.run(supervisor.start_arguments(str(directory)), check=True, start_new_session=True)
    speed = GIGABYTE / (time.monotonic() - began) / 1e6
    for segment in directory.glob("spool.*"):
        segment.unlink()
    return row("log spooled, 1 GiB on both streams", _speed(speed), at_least(SPOOLED_GOAL))


def _speed(megabytes_per_second: float) -> Figure:
    return Figure("{:.0f} MB/s", (megabytes_per_second,), "", Scaling.RATE)


def _ship(running: Stack, agent: Any, files: dict[str, Path]) -> list[Row]:
    process = psutil.Process(agent.child.process.pid)
    most = Peak(process)
    source = (
        f'Name = "big"\n[[step]]\nServerID = "{agent.id}"\nPath = "/tmp"\n'
        f"CMD = {json.dumps(_command(files))}\n"
    )
    began = time.monotonic()
    run_id = running.trigger(running.save(source))
    job = running.wait(run_id, 300)
    path = f"/runs/{run_id}/jobs/{job['id']}/log"

    def has_arrived() -> bool:
        state: str = running.plane.call("GET", f"{path}?tail=1")["state"]
        return state != "shipping"

    running.plane.wait_until(has_arrived, 300, "the whole log")
    speed = GIGABYTE / (time.monotonic() - began) / 1e6
    memory = most.stop().pss / 1e6
    return [
        row("log shipped, 1 GiB random", _speed(speed), at_least(SHIPPED_GOAL)),
        row(
            "agent's memory (PSS) at its most, meanwhile",
            Figure("{:.0f} MB", (memory,)),
            at_most(MEMORY_GOAL_MB),
        ),
        _identity(running, path, files),
    ]


class Peak:
    """The most memory that a process has had, in bytes."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self.pss = 0
        self.resident = 0  # with all that it shares
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(0.05):
            self.pss = max(self.pss, pss(self._process))
            self.resident = max(self.resident, self._process.memory_info().rss)

    def stop(self) -> "Peak":
        """Looks no more."""
        self._ended.set()
        self._thread.join()
        return self


def _identity(running: Stack, path: str, files: dict[str, Path]) -> Row:
    """What is downloaded once the log has been compacted."""
    began = time.monotonic()
    running.wait_until_compacted(path)
    seconds = time.monotonic() - began
    same = all(_downloaded(running, path, name) == _sha256(file) for name, file in files.items())
    words = "identical" if same else "not identical"
    found = f"{words}; compacted {seconds:.0f} s after the last byte"
    return row("the same log, downloaded (SHA-256)", found, Wish("identical", same))


def _downloaded(running: Stack, path: str, name: str) -> str:
    url = running.plane.call("GET", f"{path}/download?stream={name}&redirect=false")["url"]
    digest = hashlib.sha256()
    with requests.get(url, stream=True, timeout=60) as answer:
        for piece in answer.iter_content(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _follow(running: Stack, agent_id: str) -> Row:
    """A line a second, read as the CLI and the panel do."""
    command = f"for n in $(seq {LINES}); do date +%s.%N; sleep 1; done"
    source = f'Name = "lines"\n[[step]]\nServerID = "{agent_id}"\nCMD = {json.dumps(command)}\n'
    run_id = running.trigger(running.save(source))
    path = f"/runs/{run_id}/jobs/1-{agent_id}/log"
    running.plane.wait_until(lambda: _has_begun(running, run_id), 30, "the job's start")
    delays: list[float] = []
    cursor, state, calls = "", "streaming", 0
    while state in ("streaming", "shipping"):
        began = time.monotonic()
        page = running.plane.call("GET", f"{path}?wait=5&cursor={cursor}")
        now = time.time()  # noqa: TID251
        calls += 1
        text = b"".join(base64.b64decode(each["data"]) for each in page["records"]).decode()
        delays += [now - float(line) for line in text.split()]
        cursor, state = page["next"], page["state"]
        time.sleep(max(0.0, 1 - (time.monotonic() - began)))
    p50, p95 = percentile(delays, 50), percentile(delays, 95)
    assert len(delays) == LINES
    return row(
        "a printed line visible to a follower",
        Figure("p95 {:.2f} s", (p95,), f" (p50 {p50:.2f}; {LINES} lines, {calls} calls)"),
        at_most(VISIBLE_GOAL_SECONDS),
    )


def _has_begun(running: Stack, run_id: str) -> bool:
    job = running.plane.call("GET", f"/runs/{run_id}")["steps"][0]["jobs"][0]
    return job["state"] in ("claimed", "running")
