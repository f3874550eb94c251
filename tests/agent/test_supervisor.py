"""The supervisor: real commands, real processes, real signals."""

import hashlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from plumber_agent import supervisor
from plumber_agent.output import PLUMBER
from plumber_agent.spool import HEADER

SECONDS = 30


class Job:
    """A job's directory, and the supervisor that works on it."""

    def __init__(self, directory: Path, command: str, **keys: Any) -> None:
        self.directory = directory
        document = {
            "run_id": "01R",
            "job_id": "1-a",
            "step": 1,
            "attempt": 1,
            "lease": "l",
            "path": str(directory),
            "command": command,
            "env": {},
            "timeout_seconds": None,
            "kill_after_seconds": 0.3,
            "max_bytes": 1 << 30,
            "spool_quota": 1 << 40,
            **keys,
        }
        (directory / "job.json").write_text(json.dumps(document))
        self.process = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        program = supervisor.start_arguments(str(self.directory))
        return subprocess.Popen(program, start_new_session=True)

    def end(self) -> dict[str, Any]:
        """Waits for the end and answers the result."""
        self.process.wait(SECONDS)
        result: dict[str, Any] = json.loads((self.directory / "result.json").read_text())
        return result

    def records(self) -> list[tuple[int, bytes]]:
        segments = sorted(self.directory.glob("spool.*"))
        data, at, found = b"".join(each.read_bytes() for each in segments), 0, []
        while at < len(data):
            stream, _, length = HEADER.unpack_from(data, at)
            at += HEADER.size
            found.append((stream, data[at : at + length]))
            at += length
        return found

    def output(self, stream: int) -> bytes:
        return b"".join(data for number, data in self.records() if number == stream)

    def wait_until(self, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not ready():
            assert time.monotonic() < deadline
            threading.Event().wait(0.01)


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Callable[..., Job]]:
    made: list[Job] = []

    def make(command: str, **keys: Any) -> Job:
        made.append(Job(tmp_path, command, **keys))
        return made[-1]

    yield make
    for each in made:
        for child in _family(each.process.pid):
            child.kill()
        each.process.kill()
        each.process.wait()


def _family(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def pid_in(file: Path) -> int:
    return int(file.read_text())


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_both_streams_and_the_exit_code_are_kept(job: Any) -> None:
    done = job("printf out; printf err >&2; exit 3")
    result = done.end()
    assert (result["outcome"], result["exit_code"], result["reason"]) == ("exited", 3, None)
    assert (done.output(1), done.output(2)) == (b"out", b"err")
    assert result["streams"]["stdout"] == {
        "bytes": 3,
        "sha256": hashlib.sha256(b"out").hexdigest(),
        "missing": 0,
    }


def test_bytes_that_are_no_text_are_kept(job: Any) -> None:
    done = job(r"printf '\000\377\r\n\200'")
    done.end()
    assert done.output(1) == b"\x00\xff\r\n\x80"


def test_the_order_of_the_streams_is_kept(job: Any, tmp_path: Path) -> None:
    command = "; ".join(f"printf {n} >&{1 + n % 2}; sleep 0.05" for n in range(6))
    done = job(command)
    done.end()
    assert [data for _, data in done.records()] == [b"%d" % n for n in range(6)]


def test_a_large_output_arrives_whole(job: Any, tmp_path: Path) -> None:
    source = tmp_path / "random"
    source.write_bytes(os.urandom(20 << 20))
    done = job(f"cat {source}")
    result = done.end()
    assert result["streams"]["stdout"]["bytes"] == 20 << 20
    assert done.output(1) == source.read_bytes()
    assert max(len(data) for _, data in done.records()) <= 65_536


def test_a_command_without_output_has_an_empty_log(job: Any) -> None:
    done = job("true")
    assert done.end()["streams"]["stderr"]["sha256"] == hashlib.sha256().hexdigest()
    assert done.records() == []


def test_a_death_by_signal_is_128_and_its_number(job: Any) -> None:
    assert job("kill -9 $$").end()["exit_code"] == 137


def test_a_command_that_closes_its_streams_is_waited_for(job: Any, tmp_path: Path) -> None:
    done = job("exec >&- 2>&-; sleep 0.3; echo late > file; exit 5")
    assert done.end()["exit_code"] == 5
    assert (tmp_path / "file").exists()


def test_a_child_that_is_left_behind_does_not_hold_the_job_up(job: Any, tmp_path: Path) -> None:
    done = job("echo before; sleep 60 & echo $! > pid; echo after")
    result = done.end()
    assert (result["exit_code"], done.output(1)) == (0, b"before\nafter\n")
    assert result["duration_ms"] < 10_000
    left = pid_in(tmp_path / "pid")
    assert is_alive(left), "what a command leaves behind on purpose is left alone"
    os.kill(left, signal.SIGKILL)


def test_standard_input_is_empty(job: Any) -> None:
    done = job("cat; echo end")
    done.end()
    assert done.output(1) == b"end\n"


def test_the_environment_is_clean_with_the_steps_own(
    job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_AGENT", "x")
    monkeypatch.setenv("LC_TIME", "C")
    done = job("env", env={"STAGE": "prod", "PLUMBER_STEP": "forged"})
    done.end()
    seen = dict(line.split("=", 1) for line in done.output(1).decode().splitlines())
    assert seen["STAGE"] == "prod"
    assert (seen["PLUMBER_RUN_ID"], seen["PLUMBER_STEP"]) == ("01R", "1")
    assert "SECRET_OF_THE_AGENT" not in seen
    assert seen["LC_TIME"] == "C"
    assert "PATH" in seen


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/no/such", "the path /no/such does not exist on this machine"),
        ("/etc/passwd", "the path /etc/passwd is not a directory"),
        (
            "/etc/passwd/x",
            "the path /etc/passwd/x leads through something that is not a directory",
        ),
    ],
)
def test_a_path_that_cannot_be_entered_is_named(job: Any, path: str, reason: str) -> None:
    result = job("true", path=path).end()
    assert (result["outcome"], result["reason"]) == ("not_started", reason)


# --- ending it


STUBBORN = "trap '' TERM; echo $$ > pid; sleep 60; sleep 60"


def test_a_time_out_ends_the_command(job: Any) -> None:
    result = job("sleep 60", timeout_seconds=0.2).end()
    assert (result["outcome"], result["exit_code"]) == ("timed_out", 143)
    assert result["reason"] == "the time-out of 0.2 s passed"


def test_what_ignores_sigterm_is_killed(job: Any, tmp_path: Path) -> None:
    result = job(STUBBORN, timeout_seconds=0.2).end()
    assert (result["outcome"], result["exit_code"]) == ("timed_out", 137)
    assert not is_alive(pid_in(tmp_path / "pid"))


def test_a_command_may_clean_up_before_it_is_killed(job: Any) -> None:
    command = "trap 'echo cleaned; exit 9' TERM; sleep 60 & wait"
    done = job(command, timeout_seconds=0.3, kill_after_seconds=20)
    result = done.end()
    assert (result["outcome"], result["exit_code"]) == ("timed_out", 9)
    assert done.output(1) == b"cleaned\n"
    assert result["duration_ms"] < 10_000


def test_sigterm_cancels_the_job(job: Any, tmp_path: Path) -> None:
    running = job(STUBBORN)
    running.wait_until(lambda: (tmp_path / "pid").exists())
    running.process.send_signal(signal.SIGTERM)
    result = running.end()
    assert (result["outcome"], result["exit_code"]) == ("cancelled", 137)


def test_the_whole_tree_dies_wherever_it_went(job: Any, tmp_path: Path) -> None:
    deep = "trap '' TERM; echo $$ > deep; sleep 60; sleep 60"
    (tmp_path / "deep.sh").write_text(deep)
    command = "setsid sh -c 'setsid sh deep.sh &' ; trap '' TERM; sleep 60; sleep 60"
    running = job(command)
    running.wait_until(
        lambda: (tmp_path / "deep").exists() and bool((tmp_path / "deep").read_text())
    )
    running.process.send_signal(signal.SIGTERM)
    assert running.end()["outcome"] == "cancelled"
    assert not is_alive(pid_in(tmp_path / "deep"))


def test_what_outlives_its_cancelled_parent_is_killed_too(job: Any, tmp_path: Path) -> None:
    child = "trap '' TERM; echo $$ > child; sleep 60; sleep 60"
    (tmp_path / "child.sh").write_text(child)
    running = job("sh child.sh & wait")
    running.wait_until(
        lambda: (tmp_path / "child").exists() and bool((tmp_path / "child").read_text())
    )
    running.process.send_signal(signal.SIGTERM)
    running.end()
    assert not is_alive(pid_in(tmp_path / "child"))


# --- limits and faults


def test_past_the_limit_head_and_tail_are_kept_and_a_mark_says_what_is_between(job: Any) -> None:
    command = "for n in $(seq 1 1000); do echo line $n; done; printf end >&2; exit 6"
    done = job(command, max_bytes=1_000)
    result = done.end()
    kept = done.output(1)
    written = "".join(f"line {n}\n" for n in range(1, 1_001)).encode()
    assert (result["exit_code"], result["truncated"]) == (6, True)
    assert result["missing_reason"] == "the log's limit was reached"
    assert kept.startswith(written[:500])
    assert written.endswith(kept[500:])
    assert 700 < len(kept) + len(b"end") <= 1_000
    assert done.output(2) == b"end"
    missing = len(written) - len(kept)
    stdout = result["streams"]["stdout"]
    assert (stdout["bytes"], stdout["missing"]) == (len(kept), missing)
    assert stdout["sha256"] == hashlib.sha256(kept).hexdigest()
    (mark,) = [data for stream, data in done.records() if stream == PLUMBER]
    assert f"{missing:,} bytes of stdout are missing here".encode() in mark
    place = [stream for stream, _ in done.records()].index(PLUMBER)
    assert sum(len(data) for _, data in done.records()[:place]) == 500


def test_output_exactly_as_long_as_the_limit_is_whole(job: Any) -> None:
    done = job("head -c 1000 /dev/zero", max_bytes=1_000)
    result = done.end()
    assert (result["truncated"], len(done.output(1))) == (False, 1_000)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, with room for 64 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("a small disk can only be made by root")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_does_not_stop_the_command_or_lose_its_result(small_disk: Path) -> None:
    command = "for n in 1 2 3 4 5 6 7 8 9; do head -c 8000 /dev/zero; sleep 0.05; done; exit 7"
    done = Job(small_disk, command)
    result = done.end()
    assert (result["exit_code"], result["truncated"]) == (7, True)
    assert result["missing_reason"] == "the machine's disk was full"
    kept = done.output(1)
    stdout = result["streams"]["stdout"]
    assert 0 < len(kept) == stdout["bytes"] == 72_000 - stdout["missing"] < 65_536
    assert result["streams"]["stdout"]["sha256"] == hashlib.sha256(kept).hexdigest()


def test_a_segment_that_takes_nothing_loses_nothing_where_another_does(tmp_path: Path) -> None:
    (tmp_path / "spool.00000001").symlink_to("/dev/full")
    result = Job(tmp_path, "echo kept; exit 7").end()
    assert (result["exit_code"], result["truncated"]) == (7, False)
    assert (tmp_path / "spool.00000002").read_bytes().endswith(b"kept\n")


def test_when_the_spool_is_full_the_newest_output_is_kept(tmp_path: Path) -> None:
    directory = tmp_path / "job"
    directory.mkdir()
    command = "head -c 20000000 /dev/zero; echo the end"
    done = Job(directory, command, spool_quota=9 << 20)
    result = done.end()
    stdout = result["streams"]["stdout"]
    assert result["missing_reason"] == "the agent's spool was full"
    assert stdout["missing"] > 0
    assert stdout["bytes"] + stdout["missing"] == 20_000_008
    assert done.output(1).endswith(b"the end\n")
    assert stdout["sha256"] == hashlib.sha256(done.output(1)).hexdigest()
    assert sum(each.stat().st_size for each in directory.glob("spool.*")) < 13 << 20


def test_output_goes_on_where_it_was_once_there_is_room_again(tmp_path: Path) -> None:
    directory = tmp_path / "job"
    directory.mkdir()
    blocking = tmp_path / "other"
    blocking.mkdir()
    with (blocking / "spool.00000001").open("wb") as file:
        file.truncate(20 << 20)
    gate, full = directory / "gate", directory / "full"
    command = (
        f"head -c 6000000 /dev/zero; touch {full}; while [ ! -e {gate} ]; do sleep 0.01; done; "
        "head -c 6000000 /dev/zero; echo the end"
    )
    done = Job(directory, command, spool_quota=20 << 20)
    done.wait_until(lambda: full.exists())
    (blocking / "spool.00000001").unlink()
    gate.touch()
    result = done.end()
    assert result["missing_reason"] == "the agent's spool was full"
    places = [stream for stream, _ in done.records()]
    assert places.count(PLUMBER) == 1
    assert 0 <= places.index(PLUMBER) < len(places) - 1
    kept = done.output(1)
    assert kept.endswith(b"the end\n")
    assert len(kept) == result["streams"]["stdout"]["bytes"] > 8_000_000


@pytest.mark.parametrize("pause", ["", "sleep 0.05; "])
def test_secrets_are_masked_before_they_are_on_disk(tmp_path: Path, pause: str) -> None:
    halves = f"printf 'the pass'; {pause}printf 'word is hunter2 '; {pause}printf 'AKIA'; {pause}"
    command = f"{halves}echo 1234567890; printf hunt; {pause}printf er2; printf '\\nhunter' >&2"
    mask = {"values": ["hunter2", "password"], "patterns": ["AKIA[0-9]+"]}
    done = Job(tmp_path, command, mask=mask)
    result = done.end()
    assert done.output(1) == b"the *** is *** ***\n***"
    assert done.output(2) == b"\nhunter"
    for segment in tmp_path.glob("spool.*"):
        assert b"hunter2" not in segment.read_bytes()
    expected = hashlib.sha256(done.output(1)).hexdigest()
    assert result["streams"]["stdout"]["sha256"] == expected


def test_a_second_supervisor_of_the_same_job_does_nothing(job: Any, tmp_path: Path) -> None:
    running = job("echo x >> count; sleep 60")
    running.wait_until(lambda: (tmp_path / "count").exists())
    assert running.start().wait(SECONDS) == 0
    running.process.send_signal(signal.SIGTERM)
    assert running.end()["outcome"] == "cancelled"
    assert (tmp_path / "count").read_text() == "x\n"


def test_a_job_that_was_started_once_is_never_started_again(job: Any, tmp_path: Path) -> None:
    done = job("echo x >> count")
    done.end()
    (tmp_path / "result.json").unlink()
    assert done.start().wait(SECONDS) == 0
    assert (tmp_path / "count").read_text() == "x\n"
    assert not (tmp_path / "result.json").exists()
