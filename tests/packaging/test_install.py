"""What `infra/install/check.sh` does on machines that lack something. Nothing is downloaded: the
package index is a folder."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra.local import dynamodb_local, programs
from infra.local.environment import ROOT

CHECK = ROOT / "infra" / "install" / "check.sh"
TOOLS = (
    "sh",
    "cat",
    "chmod",
    "cp",
    "dirname",
    "head",
    "id",
    "ln",
    "mkdir",
    "rm",
    "sed",
    "tail",
    "uname",
)
GOOD_NODE = 'case "$1" in --version) echo v24.1.0 ;; *) exit 0 ;; esac'
OLD_NODE = 'case "$1" in --version) echo v18.20.4 ;; *) exit 1 ;; esac'


def java(version: str) -> str:
    return f"echo 'openjdk version \"{version}\" 2025-04-15' >&2"


class Machine:
    """A folder with a checkout's `.venv`, and a PATH that has but a few tools and what is added."""

    def __init__(self, place: Path) -> None:
        self.bin, self.venv, self.index = place / "bin", place / ".venv", place / "index"
        self._place = place
        self.bin.mkdir()
        for tool in TOOLS:
            (self.bin / tool).symlink_to(str(shutil.which(tool)))
        # A pip that installs what is in the index, which is nothing at first.
        self.script(self.venv / "bin/pip", f'echo "$@" >> {place}/pip; [ -d {self.index} ]')
        self.script(self.venv / "bin/python", f"echo {self.index}")

    @staticmethod
    def script(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def check(self, *arguments: str) -> tuple[int, str]:
        """The exit code of check.sh, and all that it says."""
        ran = subprocess.run(
            ["sh", str(CHECK), *arguments],
            cwd=self._place,
            env={"PATH": str(self.bin)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return ran.returncode, ran.stdout.strip()

    @property
    def installed(self) -> list[str]:
        """The requirement files that pip was called with."""
        calls = self._place / "pip"
        return (
            [Path(line.split()[-1]).name for line in calls.read_text().splitlines()]
            if calls.exists()
            else []
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def index(machine: Machine) -> Path:
    """The index of a machine that reaches it, with the programs where the packages have them."""
    machine.script(machine.index / "bin/node", GOOD_NODE)
    for name in ("npm", "npx"):
        machine.script(machine.index / f"lib/node_modules/npm/bin/{name}-cli.js", "")
    machine.script(machine.index / "java-runtime/bin/java", java("25.0.2"))
    return machine.index


def test_a_good_node_and_java_are_left_alone(machine: Machine) -> None:
    machine.script(machine.bin / "node", GOOD_NODE)
    machine.script(machine.bin / "npm", "")
    machine.script(machine.bin / "java", java("17.0.15"))
    assert machine.check("node") == (0, "")
    assert machine.check("java") == (0, "")
    assert machine.installed == []


@pytest.mark.parametrize(
    ("here", "wrong"),
    [
        ({}, "Node is missing"),
        ({"node": OLD_NODE, "npm": ""}, "Node v18.20.4 is too old"),
        ({"node": GOOD_NODE}, "npm is missing"),
    ],
)
def test_node_is_taken_into_the_virtual_environment_once(
    machine: Machine, index: Path, here: Mapping[str, str], wrong: str
) -> None:
    for name, text in here.items():
        machine.script(machine.bin / name, text)
    assert machine.check("node") == (0, f"{wrong}: installing Node into .venv")
    assert machine.installed == ["requirements-node.txt"]
    assert all(
        os.access(machine.venv / "node/bin" / name, os.X_OK) for name in ("node", "npm", "npx")
    )
    assert machine.check("node") == (0, "")
    assert machine.installed == ["requirements-node.txt"]


@pytest.mark.parametrize(
    ("here", "wrong"),
    [
        ({}, "Java is missing"),
        ({"java": java("11.0.2")}, "Java 11 is too old"),
        ({"java": java("1.8.0_402")}, "Java 1 is too old"),
        (
            {"java": "echo 'Unable to locate a Java Runtime.' >&2; exit 1"},
            "Java of unknown version is too old",
        ),
    ],
)
def test_java_is_taken_into_the_virtual_environment_once(
    machine: Machine, index: Path, here: Mapping[str, str], wrong: str
) -> None:
    for name, text in here.items():
        machine.script(machine.bin / name, text)
    told = f"{wrong}: installing Java into .venv, for DynamoDB Local"
    assert machine.check("java") == (0, told)
    assert machine.check("java") == (0, "")
    assert machine.installed == ["requirements-java.txt"]


@pytest.mark.parametrize("name", ["node", "java"])
def test_without_an_index_it_is_said_how_to_get_it(machine: Machine, name: str) -> None:
    code, told = machine.check(name)
    assert code == 1
    last = told.splitlines()[-1]
    assert "is missing, and PyPI's could not be installed. Install" in last


def test_a_node_that_does_not_run_here_is_not_passed_over(machine: Machine, index: Path) -> None:
    machine.script(index / "bin/node", "echo 'GLIBC_2.28 not found'; exit 1")
    code, told = machine.check("node")
    assert code == 1
    assert told.splitlines()[-1].startswith("PyPI's Node does not run here")


def test_a_chromium_is_left_alone_whatever_its_name(machine: Machine) -> None:
    machine.script(machine.bin / "google-chrome", "")
    assert machine.check("chromium") == (0, "")


def test_without_root_a_chromium_is_unpacked_into_the_virtual_environment(machine: Machine) -> None:
    unpacks = "mkdir -p fonts; echo 'echo $FONTCONFIG_PATH $LD_LIBRARY_PATH' > chromium"
    machine.script(machine.bin / "node", f"{unpacks}; chmod +x chromium")
    machine.script(machine.bin / "npm", "[ -f package-lock.json ]")
    for name, says in (("id", "1000"), ("uname", "Linux x86_64")):
        (machine.bin / name).unlink()
        machine.script(machine.bin / name, f"echo {says}")
    told = "Chromium is missing: installing it for the browser tests"
    assert machine.check("chromium") == (0, told)
    assert machine.check("chromium") == (0, "")
    place = machine.venv / "chromium"
    started = subprocess.run([place / "bin" / "chromium"], capture_output=True, text=True)
    assert started.stdout.split() == [f"{place}/fonts", f"{place}/al2023/lib"], started.stderr
    assert f"<dir>{place}/fonts</dir>" in (place / "fonts" / "fonts.conf").read_text()


def test_where_no_chromium_can_be_got_it_is_said_how_to(machine: Machine) -> None:
    """No apt, and no npm either."""
    code, told = machine.check("chromium")
    assert code == 1
    assert told.splitlines()[-1].endswith("Install it (Debian: apt install chromium).")


def test_a_python_without_venv_is_said_in_one_line(machine: Machine) -> None:
    machine.script(
        machine.bin / "python",
        'case "$2" in *ensurepip*) exit 1 ;; esac; [ "$1" = -c ] || echo Python 3.11.2',
    )
    get = "Install it (Debian, Ubuntu: apt install python3-venv)."
    told = f"Python 3.11.2 lacks the venv module. {get}"
    assert machine.check("python", "python") == (1, told)


def test_what_was_added_is_found_before_the_machines(
    monkeypatch: pytest.MonkeyPatch, machine: Machine, index: Path
) -> None:
    machine.script(machine.bin / "node", OLD_NODE)
    machine.script(machine.bin / "java", java("11.0.2"))
    assert machine.check("node")[0] == machine.check("java")[0] == 0
    monkeypatch.setenv("PATH", str(machine.bin))
    monkeypatch.setattr(
        programs,
        "ADDED",
        tuple(machine.venv / place.relative_to(sys.prefix) for place in programs.ADDED),
    )
    assert programs.find("node") == str(machine.venv / "node/bin/node")
    assert programs.find("chromium", "sed") == str(machine.bin / "sed")
    assert programs.find("chromium") is None
    dynamodb_local.find_java.cache_clear()
    try:
        assert dynamodb_local.find_java() == str(machine.venv / "java/bin/java")
    finally:
        dynamodb_local.find_java.cache_clear()
