"""Numbers of a log's lines."""

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.logs.line_count import Lines
from chalicelib.logs.log import Record, Stream

AT = datetime(2026, 1, 1, tzinfo=timezone.utc)
PIECES = st.lists(st.tuples(st.sampled_from(list(Stream)), st.sampled_from(list("a\n"))))


def record(stream: Stream, data: bytes) -> Record:
    return Record(stream, AT, data)


@pytest.mark.parametrize(
    ("before", "data", "after"),
    [
        (Lines(), b"", Lines()),
        (Lines(), b"a", Lines(1, 1)),
        (Lines(), b"a\n", Lines(1)),
        (Lines(), b"a\nb", Lines(2, 2)),
        (Lines(1, 1), b"b", Lines(1, 1)),
        (Lines(1, 1), b"\n", Lines(1)),
        (Lines(1, 1), b"b\nc", Lines(2, 2)),
        (Lines(5, 0, 3), b"\n\n", Lines(7, 0, 3)),
        (Lines(5, 4, 3), b"a\n", Lines(5, 0, 3)),
    ],
)
def test_a_line_counts_with_its_first_byte(before: Lines, data: bytes, after: Lines) -> None:
    assert before.after(record(Stream.STDOUT, data)) == after


@given(PIECES, st.data())
def test_it_makes_no_difference_how_output_is_cut_into_records(
    pieces: list[tuple[Stream, str]], data: st.DataObject
) -> None:
    whole, cut = Lines(), Lines()
    run: list[tuple[Stream, bytes]] = []
    for stream, piece in pieces:
        whole = whole.after(record(stream, piece.encode()))
        if run and run[-1][0] is stream and data.draw(st.booleans()):
            run[-1] = (stream, run[-1][1] + piece.encode())
        else:
            run.append((stream, piece.encode()))
    for stream, joined in run:
        cut = cut.after(record(stream, joined))
    assert cut == whole
