"""What is in the repository fits every machine: no registry is named, every version is pinned."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from infra.local.environment import ROOT

# Put together here, so that this file does not name them.
REGISTRIES = [".".join(parts) for parts in [("pypi", "org"), ("pythonhosted", "org")]]
REGISTRIES += [f"registry.{name}" for name in ("npmjs", "yarnpkg", "npmmirror")]
OPTIONS = [f"--{name}" for name in ("index-url", "extra-index-url", "find-links", "registry")]
PINNED = re.compile(r"[a-z0-9._-]+==[^ ;]+( ; .+)?")


def tracked() -> list[Path]:
    """The files of the repository that are text."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    files = [ROOT / name for name in listed.split("\0") if name]
    return [path for path in files if path.is_file() and b"\0" not in path.read_bytes()[:8000]]


def test_no_file_names_a_registry() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {registry}"
        for path in tracked()
        for registry in REGISTRIES
        if registry in path.read_text("utf-8", "replace")
    ]
    assert found == []


def test_no_install_command_chooses_a_registry() -> None:
    names = ("Makefile", "*.sh", ".ci/*", "requirements*.txt", "*.in", ".npmrc")
    installing = [path for path in tracked() if any(path.match(name) for name in names)]
    assert len(installing) >= 5
    for path in installing:
        words = path.read_text().split()
        assert not {word.split("=")[0] for word in words} & set(OPTIONS), path


@pytest.mark.parametrize(
    "name",
    [
        "requirements.txt",
        "requirements-dev.txt",
        "infra/requirements-node.txt",
        "infra/requirements-java.txt",
    ],
)
def test_every_requirement_is_pinned(name: str) -> None:
    lines = (ROOT / name).read_text().splitlines()
    assert lines
    assert [line for line in lines if not PINNED.fullmatch(line)] == []


def test_both_locks_agree() -> None:
    """Apart from the conditions: a package may be needed more widely for development."""
    runtime, development = (
        {line.split(" ")[0] for line in (ROOT / name).read_text().splitlines()}
        for name in ("requirements.txt", "requirements-dev.txt")
    )
    assert runtime <= development


def test_node_lock_files_pin_by_hash_and_name_no_address() -> None:
    locks = [path for path in tracked() if path.name == "package-lock.json"]
    assert locks
    for lock in locks:
        packages = json.loads(lock.read_text())["packages"]
        installed = {
            name: entry
            for name, entry in packages.items()
            if name and "link" not in entry and "inBundle" not in entry  # hashed with its parent
        }
        assert all("integrity" in entry for entry in installed.values()), lock
        assert not any("resolved" in entry for entry in installed.values()), lock
