"""The index of a compacted log."""

from chalicelib.logs.log_index import Entry, Index

INDEX = Index("all-2", (Entry(5, 0, 0), Entry(7, 10, 100), Entry(9, 25, 300)), {}, {})


def test_an_index_knows_where_each_chunk_lies() -> None:
    assert INDEX.chunks == 2
    assert INDEX.ranges(1) == (range(0, 10), range(0, 100))
    assert INDEX.ranges(2) == (range(10, 25), range(100, 300))


def test_its_format_is_the_first_one() -> None:
    assert INDEX.format == 1
