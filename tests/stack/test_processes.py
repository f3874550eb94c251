"""Children are watched, and none outlives its stack."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra.local.processes import ChildEnded, Interrupted, NotReady, Processes

PYTHON = sys.executable
FOR_EVER = "import signal, sys; print('up', flush=True); signal.pause()"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True)\n"
DEAF += "while True: signal.pause()"
WITH_CHILD = f"""
import subprocess, signal, sys
child = subprocess.Popen([sys.executable, "-c", {FOR_EVER!r}], start_new_session=True)
print(child.pid, flush=True)
signal.pause()
"""


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    processes = Processes(tmp_path, os.environ)
    yield processes
    processes.stop()


def wait_for_output(processes: Processes, log: Path) -> str:
    processes.wait_until(lambda: log.read_text() != "", 20, "Output")
    return log.read_text()


def test_a_crash_ends_the_wait_and_is_told_with_the_last_lines(processes: Processes) -> None:
    processes.start("clumsy", [PYTHON, "-c", "import sys; print('oh no'); sys.exit(3)"])
    with pytest.raises(ChildEnded, match=r"clumsy ended with exit code 3(?s:.*)oh no"):
        processes.watch()


def test_a_killed_child_is_told_by_its_signal(processes: Processes) -> None:
    child = processes.start("victim", [PYTHON, "-c", FOR_EVER])
    child.process.kill()
    with pytest.raises(ChildEnded, match="victim was killed by SIGKILL"):
        processes.watch()


def test_an_interrupt_ends_any_wait(processes: Processes) -> None:
    processes.interrupt()
    with pytest.raises(Interrupted):
        processes.wait_until(lambda: False, 20, "Nothing")


def test_what_does_not_become_ready_is_named(processes: Processes) -> None:
    with pytest.raises(NotReady, match=r"The moon did not happen within 0\.1 s"):
        processes.wait_until(lambda: False, 0.1, "The moon")


def test_a_program_that_is_not_installed_is_named(processes: Processes) -> None:
    with pytest.raises(NotReady, match=r"no-such-program is missing\. `make deps` installs it"):
        processes.start("ghost", ["no-such-program"])


def test_a_stopped_child_is_no_crash(processes: Processes) -> None:
    child = processes.start("quiet", [PYTHON, "-c", FOR_EVER])
    processes.stop([child])
    processes.interrupt()
    with pytest.raises(Interrupted):
        processes.watch()
    assert not child.is_running


def test_stop_also_ends_grandchildren_in_sessions_of_their_own(processes: Processes) -> None:
    child = processes.start("parent", [PYTHON, "-c", WITH_CHILD])
    grandchild = psutil.Process(int(wait_for_output(processes, child.log).split()[0]))
    processes.stop([child])
    assert not grandchild.is_running()


def test_who_does_not_hear_sigterm_is_killed(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.local.processes.GRACE_SECONDS", 0.2)
    child = processes.start("deaf", [PYTHON, "-c", DEAF])
    wait_for_output(processes, child.log)
    processes.stop([child])
    assert child.process.returncode == -9


def test_a_command_that_is_run_answers_its_output(processes: Processes) -> None:
    told: list[str] = []
    text = processes.run("echo", [PYTHON, "-c", "print('hello')"], {}, 20, told.append)
    assert text == "hello\n"
    assert "".join(told) == text


def test_a_command_that_fails_is_told_with_its_errors(processes: Processes) -> None:
    with pytest.raises(ChildEnded, match=r"echo ended with exit code 1(?s:.*)no such luck"):
        processes.run("echo", [PYTHON, "-c", "raise SystemExit('no such luck')"], {}, 20)


def test_a_command_that_fails_because_a_part_died_tells_of_that_part(
    processes: Processes,
) -> None:
    part = processes.start("part", [PYTHON, "-c", FOR_EVER])
    kill = f"import os; os.kill({part.process.pid}, 11); raise SystemExit(3)"
    with pytest.raises(ChildEnded, match="part was killed by SIGSEGV"):
        processes.run("caller", [PYTHON, "-c", kill], {}, 20)


def test_a_failure_has_a_cause_only_when_a_part_has_died(processes: Processes) -> None:
    part = processes.start("part", [PYTHON, "-c", FOR_EVER])
    processes.raise_cause()
    part.process.kill()
    with pytest.raises(ChildEnded, match="part was killed by SIGKILL"):
        processes.raise_cause()


def test_an_empty_log_is_called_empty(processes: Processes) -> None:
    processes.start("mute", [PYTHON, "-c", "raise SystemExit(3)"], {})
    with pytest.raises(ChildEnded, match=r"exit code 3\. Its log .*mute\.log is empty\."):
        processes.watch()


# Each child leaves an orphan that ends at about the same time, and has an exit code of its own.
ADOPTS = """
import os, pathlib, sys
import psutil
from infra.local.processes import ChildEnded, Processes
processes = Processes(pathlib.Path(sys.argv[1]), os.environ)
processes.adopt_orphans()
stays = processes.start("stays", ["sleep", "1000"])
def zombies():
    children = psutil.Process().children()
    return [c.pid for c in children if c.status() == psutil.STATUS_ZOMBIE]
def bury():
    processes.wait_until(lambda: zombies() == [], 20, "The end of all zombies")
for code in range(1, 41):
    command = ["sh", "-c", f"(sleep 0.0{code % 10} &); (true &); exit {code}"]
    child = processes.start(f"child-{code}", command)
    try:
        processes.wait_until(lambda: False, 20, "Its end")
    except ChildEnded as told:
        assert f"child-{code} ended with exit code {code}." in str(told), told
    processes.stop([child])
bury()
assert stays.is_running
os.kill(stays.process.pid, 9)
try:
    processes.watch()
except ChildEnded as told:
    print(str(told).split(".")[0], len(psutil.Process().children()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets orphans be adopted")
def test_adopted_orphans_are_buried_and_no_exit_code_is_lost(
    processes: Processes, tmp_path: Path
) -> None:
    command = [PYTHON, "-W", "error", "-c", ADOPTS, str(tmp_path / "logs")]
    assert processes.run("adopts", command, {}, 60) == "stays was killed by SIGKILL 0\n"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's part is Linux's")
def test_children_end_when_their_parent_is_killed(processes: Processes, tmp_path: Path) -> None:
    starter = f"""
import os, pathlib, signal
from infra.local.processes import Processes
processes = Processes(pathlib.Path({str(tmp_path)!r}), os.environ)
child = processes.start("child", {[PYTHON, "-c", FOR_EVER]!r})
print(child.process.pid, flush=True)
signal.pause()
"""
    parent = processes.start("parent", [PYTHON, "-c", starter])
    grandchild = psutil.Process(int(wait_for_output(processes, parent.log).split()[0]))
    processes.kill(parent)
    processes.wait_until(lambda: not grandchild.is_running(), 20, "The end of the orphan")
