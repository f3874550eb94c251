"""Nobody but the agent's user has a say in what it keeps, hence in what it runs."""

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from plumber_agent.machine import ownership
from plumber_agent.machine.config import load
from plumber_agent.machine.files import write_durably
from plumber_agent.machine.ownership import (
    NotOurs,
    private_directory,
    require_firm_ground,
    require_own_file,
)
from plumber_agent.main import _own_log, default_workdir


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


@pytest.mark.parametrize("mode", [0o777, 0o757])
def test_a_place_that_others_could_move_away_is_refused(tmp_path: Path, mode: int) -> None:
    """Whoever may write `open` renames `open/a`, and makes one of his own."""
    place = tmp_path / "open" / "a" / "work"
    private_directory(place)
    (tmp_path / "open").chmod(mode)
    with pytest.raises(NotOurs, match=f"in the place of {place}.*chmod go-w {tmp_path}/open"):
        private_directory(place)
    (tmp_path / "open").chmod(mode | 0o1000)  # as /tmp is
    private_directory(place)


def test_a_place_in_another_users_directory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    above = tmp_path.stat()
    stranger = os.stat_result((*above[:4], above.st_uid + 4_321, *above[5:]))
    real = Path.stat

    def stat(path: Path, **keys: bool) -> os.stat_result:
        return stranger if path == tmp_path else real(path, **keys)

    monkeypatch.setattr(Path, "stat", stat)
    with pytest.raises(NotOurs, match=f"{tmp_path} belongs to user"):
        require_firm_ground(tmp_path / "work")


def test_a_place_that_is_reached_through_a_link_others_could_turn_is_refused(
    tmp_path: Path,
) -> None:
    (tmp_path / "firm").mkdir()
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "open" / "link").symlink_to(tmp_path / "firm")
    with pytest.raises(NotOurs, match=f"{tmp_path}/open can be written"):
        require_firm_ground(tmp_path / "open" / "link" / "work")
    (tmp_path / "way").symlink_to(tmp_path / "open")
    with pytest.raises(NotOurs, match=f"{tmp_path}/open can be written"):
        require_firm_ground(tmp_path / "way" / "work")


def test_a_link_in_the_middle_of_links_may_be_turned_by_nobody_else(tmp_path: Path) -> None:
    """`way` leads to `open/link`, and that to `firm`: neither the name nor its end tells."""
    (tmp_path / "firm" / "deep").mkdir(parents=True)
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "link").symlink_to(Path("..") / "firm")
    (tmp_path / "way").symlink_to(tmp_path / "open" / "link" / "deep")
    require_firm_ground(tmp_path / "way" / "work")
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(NotOurs, match=f"{tmp_path}/open can be written"):
        require_firm_ground(tmp_path / "way" / "work")
    (tmp_path / "round").symlink_to(tmp_path / "round")
    with pytest.raises(NotOurs, match="too many links"):
        require_firm_ground(tmp_path / "round" / "work")


def test_a_link_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner turns it, also in a sticky directory where nobody else could."""
    (tmp_path / "firm").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "firm")
    require_firm_ground(tmp_path / "link" / "work")
    real, link = Path.lstat, tmp_path / "link"
    found = list(link.lstat())
    found[4] += 4_321
    stranger = os.stat_result(found)
    monkeypatch.setattr(Path, "lstat", lambda path: stranger if path == link else real(path))
    with pytest.raises(NotOurs, match=f"{link} belongs to user"):
        require_firm_ground(link / "work")


@pytest.mark.parametrize(
    ("members", "primary", "is_firm"),
    [([], [], True), (["me"], ["me"], True), (["ann"], [], False), ([], ["me", "ann"], False)],
)
def test_a_group_is_this_users_own_where_nobody_else_is_in_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    members: list[str],
    primary: list[str],
    is_firm: bool,
) -> None:
    """As `users`, in which some systems put everybody."""
    gid = tmp_path.stat().st_gid or 4_321
    monkeypatch.setattr(os, "getegid", lambda: gid)
    monkeypatch.setattr(ownership, "_name", lambda _: "me")
    group = SimpleNamespace(gr_mem=members)
    everybody = [SimpleNamespace(pw_name=each, pw_gid=gid) for each in primary]
    monkeypatch.setattr("grp.getgrgid", lambda _: group)
    monkeypatch.setattr("pwd.getpwall", lambda: everybody)
    assert ownership._is_own_group(gid) == is_firm


def test_an_access_list_lets_others_write_whatever_the_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its mask stands where the group's bits do, and the group may be this user's own."""
    monkeypatch.setattr(ownership, "_is_own_group", lambda _: True)
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o770)
    require_firm_ground(tmp_path / "open" / "work")
    listed = lambda path, _: b"\2\0\0\0" if path == tmp_path / "open" else b""  # noqa: E731
    monkeypatch.setattr(os, "getxattr", listed, raising=False)
    with pytest.raises(NotOurs, match=f"{tmp_path}/open can be written"):
        require_firm_ground(tmp_path / "open" / "work")


def test_an_identity_that_others_could_replace_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    file = tmp_path / "open" / "agent.json"
    write_durably(file, {"id": "a", "token": "t", "server_addr": "http://a"})
    with pytest.raises(NotOurs, match=f"in the place of {file}"):
        load(file)
    (tmp_path / "open").chmod(0o755)
    assert load(file).id == "a"


def test_a_log_where_others_may_plant_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    assert _own_log(tmp_path / "logs" / "agent.log")
    (tmp_path / "logs" / "agent.log.1").symlink_to("/etc/passwd")
    with pytest.raises(NotOurs, match="symbolic link"):
        _own_log(tmp_path / "logs" / "agent.log")
    (tmp_path / "logs" / "agent.log.1").unlink()
    (tmp_path / "logs").chmod(0o1777)
    with pytest.raises(NotOurs, match="Choose another --log-file"):
        _own_log(tmp_path / "logs" / "agent.log")


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
