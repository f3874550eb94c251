"""Cutting spools: at record boundaries, and never differently again."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plumber_agent.spool import CHUNK_BYTES, HEADER, MAGIC, Cut, Spool


def record(data: bytes, stream: int = 1) -> bytes:
    return HEADER.pack(stream, 0, len(data)) + data


def append(directory: Path, data: bytes) -> None:
    with (directory / "spool").open("ab") as file:
        file.write(data)


def test_nothing_is_cut_from_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    assert (spool.cut(), spool.cut_rest(), spool.next_to_ship()) == (False, 0, None)


def test_a_record_that_is_still_being_written_is_left(tmp_path: Path) -> None:
    append(tmp_path, record(b"whole") + record(b"cut off")[:-1])
    spool = Spool(tmp_path)
    assert spool.cut()
    assert not spool.cut()
    cut = spool.next_to_ship()
    assert cut is not None
    assert spool.content(cut) == MAGIC + record(b"whole")


def test_a_chunk_has_a_megabyte_at_most(tmp_path: Path) -> None:
    each = record(bytes(65_536))
    append(tmp_path, each * 40)
    spool = Spool(tmp_path)
    assert spool.cut_rest() == 3
    cut = spool.next_to_ship()
    assert cut is not None
    assert cut.end - cut.start == 15 * len(each) <= CHUNK_BYTES


def test_an_agent_that_comes_back_cuts_as_before(tmp_path: Path) -> None:
    append(tmp_path, record(b"one"))
    before = Spool(tmp_path)
    before.cut()
    append(tmp_path, record(b"two"))
    after = Spool(tmp_path)
    assert after.next_to_ship() == before.next_to_ship()
    after.cut()
    after.mark_shipped(Cut(1, 0, 0))
    cut = Spool(tmp_path).next_to_ship()
    assert cut is not None
    assert (cut.seq, Spool(tmp_path).content(cut)) == (2, MAGIC + record(b"two"))


def test_a_cut_that_was_half_written_does_not_count(tmp_path: Path) -> None:
    append(tmp_path, record(b"one"))
    Spool(tmp_path).cut()
    with (tmp_path / "cuts").open("a") as file:
        file.write("2 16 9")
    spool = Spool(tmp_path)
    assert spool.chunks == 1
    append(tmp_path, record(b"two"))
    assert spool.cut()
    assert Spool(tmp_path).chunks == 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.lists(st.lists(st.binary(max_size=50), max_size=5), max_size=6))
def test_the_chunks_put_together_are_the_spool(
    tmp_path_factory: "object", writes: list[list[bytes]]
) -> None:
    directory = tmp_path_factory.mktemp("spool")  # type: ignore[attr-defined]
    sent = b""
    for batch in writes:
        append(directory, b"".join(map(record, batch)))
        spool = Spool(directory)
        spool.cut()
        while (cut := spool.next_to_ship()) is not None:
            content = spool.content(cut)
            assert content.startswith(MAGIC)
            sent += content[len(MAGIC) :]
            spool.mark_shipped(cut)
    assert sent == b"".join(record(data) for batch in writes for data in batch)
