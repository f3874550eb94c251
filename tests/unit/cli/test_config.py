"""Where the control plane is."""

import json
from pathlib import Path

import pytest

from plumber_cli import config
from plumber_cli.config import Target
from plumber_cli.errors import WrongUsage


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PLUMBER_URL", "PLUMBER_TOKEN", "PLUMBER_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    here = tmp_path / "here" / "deep"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)


def test_without_anything_the_way_to_begin_is_told() -> None:
    with pytest.raises(WrongUsage, match="set-config --url URL"):
        config.load(None)


def test_profiles_are_kept_apart_and_for_their_owner_only() -> None:
    config.save("default", Target("http://a", "t1"))
    config.save('my "own"', Target("http://b", "t2"))
    config.save("default", Target("http://c", "t3"))
    assert config.load(None) == Target("http://c", "t3")
    assert config.load('my "own"') == Target("http://b", "t2")
    assert config.path().stat().st_mode & 0o777 == 0o600
    with pytest.raises(WrongUsage, match="no profile 'x'"):
        config.load("x")


def test_the_environment_comes_before_the_default_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    config.save("default", Target("http://a", "t1"))
    monkeypatch.setenv("PLUMBER_TOKEN", "t2")
    assert config.load(None) == Target("http://a", "t2")
    monkeypatch.setenv("PLUMBER_URL", "http://e/")
    assert config.load(None) == Target("http://e", "t2")
    assert config.load("default") == Target("http://a", "t1")


def test_a_stored_token_is_not_sent_to_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    config.save("default", Target("http://a", "t1"))
    monkeypatch.setenv("PLUMBER_URL", "http://e")
    with pytest.raises(WrongUsage, match="PLUMBER_TOKEN is not"):
        config.load(None)


@pytest.mark.parametrize(
    ("url", "token", "reason"),
    [
        ("ftp://a", "t", "must begin with http"),
        ("http://a", "", "empty"),
        ("http://a", "a b", "one word"),
    ],
)
def test_what_is_no_address_or_token_is_refused(url: str, token: str, reason: str) -> None:
    with pytest.raises(WrongUsage, match=reason):
        config.target(url, token)


def test_a_local_stack_is_found_from_below_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "here" / ".plumber"
    folder.mkdir()
    (folder / "local.json").write_text(json.dumps({"url": "http://l", "token": "t"}))
    assert config.load(None) == Target("http://l", "t")


def test_a_broken_file_is_named() -> None:
    config.path().parent.mkdir(parents=True)
    config.path().write_text("[")
    with pytest.raises(WrongUsage, match=r"config\.toml cannot be read"):
        config.load(None)
