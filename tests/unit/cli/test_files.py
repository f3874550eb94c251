"""Nobody else on the machine says whom the CLI talks to, or where it writes."""

import json
import os
from pathlib import Path

import pytest

from plumber_cli import agents, config, files
from plumber_cli.config import Target
from plumber_cli.errors import WrongUsage
from plumber_cli.files import NotOwn, read_own

STRANGER = 4_321


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PLUMBER_URL", "PLUMBER_TOKEN", "PLUMBER_PROFILE", "SUDO_UID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


def local_stack(folder: Path) -> Path:
    (folder / ".plumber").mkdir()
    file = folder / ".plumber" / "local.json"
    file.write_text(json.dumps({"url": "http://l", "token": "t"}))
    file.chmod(0o600)
    return file


def test_a_local_stack_of_another_user_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted in /tmp, it would have whoever enrolls agents below it enroll them elsewhere."""
    file = local_stack(tmp_path)
    assert config.load(None) == Target("http://l", "t")
    file.chmod(0o666)
    with pytest.raises(WrongUsage, match="No control plane is known"):
        config.load(None)
    file.chmod(0o600)
    monkeypatch.setattr(files, "_owners", lambda: {STRANGER})
    with pytest.raises(WrongUsage, match="No control plane is known"):
        config.load(None)


def test_a_configuration_of_another_user_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the home directory that some sudo keeps."""
    config.save("default", Target("http://a", "t1"))
    config.path().chmod(0o620)
    with pytest.raises(WrongUsage, match=f"mode 620.*chmod 600 {config.path()}"):
        config.load(None)
    config.path().chmod(0o600)
    monkeypatch.setattr(files, "_owners", lambda: {STRANGER})
    with pytest.raises(WrongUsage, match=f"{config.path()} belongs to another user"):
        config.load(None)


def test_under_sudo_the_configuration_of_who_called_it_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    real, stranger = os.fstat, list(file.stat())
    stranger[4] = STRANGER
    monkeypatch.setattr(os, "fstat", lambda fd: os.stat_result(stranger) if fd > 2 else real(fd))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(NotOwn):
        read_own(file)
    monkeypatch.setenv("SUDO_UID", str(STRANGER))
    assert read_own(file) == "x"
    monkeypatch.setattr(os, "geteuid", lambda: 1_000)  # anybody may set the variable
    with pytest.raises(NotOwn):
        read_own(file)


def test_nothing_is_written_through_a_link_that_was_planted(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("as it was")
    config.path().parent.mkdir(parents=True)
    config.path().with_suffix(".new").symlink_to(victim)
    config.save("default", Target("http://a", "t1"))
    assert config.load(None) == Target("http://a", "t1")
    (tmp_path / "agent.json").symlink_to(tmp_path / "not there")
    with pytest.raises(WrongUsage, match="exists already"):
        agents._write(tmp_path / "agent.json", "{}")
    assert (victim.read_text(), (tmp_path / "not there").exists()) == ("as it was", False)


def test_what_is_written_is_for_its_owner_alone(tmp_path: Path) -> None:
    agents._write(tmp_path / "agent.json", "{}")
    assert (tmp_path / "agent.json").stat().st_mode & 0o777 == 0o600
