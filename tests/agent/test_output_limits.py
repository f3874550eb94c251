"""What limits, full disks and secrets make of a command's output."""

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plumber_agent.machine.segments import PLUMBER
from tests.agent.conftest import Job


def test_past_the_limit_head_and_tail_are_kept_and_a_mark_says_what_is_between(job: Any) -> None:
    command = "for n in $(seq 1 1000); do echo line $n; done; printf end >&2; exit 6"
    done = job(command, max_log_bytes=1_000)
    result = done.end()
    kept = done.output(1)
    written = "".join(f"line {n}\n" for n in range(1, 1_001)).encode()
    assert (result["exit_code"], result["truncated"]) == (6, True)
    assert result["missing_reason"] == "the log's limit was reached"
    assert kept.startswith(written[:500])
    assert written.endswith(kept[500:])
    assert 700 < len(kept) + len(b"end") <= 1_000
    assert done.output(2) == b"end"
    missing = len(written) - len(kept)
    stdout = result["streams"]["stdout"]
    assert (stdout["bytes"], stdout["missing"]) == (len(kept), missing)
    assert stdout["sha256"] == hashlib.sha256(kept).hexdigest()
    (mark,) = [data for stream, data in done.records() if stream == PLUMBER]
    assert f"{missing:,} bytes of stdout are missing here".encode() in mark
    place = [stream for stream, _ in done.records()].index(PLUMBER)
    assert sum(len(data) for _, data in done.records()[:place]) == 500


def test_output_exactly_as_long_as_the_limit_is_whole(job: Any) -> None:
    done = job("head -c 1000 /dev/zero", max_log_bytes=1_000)
    result = done.end()
    assert (result["truncated"], len(done.output(1))) == (False, 1_000)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, with room for 64 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("a small disk can only be made by root")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_does_not_stop_the_command_or_lose_its_result(small_disk: Path) -> None:
    command = "for n in 1 2 3 4 5 6 7 8 9; do head -c 8000 /dev/zero; sleep 0.05; done; exit 7"
    done = Job(small_disk, command)
    result = done.end()
    assert (result["exit_code"], result["truncated"]) == (7, True)
    assert result["missing_reason"] == "the machine's disk was full"
    kept = done.output(1)
    stdout = result["streams"]["stdout"]
    assert 0 < len(kept) == stdout["bytes"] == 72_000 - stdout["missing"] < 65_536
    assert result["streams"]["stdout"]["sha256"] == hashlib.sha256(kept).hexdigest()


def test_a_segment_that_takes_nothing_loses_nothing_where_another_does(tmp_path: Path) -> None:
    (tmp_path / "spool.00000001").symlink_to("/dev/full")
    result = Job(tmp_path, "echo kept; exit 7").end()
    assert (result["exit_code"], result["truncated"]) == (7, False)
    assert (tmp_path / "spool.00000002").read_bytes().endswith(b"kept\n")


def test_when_the_spool_is_full_the_newest_output_is_kept(tmp_path: Path) -> None:
    directory = tmp_path / "job"
    directory.mkdir()
    command = "head -c 20000000 /dev/zero; echo the end"
    done = Job(directory, command, spool_quota=9 << 20)
    result = done.end()
    stdout = result["streams"]["stdout"]
    assert result["missing_reason"] == "the agent's spool was full"
    assert stdout["missing"] > 0
    assert stdout["bytes"] + stdout["missing"] == 20_000_008
    assert done.output(1).endswith(b"the end\n")
    assert stdout["sha256"] == hashlib.sha256(done.output(1)).hexdigest()
    assert sum(each.stat().st_size for each in directory.glob("spool.*")) < 13 << 20


def test_output_goes_on_where_it_was_once_there_is_room_again(tmp_path: Path) -> None:
    directory = tmp_path / "job"
    directory.mkdir()
    blocking = tmp_path / "other"
    blocking.mkdir()
    with (blocking / "spool.00000001").open("wb") as file:
        file.truncate(20 << 20)
    gate, full = directory / "gate", directory / "full"
    command = (
        f"head -c 6000000 /dev/zero; touch {full}; while [ ! -e {gate} ]; do sleep 0.01; done; "
        "head -c 6000000 /dev/zero; echo the end"
    )
    done = Job(directory, command, spool_quota=20 << 20)
    done.wait_until(lambda: full.exists())
    (blocking / "spool.00000001").unlink()
    gate.touch()
    result = done.end()
    assert result["missing_reason"] == "the agent's spool was full"
    places = [stream for stream, _ in done.records()]
    assert places.count(PLUMBER) == 1
    assert 0 <= places.index(PLUMBER) < len(places) - 1
    kept = done.output(1)
    assert kept.endswith(b"the end\n")
    assert len(kept) == result["streams"]["stdout"]["bytes"] > 8_000_000


@pytest.mark.parametrize("pause", ["", "sleep 0.05; "])
def test_secrets_are_masked_before_they_are_on_disk(tmp_path: Path, pause: str) -> None:
    halves = f"printf 'the pass'; {pause}printf 'word is hunter2 '; {pause}printf 'AKIA'; {pause}"
    command = f"{halves}echo 1234567890; printf hunt; {pause}printf er2; printf '\\nhunter' >&2"
    mask = {"values": ["hunter2", "password"], "patterns": ["AKIA[0-9]+"]}
    done = Job(tmp_path, command, mask=mask)
    result = done.end()
    assert done.output(1) == b"the *** is *** ***\n***"
    assert done.output(2) == b"\nhunter"
    for segment in tmp_path.glob("spool.*"):
        assert b"hunter2" not in segment.read_bytes()
    expected = hashlib.sha256(done.output(1)).hexdigest()
    assert result["streams"]["stdout"]["sha256"] == expected
