"""Finding text in logs: every line once, whatever is cut where."""

from datetime import datetime, timezone
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import BadParameter
from chalicelib.logs.log import Position, Record, Stream
from chalicelib.logs.log_search import CARRY_BYTES, LONGEST_LINE, Cursor, Match, Needle, Scan

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def needle(pattern: str, *, is_regex: bool = False, ignore_case: bool = False) -> Needle:
    return Needle(pattern, is_regex=is_regex, ignore_case=ignore_case)


def out(data: bytes) -> Record:
    return Record(Stream.STDOUT, NOW, data)


def err(data: bytes) -> Record:
    return Record(Stream.STDERR, NOW, data)


def found(looked_for: Needle, *records: Record) -> list[Match]:
    scan = Scan(looked_for, Cursor())
    return [*(match for record in records for match in scan.take(record)), *scan.finish()]


def lines(matches: list[Match]) -> list[tuple[int, str]]:
    return [(match.line, match.text) for match in matches]


def test_a_line_that_is_cut_in_records_is_found_whole() -> None:
    assert lines(found(needle("error"), out(b"one\nan er"), out(b"ror here\ntwo\n"))) == [
        (2, "an error here")
    ]


def test_lines_count_in_the_order_of_their_first_bytes_over_both_streams() -> None:
    records = out(b"a1 "), err(b"b2 x\n"), out(b"x\nc3 x\n"), err(b"d4 x")
    matches = found(needle("x"), *records)
    assert sorted(lines(matches)) == [(1, "a1 x"), (2, "b2 x"), (3, "c3 x"), (4, "d4 x")]


def test_empty_lines_count() -> None:
    assert lines(found(needle("x"), out(b"\n\n\nx\n"))) == [(4, "x")]


def test_colours_are_passed_over() -> None:
    (match,) = found(needle("ERROR 5"), out(b"\x1b[1;31mERR\x1b[0mOR 5\n"))
    assert (match.text, match.start, match.end) == ("ERROR 5", 0, 7)


def test_case_is_ignored_where_asked() -> None:
    assert found(needle("error"), out(b"ERROR\n")) == []
    assert lines(found(needle("error", ignore_case=True), out(b"ERROR\n"))) == [(1, "ERROR")]


def test_a_regular_expression_sees_one_line() -> None:
    looked_for = needle(r"^b\d$", is_regex=True)
    assert lines(found(looked_for, out(b"a1\nb2\nb3x\n"))) == [(2, "b2")]


@pytest.mark.parametrize(("pattern", "is_regex"), [("", False), ("(", True), ("x" * 1_001, False)])
def test_a_bad_pattern_is_refused(pattern: str, is_regex: bool) -> None:
    with pytest.raises(BadParameter, match="pattern"):
        needle(pattern, is_regex=is_regex)


def test_what_a_pattern_cannot_say_is_told_with_its_reason() -> None:
    with pytest.raises(BadParameter, match=r"^pattern has a back reference.*RE2"):
        needle(r"(a|aa)+\1$", is_regex=True)


def test_no_line_makes_a_pattern_slow() -> None:
    looked_for = needle("(a|aa)+$", is_regex=True)
    assert found(looked_for, out(b"a" * 60_000 + b"b\n")) == []


def test_a_pattern_has_1000_characters_at_most() -> None:
    assert lines(found(needle("x" * 1_000), out(b"x" * 1_000 + b"\n"))) == [(1, "x" * 400)]


def test_of_a_long_line_the_part_around_the_match_is_shown() -> None:
    (match,) = found(needle("needle"), out(b"x" * 5_000 + b"needle" + b"y" * 5_000))
    assert match.text[match.start : match.end] == "needle"
    assert len(match.text) == 400
    assert match.start == 100, "a quarter of it stands before the match"


def test_of_a_match_that_is_longer_than_what_is_shown_its_beginning_is() -> None:
    (match,) = found(needle("x+", is_regex=True), out(b"y" * 50 + b"x" * 5_000))
    assert (match.start, match.end, len(match.text)) == (50, 400, 400)


def test_a_line_is_looked_at_once_it_ends_or_is_longer_than_64_kib() -> None:
    scan = Scan(needle("needle"), Cursor())
    assert list(scan.take(out(b"needle" + b"x" * (LONGEST_LINE - 6)))) == []
    assert [match.line for match in scan.take(out(b"x"))] == [1]
    assert list(scan.take(out(b"\n"))) == []


def test_an_endless_line_is_searched_in_pieces_and_reported_once() -> None:
    piece = b"x" * (LONGEST_LINE // 2 - 3) + b"needle"
    matches = found(needle("needle"), *(out(piece) for _ in range(10)), out(b"\nneedle"))
    assert [match.line for match in matches] == [1, 2]


@pytest.mark.parametrize(
    "text", ["x", "e30=", "eyJwIjoiMS4wIn0=", "!!!", "eyJwIjoiMC4wIiwibiI6MSwibyI6e319"]
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadParameter):
        Cursor.parse(text)


@given(st.binary(max_size=CARRY_BYTES), st.integers(1, 10**9))
def test_a_cursor_reads_back(data: bytes, number: int) -> None:
    scan = Scan(needle("x"), Cursor(next_number=number))
    list(scan.take(err(data.replace(b"\n", b""))))
    cursor = scan.cursor(Position(3, 4))
    assert Cursor.parse(str(cursor)) == cursor


@given(st.integers(0, 2**32), st.booleans())
def test_a_search_in_pieces_finds_what_one_in_one_go_finds(seed: int, is_regex: bool) -> None:
    chance = Random(seed)
    words = [b"needle", b"hay", b"\n", b" ", b"need", b"le", b"\xc3\xa9"]
    records = [
        Record(
            chance.choice(list(Stream)),
            NOW,
            b"".join(chance.choice(words) for _ in range(chance.randrange(1, 8))),
        )
        for _ in range(chance.randrange(40))
    ]
    whole = Scan(needle("needle", is_regex=is_regex), Cursor())
    at_once = [match for record in records for match in whole.take(record)] + list(whole.finish())
    cursor, pieces = Cursor(), []
    for index, record in enumerate(records):
        scan = Scan(needle("needle", is_regex=is_regex), Cursor.parse(str(cursor)))
        pieces += [*scan.take(record), *scan.shorten()]
        cursor = scan.cursor(Position(1, index + 1))
    pieces += Scan(needle("needle"), cursor).finish()
    assert pieces == at_once
    by_stream = {
        stream: b"".join(r.data for r in records if r.stream is stream) for stream in Stream
    }
    expected = sum(
        data.split(b"\n").count(line)
        for data in by_stream.values()
        for line in {line for line in data.split(b"\n") if b"needle" in line}
    )
    assert len(at_once) == expected
