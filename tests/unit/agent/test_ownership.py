"""Nobody but the agent's user has a say in what it keeps, hence in what it runs."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from plumber_agent.machine import ownership
from plumber_agent.machine.config import load
from plumber_agent.machine.files import write_durably
from plumber_agent.machine.ownership import NotOurs, private_directory, require_own_file
from plumber_agent.main import default_workdir


def test_what_is_missing_is_made_for_this_user_alone(tmp_path: Path) -> None:
    private_directory(tmp_path / "state" / "agent")
    for made in (tmp_path / "state", tmp_path / "state" / "agent"):
        assert made.stat().st_mode & 0o777 == 0o700
    private_directory(tmp_path / "state" / "agent")


def a_link(place: Path) -> str:
    (place.parent / "elsewhere").mkdir(mode=0o700)
    place.symlink_to(place.parent / "elsewhere")
    return f"{place} is a symbolic link.*Remove it, or name the place itself: .*elsewhere"


def a_dangling_link(place: Path) -> str:
    place.symlink_to("/nowhere")
    return "is a symbolic link"


def a_file(place: Path) -> str:
    place.touch(mode=0o600)
    return f"{place} is not a directory"


def one_that_others_may_read(place: Path) -> str:
    place.mkdir()
    place.chmod(0o755)
    return rf"open to other users \(mode 755\).*chmod 700 {place}"


def one_that_others_may_write(place: Path) -> str:
    place.mkdir()
    place.chmod(0o720)
    return rf"open to other users \(mode 720\).*chmod 700 {place}"


@pytest.mark.parametrize(
    "plant",
    [a_link, a_dangling_link, a_file, one_that_others_may_read, one_that_others_may_write],
)
def test_a_directory_that_others_have_a_say_in_is_refused(
    tmp_path: Path, plant: Callable[[Path], str]
) -> None:
    says = plant(tmp_path / "work")
    with pytest.raises(NotOurs, match=says):
        private_directory(tmp_path / "work")


def test_a_directory_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = os.geteuid()
    monkeypatch.setattr("os.geteuid", lambda: owner + 4_321)
    with pytest.raises(NotOurs, match=f"belongs to .*runs as user {owner + 4_321}.*planted"):
        private_directory(tmp_path)
    assert ownership._name(owner + 4_321) == f"user {owner + 4_321}"


def test_a_file_that_others_could_have_written_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "agent.json"
    require_own_file(file)
    file.touch()
    file.chmod(0o620)
    with pytest.raises(NotOurs, match=f"chmod 600 {file}"):
        load(file)
    file.unlink()
    file.symlink_to(tmp_path / "other")
    with pytest.raises(NotOurs, match="symbolic link"):
        load(file)


def test_a_file_that_others_may_only_read_is_closed_to_them(tmp_path: Path) -> None:
    file = tmp_path / "agent.json"
    file.touch()
    file.chmod(0o644)
    require_own_file(file)
    assert file.stat().st_mode & 0o777 == 0o600


def test_nothing_is_written_through_a_planted_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "agent.json.new").symlink_to(victim)
    write_durably(tmp_path / "agent.json", {})
    assert victim.read_text() == "precious"
    assert not (tmp_path / "agent.json").is_symlink()


@pytest.mark.parametrize(
    ("euid", "environ", "expected"),
    [
        (0, {"XDG_STATE_HOME": "/x"}, "/var/lib/plumber-agent"),
        (1000, {"XDG_STATE_HOME": "/x"}, "/x/plumber-agent"),
        (1000, {"XDG_STATE_HOME": "relative"}, "/home/ann/.local/state/plumber-agent"),
        (1000, {}, "/home/ann/.local/state/plumber-agent"),
    ],
)
def test_the_default_work_directory_is_nobody_elses(
    euid: int, environ: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    assert default_workdir(euid, environ) == Path(expected)
