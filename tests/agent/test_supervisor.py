"""The supervisor: real commands, real processes, real signals."""

import hashlib
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.agent.conftest import SECONDS, is_alive, pid_in


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
