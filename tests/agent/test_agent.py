"""The whole agent, as a process, against a control plane that does what the test says."""

import contextlib
import json
import os
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from plumber_agent.agent import Agent
from plumber_agent.machine.config import Identity
from plumber_agent.machine.processes import EmptyCgroups
from plumber_agent.machine.segments import RECORD_HEADER
from tests.agent.plane import SECONDS, Plane, wait_until

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def refusal(process: "subprocess.Popen[bytes]") -> str:
    """What an agent says that does not start."""
    _, problem = process.communicate(timeout=SECONDS)
    assert process.returncode == 2
    return problem.decode()


def entry(jobs: Path, command: str, plane: Plane) -> Path:
    """A journal entry, as an agent writes it."""
    directory = jobs / "planted"
    directory.mkdir(mode=0o700, parents=True)
    offer = plane.offer(command, "planted")
    document = {**offer, "path": "/", "max_log_bytes": 1 << 30, "spool_quota": 1 << 40}
    (directory / "job.json").write_text(json.dumps(document))
    return directory


# --- what other users of the machine may have planted


def test_a_new_work_directory_is_for_the_agent_alone(
    plane: Plane, agent: Any, tmp_path: Path
) -> None:
    agent()
    wait_until(lambda: plane.said("agent.poll"))
    for path in ("work", "work/jobs"):
        assert (tmp_path / path).stat().st_mode & 0o777 == 0o700


@root_only
def test_a_work_directory_that_another_user_made_is_refused_and_its_jobs_are_not_run(
    plane: Plane, agent: Any, tmp_path: Path
) -> None:
    entry(tmp_path / "work" / "jobs", f"touch {tmp_path}/ran", plane)
    for path in (tmp_path / "work", *(tmp_path / "work").rglob("*")):
        os.chown(path, 65534, 65534)
    assert f"{tmp_path}/work belongs to nobody" in refusal(agent())
    assert not (tmp_path / "ran").exists()


def test_a_log_that_leads_elsewhere_is_refused(agent: Any, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir(mode=0o700)
    (tmp_path / "work" / "agent.log").symlink_to(tmp_path / "victim")
    assert f"{tmp_path}/work/agent.log is a symbolic link" in refusal(agent())
    assert not (tmp_path / "victim").exists()


@root_only
@pytest.mark.parametrize("planted", ["", "job.json"])
def test_a_journal_entry_of_another_user_is_never_started(
    plane: Plane, agent: Any, tmp_path: Path, planted: str
) -> None:
    (tmp_path / "work").mkdir(mode=0o700)
    (tmp_path / "work" / "jobs").mkdir(mode=0o700)
    directory = entry(tmp_path / "work" / "jobs", f"touch {tmp_path}/ran", plane)
    os.chown(directory / planted, 65534, 65534)
    agent()
    plane.offers = [plane.offer("true", "own")]
    wait_until(lambda: "own" in plane.ends())
    assert not (tmp_path / "ran").exists()
    assert "planted" not in plane.ends()
    assert "belongs to nobody" in (tmp_path / "work" / "agent.log").read_text()


@root_only
def test_another_users_job_without_a_path_runs_where_that_user_may_be(
    plane: Plane, agent: Any
) -> None:
    agent()
    plane.offers = [plane.offer("pwd", user="nobody")]
    wait_until(lambda: plane.ends())
    assert plane.ends()["l1"]["exit_code"] == 0


# --- a full disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own, as the work directory."""
    place = tmp_path / "work"
    place.mkdir(mode=0o700)
    options = ["-t", "tmpfs", "-o", "size=90m,mode=700", "none", str(place)]
    if subprocess.run(["mount", *options], capture_output=True).returncode != 0:
        pytest.skip("no disk can be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def fill(disk: Path) -> None:
    with (disk / "filler").open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass


def spooled(plane: Plane, disk: Path, tmp_path: Path) -> bytes:
    """A job's output lies on a disk that is full, and the log store is away."""
    data = os.urandom(12 << 20)
    (tmp_path / "data").write_bytes(data)
    plane.store_status = 503
    plane.offers = [plane.offer(f"cat {tmp_path}/data; touch {tmp_path}/printed; sleep 1")]
    wait_until((tmp_path / "printed").exists)
    wait_until(lambda: plane.signed)
    fill(disk)
    return data


def test_on_a_full_disk_output_goes_on_being_shipped_and_makes_room(
    plane: Plane, agent: Any, disk: Path, tmp_path: Path
) -> None:
    agent()
    data = spooled(plane, disk, tmp_path)
    plane.store_status = 200
    wait_until(lambda: not list((disk / "jobs").iterdir()))
    chunks = [plane.chunks[f"/logs/l1/{seq}"] for seq in range(1, len(plane.chunks) + 1)]
    assert b"".join(map(stdout, chunks)) == data
    assert plane.ends()["l1"]["outcome"] == "exited"


def stdout(chunk: bytes) -> bytes:
    records = chunk[4:] if chunk.startswith(b"PLB1") else zlib.decompress(chunk[4:])
    found, at = b"", 0
    while at < len(records):
        _, _, length = RECORD_HEADER.unpack_from(records, at)
        at += RECORD_HEADER.size + length
        found += records[at - length : at]
    return found


def test_whoever_is_stopped_does_not_wait_for_output_that_cannot_be_shipped(
    plane: Plane, agent: Any, disk: Path, tmp_path: Path
) -> None:
    stopped = agent("--drain-seconds", "120")
    data = spooled(plane, disk, tmp_path)
    stopped.terminate()
    assert stopped.wait(SECONDS) == 0
    (disk / "filler").unlink()
    plane.store_status = 200
    agent()
    wait_until(lambda: not list((disk / "jobs").iterdir()))
    chunks = [plane.chunks[f"/logs/l1/{seq}"] for seq in range(1, len(plane.chunks) + 1)]
    assert b"".join(map(stdout, chunks)) == data


# --- offers that cannot be understood


def test_a_job_that_cannot_be_understood_fails_with_a_reason_and_the_agent_goes_on(
    plane: Plane, agent: Any, tmp_path: Path
) -> None:
    process = agent()
    odd = [None, {}, "job", {"lease": "l0"}, {"lease": ["l"]}, plane.offer("true", "l1/../..")]
    plane.cancels = ["unheard of", {}]  # type: ignore[list-item]
    bad = [
        plane.offer("true", "l2", env=None),
        plane.offer("true", "l3", urls={}),
        {"protocol": 2, "run_id": "01R", "job_id": "1-a", "lease": "l4"},
    ]
    plane.offers = [*odd, *bad, plane.offer("exit 7", "l5")]
    wait_until(lambda: len(plane.ends()) == 4)
    for lease in ("l2", "l3"):
        assert plane.ends()[lease]["outcome"] == "not_started"
        assert "does not understand the job: its '" in plane.ends()[lease]["reason"]
    assert "it is of protocol 2, and this agent knows 1" in plane.ends()["l4"]["reason"]
    assert plane.ends()["l5"]["exit_code"] == 7
    wait_until(lambda: not list((tmp_path / "work" / "jobs").iterdir()))
    assert process.poll() is None


def test_a_journal_entry_that_cannot_be_read_does_not_keep_the_agent_from_starting(
    plane: Plane, agent: Any, tmp_path: Path
) -> None:
    (tmp_path / "work").mkdir(mode=0o700)
    (tmp_path / "work" / "jobs").mkdir(mode=0o700)
    directory = entry(tmp_path / "work" / "jobs", "true", plane)
    (directory / "job.json").write_text("{}")
    agent()
    plane.offers = [plane.offer("true", "own")]
    wait_until(lambda: "own" in plane.ends())


# --- jobs beside each other


def test_a_job_takes_one_thread_of_the_agent(plane: Plane, agent: Any) -> None:
    process = psutil.Process(agent().pid)
    wait_until(lambda: plane.said("agent.heartbeat"))
    plane.offers = [plane.offer("true", "first")]
    wait_until(lambda: "first" in plane.ends())
    wait_until(lambda: process.num_threads() == 4)  # the loop, the poll, the doorbell, the reports
    plane.offers = [plane.offer("echo x; sleep 1000", f"l{number}") for number in range(5)]
    wait_until(lambda: len(plane.said("job.start")) == 5)
    assert process.num_threads() == 4 + 5


def test_a_log_store_that_hangs_delays_no_report(plane: Plane, agent: Any, tmp_path: Path) -> None:
    plane.store_goes_on.clear()
    agent()
    plane.offers = [plane.offer("echo x; exit 3", "l1"), plane.offer("sleep 0.2; echo y", "l2")]
    wait_until(lambda: len(plane.ends()) == 2, 10)
    assert plane.ends()["l1"]["exit_code"] == 3
    assert plane.ends()["l1"]["log"]["chunks"] == 1
    plane.store_goes_on.set()
    wait_until(lambda: not list((tmp_path / "work" / "jobs").iterdir()))
    assert sorted(map(stdout, plane.chunks.values())) == [b"x\n", b"y\n"]


def test_a_cancel_reaches_a_job_that_an_earlier_agent_started(plane: Plane, agent: Any) -> None:
    first = agent()
    plane.offers = [plane.offer("echo x; sleep 1000", "l1")]
    wait_until(lambda: plane.said("job.start"))
    first.kill()
    first.wait()
    plane.cancels = ["l1"]
    agent()
    wait_until(lambda: "l1" in plane.ends())
    assert plane.ends()["l1"]["outcome"] == "cancelled"
    assert plane.said("job.extend"), "the lease was confirmed"
    assert len(plane.ends()) == 1


def test_what_ended_without_the_agent_is_reported_and_shipped_by_the_next(
    plane: Plane, agent: Any, tmp_path: Path
) -> None:
    first = agent()
    plane.offers = [plane.offer(f"echo x; while [ ! -e {tmp_path}/gate ]; do sleep 0.05; done")]
    wait_until(lambda: plane.said("job.start"))
    first.kill()
    first.wait()
    (tmp_path / "gate").touch()
    jobs = tmp_path / "work" / "jobs"
    wait_until(lambda: list(jobs.glob("*/result.json")))
    agent()
    wait_until(lambda: not list(jobs.iterdir()))
    assert plane.ends()["l1"]["exit_code"] == 0


def test_a_job_whose_supervisor_dies_is_lost_once(plane: Plane, agent: Any, tmp_path: Path) -> None:
    agent()
    wait = f"while [ -e {tmp_path} ] && [ ! -e {tmp_path}/gate ]; do sleep 0.05; done"
    plane.offers = [plane.offer(f"echo x >> {tmp_path}/count; {wait}")]
    wait_until(lambda: plane.said("job.start"))
    (mark,) = (tmp_path / "work" / "jobs").glob("*/started")
    psutil.Process(json.loads(mark.read_text())["pid"]).kill()
    wait_until(lambda: plane.ends())
    (tmp_path / "gate").touch()
    assert plane.ends()["l1"]["outcome"] == "lost"
    assert "the process that supervised the job died" in plane.ends()["l1"]["reason"]
    assert (tmp_path / "count").read_text() == "x\n"


# --- stopping


def running(plane: Plane, tmp_path: Path) -> None:
    """A job runs, until the gate opens."""
    wait = f"while [ -e {tmp_path} ] && [ ! -e {tmp_path}/gate ]; do sleep 0.05; done"
    plane.offers = [plane.offer(f"{wait}; echo done > {tmp_path}/end")]
    wait_until(lambda: plane.said("job.start"))


def test_whoever_is_stopped_takes_no_more_and_waits_for_jobs(
    plane: Plane, agent: Any, tmp_path: Path
) -> None:
    stopped = agent()
    running(plane, tmp_path)
    stopped.terminate()
    wait_until(lambda: plane.said("agent.poll")[-1]["capacity"] == 0)
    assert stopped.poll() is None
    (tmp_path / "gate").touch()
    assert stopped.wait(SECONDS) == 0
    assert plane.ends()["l1"]["exit_code"] == 0


@pytest.mark.parametrize("how", ["in vain", "stopped twice"])
def test_what_has_not_ended_by_then_goes_on_without_the_agent(
    plane: Plane, agent: Any, tmp_path: Path, how: str
) -> None:
    stopped = agent(*(["--drain-seconds", "0.3"] if how == "in vain" else []))
    running(plane, tmp_path)
    stopped.terminate()
    if how == "stopped twice":
        wait_until(lambda: plane.said("agent.poll")[-1]["capacity"] == 0)
        stopped.terminate()
    assert stopped.wait(10) == 0
    assert not plane.ends()
    (tmp_path / "gate").touch()
    wait_until((tmp_path / "end").exists)


def test_cgroups_that_outlived_their_jobs_are_looked_for_again_and_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    looks: list[int] = []
    monkeypatch.setattr("plumber_agent.agent.CGROUPS_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(EmptyCgroups, "remove", lambda _: looks.append(1))
    made = Agent(Identity("a", "secret", "http://127.0.0.1:9"), tmp_path, 0, 1 << 40)
    made._poller.start = made._poller.leave = lambda: None  # type: ignore[method-assign]
    made._spawner.warm_up = lambda: None  # type: ignore[method-assign]
    made._may_leave = lambda: len(looks) == 3  # type: ignore[method-assign]
    made.run()
    assert len(looks) == 3
