"""What a stack keeps in its directory."""

import os
import socket
from pathlib import Path

import pytest

from infra.local.addresses import HOST, kept_port
from infra.local.place import NotOurs, Place


@pytest.mark.parametrize(("backend", "stays"), [("local", True), ("memory", False)])
def test_keys_stay_as_long_as_the_state(tmp_path: Path, backend: str, stays: bool) -> None:
    place = Place(tmp_path, 1, backend)
    place.clear()
    keys = place.keys()
    assert place.keys() == keys
    place.clear()
    assert (place.keys() == keys) is stays


def test_keys_are_random_letters_and_digits_that_only_the_owner_can_read(tmp_path: Path) -> None:
    one, other = Place(tmp_path, 1), Place(tmp_path, 2)
    for place in (one, other):
        place.clear()
        assert len(place.keys().access_key_id) == 20
        assert place.keys().access_key_id.isalnum()
        (file,) = place.state.iterdir()
        assert file.stat().st_mode & 0o777 == 0o600
    assert one.keys() != other.keys()


def test_a_place_that_another_user_prepared_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever knows the stack's keys beforehand is its admin."""
    place = Place(tmp_path / "state", 1)
    place.clear()
    place.root.chmod(0o777)
    place.clear()
    assert place.root.stat().st_mode & 0o022 == 0
    place.directory.chmod(0o720)
    with pytest.raises(NotOurs, match=f"chmod 700 {place.directory}"):
        place.clear()
    (tmp_path / "link").symlink_to(place.root)
    with pytest.raises(NotOurs, match=f"STATE={place.root}"):
        Place(tmp_path / "link", 1).clear()
    owner = os.geteuid()
    monkeypatch.setattr("os.geteuid", lambda: owner + 4_321)
    with pytest.raises(NotOurs, match=f"{place.root} belongs to another user"):
        place.clear()


def test_a_server_gets_the_port_of_its_last_start_where_that_is_free(tmp_path: Path) -> None:
    first = kept_port(tmp_path / "port")
    assert kept_port(tmp_path / "port") == first
    with socket.create_server((HOST, first)):
        other = kept_port(tmp_path / "port")
    assert other != first
    assert kept_port(tmp_path / "port") == other
    (tmp_path / "port").write_text("")
    assert kept_port(tmp_path / "port") > 0
