"""The spawner: supervisors are forked, outlive it, and are never two for one job."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from plumber_agent.jobs.journal import JobDirectory
from plumber_agent.jobs.spawning import Spawner

SECONDS = 20


@pytest.fixture
def spawner() -> Iterator[Spawner]:
    made = Spawner()
    yield made
    made._forget()


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., JobDirectory]:
    def make(command: str, name: str = "job") -> JobDirectory:
        directory = tmp_path / name
        directory.mkdir()
        document: dict[str, Any] = {
            "command": command, "path": str(tmp_path), "env": {}, "timeout_seconds": None,
            "run_id": "01R", "job_id": "1-a", "step": 1, "attempt": 1, "lease": "l",
            "kill_after_seconds": 0.3, "max_log_bytes": 1 << 30, "spool_quota": 1 << 40,
        }  # fmt: skip
        (directory / "job.json").write_text(json.dumps(document))
        return JobDirectory(directory)

    return make


def wait_until(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not ready():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def exit_code(job: JobDirectory) -> Any:
    wait_until(lambda: job.result() is not None)
    return (job.result() or {})["exit_code"]


def test_many_jobs_are_supervised_and_leave_no_zombies(spawner: Spawner, job: Any) -> None:
    jobs = [job(f"exit {number}", f"job-{number}") for number in range(10)]
    pids = [spawner.start(each) for each in jobs]
    assert len(set(pids)) == 10
    assert None not in pids
    assert [exit_code(each) for each in jobs] == list(range(10))
    wait_until(lambda: not any(psutil.pid_exists(pid) for pid in pids if pid))


def test_a_job_that_is_supervised_is_not_started_again(
    spawner: Spawner, job: Any, tmp_path: Path
) -> None:
    one = job(f"echo x >> {tmp_path}/count; while [ ! -e {tmp_path}/gate ]; do sleep 0.05; done")
    assert spawner.start(one) is not None
    assert spawner.start(one) is None
    (tmp_path / "gate").touch()
    assert exit_code(one) == 0
    assert (tmp_path / "count").read_text() == "x\n"


def test_a_spawner_that_was_killed_is_started_anew_and_its_jobs_go_on(
    spawner: Spawner, job: Any, tmp_path: Path
) -> None:
    long = job(f"while [ ! -e {tmp_path}/gate ]; do sleep 0.05; done; exit 3", "long")
    spawner.start(long)
    process = spawner._process
    assert process is not None
    process.kill()
    process.wait()
    other = job("exit 4", "other")
    assert spawner.start(other) is not None
    assert exit_code(other) == 4
    (tmp_path / "gate").touch()
    assert exit_code(long) == 3


def test_a_spawner_that_hangs_is_replaced(
    spawner: Spawner, job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plumber_agent.jobs.spawning.PATIENCE_SECONDS", 0.2)
    spawner.warm_up()
    assert spawner._process is not None
    psutil.Process(spawner._process.pid).suspend()
    one = job("exit 5")
    assert spawner.start(one) is not None
    assert exit_code(one) == 5


def test_a_directory_that_is_gone_is_an_error(spawner: Spawner, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        spawner.start(JobDirectory(tmp_path / "gone"))


def test_a_spawner_ends_with_its_agent(spawner: Spawner) -> None:
    spawner.warm_up()
    process = spawner._process
    assert process is not None
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(SECONDS) == 0
