"""agent.json."""

import json
from pathlib import Path

import pytest

from plumber_agent.machine.config import ConfigError, Identity, Joining, load, save


def write(path: Path, document: object) -> Path:
    file = path / "agent.json"
    file.write_text(json.dumps(document))
    return file


def test_an_identity_is_read(tmp_path: Path) -> None:
    file = write(tmp_path, {"id": "a", "token": "t", "server_addr": "http://x/api/"})
    assert load(file) == Identity("a", "t", "http://x/api")


def test_a_first_start_makes_an_id_and_a_secret_and_keeps_them(tmp_path: Path) -> None:
    file = write(tmp_path, {"join_token": "j", "server_addr": "https://x", "name": "web"})
    first = load(file)
    assert isinstance(first, Joining)
    assert (len(first.secret), first.name) == (64, "web")
    assert load(file) == first
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_identity_takes_the_place_of_the_join_token(tmp_path: Path) -> None:
    file = write(tmp_path, {"join_token": "j", "server_addr": "https://x"})
    save(file, Identity("a", "t", "https://x"))
    assert load(file) == Identity("a", "t", "https://x")
    assert "join_token" not in file.read_text()


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], "not valid JSON"),
        ({}, "'server_addr' is missing"),
        ({"server_addr": 1}, "'server_addr'"),
        ({"server_addr": "x"}, "http://"),
        ({"server_addr": "http://x"}, "'join_token'"),
        ({"server_addr": "http://x", "token": "t"}, "'id'"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, document: object, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load(write(tmp_path, document))


def test_a_missing_file_comes_with_the_way_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="plumber-cli agent enroll --write"):
        load(tmp_path / "agent.json")
