"""The index of a compacted log."""

import pytest

from chalicelib.logs.line_count import Lines
from chalicelib.logs.log_index import Entry, Index

ENTRIES = (Entry(5, 0, 0, Lines()), Entry(7, 10, 100, Lines(3, 3)), Entry(9, 25, 300, Lines(3, 3)))
END = Entry(0, 40, 400, Lines(8))
INDEX = Index("all-3", (*ENTRIES, END), {}, {})


def test_an_index_knows_where_each_chunk_lies() -> None:
    assert INDEX.chunks == 3
    assert INDEX.ranges(1) == (range(0, 10), range(0, 100))
    assert INDEX.ranges(2) == (range(10, 25), range(100, 300))


@pytest.mark.parametrize(("line", "chunk"), [(1, 1), (3, 1), (4, 3), (8, 3), (9, 3), (10**10, 3)])
def test_an_index_knows_in_which_chunk_a_line_begins(line: int, chunk: int) -> None:
    assert INDEX.lines == 8
    assert INDEX.chunk_of_line(line) == chunk


def test_the_first_line_of_an_empty_log_is_looked_for_in_its_first_chunk() -> None:
    nothing = Entry(0, 0, 0, Lines())
    assert Index("all-1", (nothing, nothing), {}, {}).chunk_of_line(1) == 1


def test_its_format_is_the_first_one() -> None:
    assert INDEX.format == 1
