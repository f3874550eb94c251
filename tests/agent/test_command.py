"""Scripts, users, priorities and cgroups of commands, with real processes."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from plumber_agent.jobs import command, supervisor
from plumber_agent.jobs.journal import JobDirectory
from plumber_agent.machine import processes
from tests.agent.conftest import is_alive, pid_in

IS_ROOT = os.geteuid() == 0
root_only = pytest.mark.skipif(not IS_ROOT, reason="only root can become another user")


@pytest.mark.parametrize(
    ("shell", "script"),
    [
        ("sh", "x=a\nprintf $x\n"),
        ("bash", "x=(a b)\nprintf ${x[0]}\n"),
        ("python3", "import sys\nsys.stdout.write('a')\n"),
        (sys.executable, "import sys\nsys.stdout.write('a')\n"),
    ],
)
def test_a_script_runs_with_its_shell(job: Any, shell: str, script: str) -> None:
    done = job(None, script=script, shell=shell)
    result = done.end()
    assert (result["exit_code"], done.output(1), done.output(2)) == (0, b"a", b"")


def test_a_script_may_be_longer_than_an_argument(job: Any) -> None:
    done = job(None, script=": " + "x" * 200_000 + "\nprintf done\n", shell="sh")
    assert done.end()["exit_code"] == 0
    assert done.output(1) == b"done"


@pytest.mark.parametrize("shell", ["pwsh", "/nowhere/sh"])
def test_a_shell_that_is_not_there_is_named(job: Any, shell: str) -> None:
    if shutil.which(shell):
        pytest.skip(f"{shell} is installed here")
    result = job(None, script="true", shell=shell).end()
    assert result["outcome"] == "not_started"
    assert result["reason"] == f"the shell {shell} is not installed on this machine"


def test_a_user_that_is_not_there_is_named(job: Any) -> None:
    result = job("true", user="nobody-at-all").end()
    assert (result["outcome"], result["reason"]) == (
        "not_started",
        "there is no user nobody-at-all on this machine",
    )


@root_only
@pytest.mark.parametrize("kind", ["command", "script"])
def test_a_command_runs_as_its_user(job: Any, kind: str) -> None:
    text = (
        "id -un; echo $HOME $USER $LOGNAME; id -G; touch /etc/plumber-test 2>/dev/null || echo no"
    )
    keys = {"command": text} if kind == "command" else {"script": text, "shell": "sh"}
    done = job(keys.pop("command", None), user="nobody", path="/", **keys)
    result = done.end()
    assert result["exit_code"] == 0
    assert done.output(1).decode().split() == [
        "nobody", "/nonexistent", "nobody", "nobody", "65534", "no",
    ]  # fmt: skip
    done.wait_until(lambda: not list(Path("/tmp").glob("plumber-*/script*")))


@root_only
def test_a_users_script_that_removes_itself_ends_as_it_ended(job: Any) -> None:
    script = 'rm -rf "$(dirname "$0")"; exit 0'
    result = job(None, script=script, shell="sh", user="nobody", path="/").end()
    assert (result["outcome"], result["exit_code"]) == ("exited", 0)


@root_only
def test_a_users_script_has_nobody_elses_files_removed(job: Any, tmp_path: Path) -> None:
    """The directory of the script is the user's, who may put a link in its place."""
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "precious").touch()
    script = (
        f'own=$(dirname "$0"); mv "$own" "$own-away"; ln -s {victim} "$own"; echo "$own"\n'
        'mkdir -m 0 "$own-away/closed"\n'
    )
    done = job(None, script=script, shell="sh", user="nobody", path="/")
    assert done.end()["exit_code"] == 0
    link = Path(done.output(1).decode().strip())
    cleaners = [each for each in psutil.process_iter(["ppid", "name"]) if cleans(each)]
    psutil.wait_procs(cleaners, timeout=10)
    assert (victim / "precious").exists()
    link.unlink()
    shutil.rmtree(f"{link}-away")


def cleans(process: psutil.Process) -> bool:
    """Whether it is a supervisor's child, or was one."""
    with contextlib.suppress(psutil.Error):
        return "plumber_agent.jobs.supervisor" in " ".join(process.cmdline())
    return False


@root_only
def test_a_users_path_is_looked_at_with_the_users_eyes(job: Any, tmp_path: Path) -> None:
    """Whether it is there is none of the user's business."""
    missing = tmp_path / "missing"
    result = job("true", user="nobody", path=str(missing)).end()
    assert result["reason"] == f"the path {missing} cannot be entered: Permission denied"


@root_only
def test_a_path_that_is_not_there_is_named_to_a_user_too(job: Any) -> None:
    result = job("true", user="nobody", path="/no/such").end()
    assert result["reason"] == "the path /no/such does not exist on this machine"


@root_only
def test_a_path_that_the_user_may_not_enter_is_named(job: Any, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    result = job("true", user="nobody", path=str(closed)).end()
    assert result["outcome"] == "not_started"
    assert result["reason"] == f"the path {closed} cannot be entered: Permission denied"


def test_the_command_steps_back_and_its_supervisor_does_not(job: Any) -> None:
    done = job("cat /proc/self/oom_score_adj; nice")
    done.end()
    score, niceness = done.output(1).decode().split()
    assert int(score) >= command.OOM_SCORE
    assert int(niceness) == os.nice(0) + command.NICENESS


STOPPED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from plumber_agent.jobs import command, supervisor
command.Program.execute = lambda *_: os.kill(os.getpid(), signal.SIGSTOP)
supervisor.main(sys.argv[2])
"""


@pytest.mark.parametrize("ended_by", ["time-out", "cancel"])
def test_a_child_that_is_stopped_before_it_is_the_command_is_ended(
    job: Any, monkeypatch: pytest.MonkeyPatch, ended_by: str
) -> None:
    """From when it has become another user, that user's processes may stop it."""
    place = str(Path(command.__file__).parents[2])
    monkeypatch.setattr(
        supervisor,
        "start_arguments",
        lambda directory: [sys.executable, "-I", "-S", "-c", STOPPED, place, directory],
    )
    started = job("true", timeout_seconds=0.2 if ended_by == "time-out" else None)
    if ended_by == "cancel":
        supervising = psutil.Process(started.process.pid)
        started.wait_until(
            lambda: [each.status() for each in supervising.children()] == [psutil.STATUS_STOPPED]
        )
        started.process.terminate()
    assert started.end()["outcome"] == {"time-out": "timed_out", "cancel": "cancelled"}[ended_by]


# --- cgroups


@pytest.fixture
def cgroups(tmp_path: Path) -> Iterator[Path]:
    """Version 2, mounted for the test where none is."""
    if processes.Cgroup.create("probe").path is not None:
        probe = Path(processes._mount_point() or "") / "plumber-probe"
        probe.rmdir()
        yield probe.parent
        return
    place = tmp_path / "cgroups"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "cgroup2", "none", place], capture_output=True)
    if made.returncode != 0:
        pytest.skip(f"cgroups of version 2 cannot be had here: {made.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", place], check=True)


def test_places_that_others_mount_need_be_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may mount something, as FUSE lets everybody, chooses its name."""
    mounts = b"fuse /home/ann/m\xff fuse rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n"
    told = {"/proc/self/mounts": mounts, "/proc/self/cgroup": b"1:cpu:/x\n0::/own\xfe\n"}

    def opened(path: str, mode: str = "r", **keys: Any) -> Any:
        raw = io.BytesIO(told[path])
        return raw if "b" in mode else io.TextIOWrapper(raw, keys.get("encoding"))

    monkeypatch.setattr(processes, "open", opened, raising=False)
    assert processes._parent() == f"/sys/fs/cgroup{os.fsdecode(b'/own' + bytes([0xFE]))}"


def test_a_command_has_a_cgroup_while_it_runs(job: Any, cgroups: Path, tmp_path: Path) -> None:
    done = job("grep -o 'plumber-[0-9a-f]*' /proc/self/cgroup")
    assert done.end()["exit_code"] == 0
    name = done.output(1).decode().strip()
    assert name.startswith("plumber-")
    assert not (cgroups / name).exists()


def test_what_a_dead_supervisor_left_is_ended(job: Any, cgroups: Path, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    done = job(f"(trap '' TERM; setsid sleep 1000 & echo $! > {file}); sleep 1000")
    done.wait_until(lambda: file.exists() and file.read_text().strip() != "")
    done.process.kill()
    done.process.wait()
    left = pid_in(file)
    assert is_alive(left)
    directory = JobDirectory(tmp_path)
    directory.kill_leftovers()
    psutil.wait_procs([psutil.Process(left)] if psutil.pid_exists(left) else [], timeout=10)
    assert not is_alive(left)


def test_a_cgroup_that_outlived_its_job_goes_when_its_processes_have_ended(
    job: Any, cgroups: Path, tmp_path: Path
) -> None:
    file = tmp_path / "pid"
    done = job(
        f"setsid sleep 1000 > /dev/null 2>&1 & echo $! > {file}; "
        "grep -o 'plumber-[0-9a-f]*' /proc/self/cgroup"
    )
    assert done.end()["exit_code"] == 0
    left = cgroups / done.output(1).decode().strip()
    empty = processes.EmptyCgroups()
    for _ in range(3):
        empty.remove()
    assert left.exists(), "what a command leaves behind on purpose keeps it"
    sleeping = psutil.Process(pid_in(file))
    sleeping.kill()
    psutil.wait_procs([sleeping], timeout=10)
    done.wait_until(lambda: "populated 0" in (left / "cgroup.events").read_text())
    empty.remove()
    assert left.exists(), "it may be one that was just made"
    empty.remove()
    assert not left.exists()


# --- clocks


def test_a_wall_clock_that_jumps_does_not_change_a_time_out(tmp_path: Path) -> None:
    """The supervisor of this job sees a wall clock that jumps a year with every look."""
    document = {
        "run_id": "01R", "job_id": "1-a", "step": 1, "attempt": 1, "lease": "l", "env": {},
        "path": "/", "command": "echo a; sleep 1000", "timeout_seconds": 0.5,
        "kill_after_seconds": 0.3, "max_log_bytes": 1000, "spool_quota": 1 << 40,
    }  # fmt: skip
    (tmp_path / "job.json").write_text(json.dumps(document))
    program, package, directory = supervisor.start_arguments(str(tmp_path))[-3:]
    jumping = (
        "import itertools, time; year = 31_536_000; jumps = itertools.cycle((0, 5, -3, 9)); "
        "time.time = lambda: 1e9 + next(jumps) * year; "
        "time.time_ns = lambda: int(time.time() * 1e9); "
    )
    began = time.monotonic()
    command = [sys.executable, "-I", "-S", "-c", jumping + program, package, directory]
    subprocess.run(command, check=True, timeout=30, start_new_session=True)
    result = json.loads((tmp_path / "result.json").read_text())
    assert (result["outcome"], result["streams"]["stdout"]["bytes"]) == ("timed_out", 2)
    assert 400 <= result["duration_ms"] < 5_000
    assert time.monotonic() - began < 10
