"""The whole agent, as a process, against a control plane that does what the test says."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

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
    document = {**offer, "path": "/", "max_bytes": 1 << 30, "spool_quota": 1 << 40}
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
