"""Cutting spools: at record boundaries, and never differently again."""

import errno
import os
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.logs import log
from plumber_agent.jobs import output
from plumber_agent.machine.segments import RECORD_HEADER, segment_path
from plumber_agent.machine.spool import CHUNK_BYTES, MAGIC, PACKED_MAGIC, Cut, Spool


def record(data: bytes, stream: int = 1) -> bytes:
    return RECORD_HEADER.pack(stream, 0, len(data)) + data


def append(directory: Path, data: bytes, segment: int = 1) -> None:
    with Path(segment_path(str(directory), segment)).open("ab") as file:
        file.write(data)


def shipped(spool: Spool) -> bytes:
    """Ships everything that was cut; answers its records."""
    sent = b""
    while (cut := spool.next_to_ship()) is not None:
        sent += unpacked(spool.content(cut))
        spool.mark_shipped(cut)
    return sent


def unpacked(chunk: bytes) -> bytes:
    magic, body = chunk[:4], chunk[4:]
    assert magic in (MAGIC, PACKED_MAGIC)
    return zlib.decompress(body) if magic == PACKED_MAGIC else body


def test_nothing_is_cut_from_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    assert (spool.cut(), spool.cut_rest(), spool.next_to_ship()) == (False, 0, None)


def test_a_record_that_is_still_being_written_is_left(tmp_path: Path) -> None:
    append(tmp_path, record(b"whole") + record(b"cut off")[:-1])
    spool = Spool(tmp_path)
    assert spool.cut()
    assert not spool.cut()
    assert shipped(spool) == record(b"whole")


def test_a_chunk_has_a_megabyte_at_most(tmp_path: Path) -> None:
    each = record(bytes(65_536))
    append(tmp_path, each * 40)
    spool = Spool(tmp_path)
    assert spool.cut_rest() == 3
    cut = spool.next_to_ship()
    assert cut is not None
    assert cut.end - cut.start == 15 * len(each) <= CHUNK_BYTES


def test_a_chunk_is_packed_where_that_pays(tmp_path: Path) -> None:
    append(tmp_path, record(b"the same line\n" * 4_000))
    append(tmp_path, record(os.urandom(50_000)), 2)
    spool = Spool(tmp_path)
    assert spool.cut_rest() == 2
    first = spool.next_to_ship()
    assert first is not None
    assert spool.content(first).startswith(PACKED_MAGIC)
    assert len(spool.content(first)) < 2_000
    spool.mark_shipped(first)
    second = spool.next_to_ship()
    assert second is not None
    assert spool.content(second).startswith(MAGIC)


def test_a_segment_goes_when_all_of_it_has_arrived(tmp_path: Path) -> None:
    append(tmp_path, record(b"a"))
    append(tmp_path, record(b"b"), 2)
    spool = Spool(tmp_path)
    spool.cut()
    first = spool.next_to_ship()
    assert first is not None
    spool.mark_shipped(first)
    assert len(list(tmp_path.glob("spool.*"))) == 2, "nobody knows yet where the next begins"
    spool.cut()
    assert shipped(spool) == record(b"b")
    assert [each.name for each in tmp_path.glob("spool.*")] == ["spool.00000002"]


def test_what_arrived_is_not_sent_again_when_the_note_of_it_was_lost(tmp_path: Path) -> None:
    for segment in (1, 2, 3):
        append(tmp_path, record(b"%d" % segment), segment)
    spool = Spool(tmp_path)
    spool.cut_rest()
    for _ in range(2):
        cut = spool.next_to_ship()
        assert cut is not None
        spool.mark_shipped(cut)
    (tmp_path / "shipped").write_text("")
    assert shipped(Spool(tmp_path)) == record(b"3")


def test_of_a_segment_that_somebody_removed_a_mark_is_left(tmp_path: Path) -> None:
    append(tmp_path, record(b"gone"))
    spool = Spool(tmp_path)
    spool.cut()
    Path(segment_path(str(tmp_path), 1)).unlink()
    (mark,) = log.records(MAGIC + shipped(spool))
    assert log.says_what_is_gone(mark)


def test_an_agent_that_comes_back_cuts_as_before(tmp_path: Path) -> None:
    append(tmp_path, record(b"one"))
    before = Spool(tmp_path)
    before.cut()
    append(tmp_path, record(b"two"))
    after = Spool(tmp_path)
    first = after.next_to_ship()
    assert first is not None
    assert first == before.next_to_ship()
    after.cut()
    after.mark_shipped(first)
    again = Spool(tmp_path)
    assert again.chunks == 2
    assert shipped(again) == record(b"two")


def test_a_cut_that_was_half_written_does_not_count(tmp_path: Path) -> None:
    append(tmp_path, record(b"one"))
    Spool(tmp_path).cut()
    with (tmp_path / "cuts").open("r+") as file:
        file.seek(len("1 1 0 16\n"))
        file.write("2 1 16 9")
    spool = Spool(tmp_path)
    assert spool.chunks == 1
    append(tmp_path, record(b"two"))
    assert spool.cut()
    assert Spool(tmp_path).chunks == 2


def test_on_a_full_disk_shipping_goes_on_and_makes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for segment in range(1, 60):
        append(tmp_path, record(bytes(200)), segment)
    spool, room = Spool(tmp_path), (tmp_path / "cuts").stat().st_size
    real = os.pwrite

    def full(descriptor: int, data: bytes, place: int) -> int:
        """Nothing grows."""
        if place + len(data) > max(os.fstat(descriptor).st_size, len(data)):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data, place)

    monkeypatch.setattr(os, "pwrite", full)
    assert spool.cut_rest() == 59
    shipped(spool)
    assert len(list(tmp_path.glob("spool.*"))) == 1
    assert Spool(tmp_path).chunks == 59
    assert (tmp_path / "cuts").stat().st_size == room


def test_a_cut_that_found_no_room_does_not_count_and_is_made_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(tmp_path, record(b"one"))
    spool = Spool(tmp_path)
    with monkeypatch.context() as patched:
        real = os.pwrite
        patched.setattr(os, "pwrite", lambda fd, data, at: real(fd, data[:5], at))
        with pytest.raises(OSError, match="No space left"):
            spool.cut()
    assert spool.cut()
    assert Spool(tmp_path).next_to_ship() == spool.next_to_ship() == Cut(1, 1, 0, 16)


def test_the_next_chunk_may_be_asked_for_while_others_are_cut(tmp_path: Path) -> None:
    class Slow(dict[int, Cut]):
        """Whoever looks at it is overtaken."""

        def values(self) -> Any:
            looked = super().values()

            class View:
                def __iter__(self) -> Iterator[Cut]:
                    found = iter(looked)
                    begun.set()
                    is_cut.wait(0.2)
                    return found

            return View()

    begun, is_cut = threading.Event(), threading.Event()
    append(tmp_path, record(b"a"))
    append(tmp_path, record(b"b"), 2)
    spool = Spool(tmp_path)
    spool.cut()
    spool._waiting = Slow(spool._waiting)
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(spool.next_to_ship)
        assert begun.wait(20)
        assert spool.cut()
        is_cut.set()
        assert asked.result(20) == Cut(1, 1, 0, 14)


def test_the_tail_of_a_dead_supervisor_is_shipped_behind_a_mark(tmp_path: Path) -> None:
    append(tmp_path, record(b"head"))
    (tmp_path / "tail.00000007").write_bytes(record(b"tail"))
    spool = Spool(tmp_path)
    spool.take_in_tail("died")
    spool.cut_rest()
    sent = shipped(spool)
    assert sent.startswith(record(b"head"))
    assert b"[plumber] died\n" in sent
    assert sent.endswith(record(b"tail"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.lists(st.tuples(st.booleans(), st.lists(st.binary(max_size=50), max_size=5)), max_size=6))
def test_the_chunks_put_together_are_the_spool(
    tmp_path_factory: "object", writes: list[tuple[bool, list[bytes]]]
) -> None:
    directory = tmp_path_factory.mktemp("spool")  # type: ignore[attr-defined]
    sent, segment = b"", 1
    for is_new, batch in writes:
        segment += is_new and Path(segment_path(str(directory), segment)).exists()
        append(directory, b"".join(map(record, batch)), segment)
        spool = Spool(directory)
        spool.cut_rest()
        sent += shipped(spool)
    assert sent == b"".join(record(data) for _, batch in writes for data in batch)


def test_the_spooled_bytes_of_all_jobs_are_counted(tmp_path: Path) -> None:
    for job, size in (("a", 10), ("b", 20)):
        (tmp_path / job).mkdir()
        (tmp_path / job / "spool.00000001").write_bytes(bytes(size))
        (tmp_path / job / "tail.00000001").write_bytes(bytes(size))
        (tmp_path / job / "job.json").write_bytes(bytes(size))
    assert output.spooled_bytes(str(tmp_path)) == 60
    assert output.spooled_bytes(str(tmp_path / "none")) == 0
