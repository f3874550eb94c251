"""What is sealed opens for its run, with its key, and in no other way."""

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from chalicelib.kms import data_keys
from chalicelib.kms.data_keys import FileKeys, KeyProblem
from chalicelib.kms.sealing import Sealed, opened, seal
from chalicelib.settings import Settings
from infra.local.key_file import kept

VALUES = {"password": 'hunter2 "ü€\n', "token": ""}


@pytest.fixture
def keys(tmp_path: Path) -> FileKeys:
    return FileKeys(str(kept(tmp_path / "key")))


def test_what_was_sealed_is_opened(keys: FileKeys) -> None:
    sealed = seal(keys, "01R", VALUES)
    assert opened(keys, "01R", sealed) == VALUES
    assert b"hunter2" not in sealed.content + sealed.data_key


def test_the_same_values_are_never_sealed_to_the_same_bytes(keys: FileKeys) -> None:
    one, other = seal(keys, "01R", VALUES), seal(keys, "01R", VALUES)
    assert one.content != other.content
    assert one.data_key != other.data_key


def test_another_run_cannot_open_it(keys: FileKeys) -> None:
    sealed = seal(keys, "01R", VALUES)
    with pytest.raises(KeyProblem):
        opened(keys, "01S", sealed)


def test_another_run_cannot_open_it_with_its_own_data_key_either(
    keys: FileKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The values are bound to the run by themselves, not only by their data key."""
    key = os.urandom(32)
    monkeypatch.setattr(data_keys, "unwrapped", lambda *_: key)
    monkeypatch.setattr(FileKeys, "new", lambda *_: (key, b"wrapped"))
    sealed = seal(keys, "01R", VALUES)
    assert opened(keys, "01R", sealed) == VALUES
    with pytest.raises(KeyProblem, match="not this run's"):
        opened(keys, "01S", sealed)


@pytest.mark.parametrize("at", [0, 12, -1])
@pytest.mark.parametrize("part", ["data_key", "content"])
def test_what_was_changed_is_not_opened(keys: FileKeys, part: str, at: int) -> None:
    sealed = seal(keys, "01R", VALUES)
    changed = bytearray(getattr(sealed, part))
    changed[at] ^= 1
    with pytest.raises(KeyProblem):
        opened(keys, "01R", replace(sealed, **{part: bytes(changed)}))


def test_another_key_does_not_open_it(keys: FileKeys, tmp_path: Path) -> None:
    sealed = seal(keys, "01R", VALUES)
    with pytest.raises(KeyProblem, match="another key"):
        opened(FileKeys(str(kept(tmp_path / "other"))), "01R", sealed)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_key_that_others_may_read_is_not_used(keys: FileKeys, mode: int) -> None:
    Path(keys.path).chmod(mode)
    with pytest.raises(KeyProblem, match="others may read"):
        seal(keys, "01R", VALUES)


def test_what_is_no_key_is_said(tmp_path: Path) -> None:
    with pytest.raises(KeyProblem, match="cannot be read from its file"):
        seal(FileKeys(str(tmp_path / "none")), "01R", VALUES)
    short = tmp_path / "short"
    short.touch(0o600)
    with pytest.raises(KeyProblem, match="32 bytes"):
        seal(FileKeys(str(short)), "01R", VALUES)


def test_an_installation_without_a_key_says_which_settings_it_wants(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(data_keys, "settings", Settings())
    with pytest.raises(KeyProblem, match="PLUMBER_KMS_KEY or PLUMBER_KEY_FILE"):
        data_keys.of_this_installation()
    monkeypatch.setattr(data_keys, "settings", Settings(kms_key="alias/a", key_file="/b"))
    assert data_keys.of_this_installation() == data_keys.KmsKeys("alias/a")


def test_a_data_key_is_unwrapped_once_in_a_process(
    keys: FileKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = seal(keys, "01R", VALUES)
    asked: list[bytes] = []
    unwrapped = FileKeys.unwrapped

    def counted(self: FileKeys, wrapped: bytes, run_id: str) -> bytes:
        asked.append(wrapped)
        return unwrapped(self, wrapped, run_id)

    monkeypatch.setattr(FileKeys, "unwrapped", counted)
    assert [opened(keys, "01R", sealed) for _ in range(3)] == [VALUES] * 3
    assert asked == [sealed.data_key]
    with pytest.raises(KeyProblem):
        opened(keys, "01S", Sealed(sealed.data_key, sealed.content))


def test_a_key_file_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = kept(tmp_path / "key")
    key = path.read_bytes()
    assert (len(key), path.stat().st_mode & 0o777) == (32, 0o600)
    assert kept(path).read_bytes() == key
    assert kept(tmp_path / "other").read_bytes() != key
    assert {each.name for each in tmp_path.iterdir()} == {"key", "other"}
