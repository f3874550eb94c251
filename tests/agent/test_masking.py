"""Patterns that are slow on purpose, past the control plane's check: real agents, supervisors and
commands. Nothing that they print stands between a signal and its job."""

import contextlib
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.agent.plane import Plane, wait_until
from tests.agent.test_agent import stdout

EVIL = {"values": ["hunter2"], "patterns": ["(a+)+b", "key-[0-9]+"]}
LETTERS = "a" * 40  # `re` would try two to the fortieth ways
FOREVER = f"while :; do echo key-1 {LETTERS}; done"
SLOWLY = FOREVER.replace("done", "sleep 0.05; done")


def test_only_the_line_that_takes_too_long_is_masked_whole(job: Any) -> None:
    lines = f"echo before key-1; echo {LETTERS}; printf 'aab hunter2 \\r\\n'; echo key-2 after"
    done = job(lines, mask=EVIL)
    assert done.end()["exit_code"] == 0
    assert done.output(1) == b"before ***\n***\n*** *** \r\n*** after\n"


def test_a_line_without_an_end_is_masked_whole(job: Any) -> None:
    done = job(f"head -c 70000 /dev/zero | tr '\\0' a; printf '\\nkey-1 and'; echo {LETTERS} >&2",
               mask=EVIL)  # fmt: skip
    assert done.end()["exit_code"] == 0
    assert set(done.output(1).splitlines()[0]) == set(b"*")
    assert done.output(1).splitlines()[1] == b"*** and"
    assert done.output(2) == b"***\n"


def test_a_time_out_ends_a_job_whose_output_cannot_be_masked_in_time(job: Any) -> None:
    done = job(FOREVER, mask=EVIL, timeout_seconds=0.5)
    result = done.end()
    assert (result["outcome"], result["exit_code"]) == ("timed_out", 143)
    assert set(done.output(1).splitlines()) == {b"***"}


def test_a_cancel_comes_through_while_a_pattern_is_at_work(job: Any, tmp_path: Path) -> None:
    """The process of the patterns is stopped, and does not answer: only the signal gets through."""
    running = job(f"echo $$ > pid; while [ ! -e go ]; do sleep 0.02; done; {SLOWLY}", mask=EVIL)
    running.wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
    (patterns,) = matching(running.process.pid, tmp_path)
    patterns.suspend()
    command = psutil.Process(int((tmp_path / "pid").read_text()))
    (tmp_path / "go").touch()
    running.process.send_signal(signal.SIGTERM)
    running.wait_until(lambda: has_ended(command))
    with contextlib.suppress(psutil.NoSuchProcess):  # or the supervisor has ended it
        patterns.kill()
    assert running.end()["outcome"] == "cancelled"


def has_ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def matching(supervisor: int, place: Path) -> list[psutil.Process]:
    """Its process for patterns: the child that is not the command."""
    command = int((place / "pid").read_text())
    return [each for each in psutil.Process(supervisor).children() if each.pid != command]


def test_the_process_of_the_patterns_goes_with_its_supervisor(job: Any, tmp_path: Path) -> None:
    running = job("echo $$ > pid; sleep 60", mask=EVIL)
    running.wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
    (patterns,) = matching(running.process.pid, tmp_path)
    running.process.kill()
    assert patterns.wait(30) is None
    psutil.Process(int((tmp_path / "pid").read_text())).kill()


def test_one_that_dies_is_replaced(job: Any, tmp_path: Path) -> None:
    running = job("echo $$ > pid; echo key-1; while [ ! -e go ]; do sleep 0.05; done; echo key-2 x",
                  mask=EVIL)  # fmt: skip
    running.wait_until(lambda: running.output(1) == b"***\n")
    (patterns,) = matching(running.process.pid, tmp_path)
    patterns.kill()
    patterns.wait(30)
    (tmp_path / "go").touch()
    assert running.end()["exit_code"] == 0
    assert running.output(1) == b"***\n*** x\n"


@pytest.mark.parametrize("pattern", ["(?=a)", r"\pL", "("])
def test_a_command_whose_output_could_not_be_masked_is_not_started(
    job: Any, tmp_path: Path, pattern: str
) -> None:
    result = job("touch started.it", mask={"patterns": [pattern]}).end()
    assert result["outcome"] == "not_started"
    assert result["reason"].startswith(f"its output cannot be masked: the pattern '{pattern}'")
    assert not (tmp_path / "started.it").exists()


def test_an_agent_ends_such_jobs_and_ships_the_rest_of_their_logs(plane: Plane, agent: Any) -> None:
    agent()
    plane.offers = [
        plane.offer(SLOWLY, "l1", mask=EVIL),
        plane.offer(SLOWLY, "l2", mask=EVIL, timeout_seconds=0.5),
    ]
    wait_until(lambda: "l2" in plane.ends())
    plane.cancels = ["l1"]
    wait_until(lambda: "l1" in plane.ends())
    assert plane.ends()["l1"]["outcome"] == "cancelled"
    assert plane.ends()["l2"]["outcome"] == "timed_out"
    plane.offers = [plane.offer(f"echo {LETTERS}; echo key-1 fine", "l3", mask=EVIL)]
    wait_until(lambda: "l3" in plane.ends())
    logs = {lease: [] for lease in ("l1", "l2", "l3")}
    for url, body in plane.chunks.items():
        logs[url.split("/")[2]].append(stdout(body))
    assert set(b"".join(logs["l1"]).splitlines()) | set(b"".join(logs["l2"]).splitlines()) == {
        b"***"
    }
    assert b"".join(logs["l3"]) == b"***\n*** fine\n"
