"""Text from outside: whole, in one form, fit to be kept."""

import unicodedata
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import text
from chalicelib.text import NotPrintable

ANY = st.text(st.characters(codec=None))


@given(ANY)
def test_whole_text_can_be_encoded_and_no_other_is_called_whole(given_: str) -> None:
    text.whole(given_).encode()
    try:
        given_.encode()
        can_be = True
    except UnicodeEncodeError:
        can_be = False
    assert text.is_whole(given_) is can_be
    assert (text.whole(given_) == given_) is can_be


def test_what_is_whole_stays_as_it_is() -> None:
    assert text.whole("a\ud800b\udfff") == "a\ufffdb\ufffd"
    value = {"a\ud800": ["\udfff", {"b": 1, "c": None}], "d": 1.5, "e": True}
    expected = {"a\ufffd": ["\ufffd", {"b": 1, "c": None}], "d": 1.5, "e": True}
    assert text.whole_everywhere(value) == expected


@pytest.mark.parametrize("name", ["web-1", "", "a b", "部署", "😀", "\u00e9", "\ufffd"])
def test_a_printable_name_stays_as_it_is(name: str) -> None:
    assert text.name(name) == name


def test_a_name_has_one_form() -> None:
    assert text.name("cafe\u0301") == "caf\u00e9"


@pytest.mark.parametrize(
    ("name", "point"),
    [
        ("a\nb", "000A"),
        ("\x00", "0000"),
        ("\x1b[0m", "001B"),
        ("\x7f", "007F"),
        ("\u0085", "0085"),
        ("\u202e", "202E"),
        ("\u2028", "2028"),
        ("\ud800", "D800"),
        ("\u200b", "200B"),
    ],
)
def test_a_name_that_does_not_print_is_refused_with_what_is_in_it(name: str, point: str) -> None:
    with pytest.raises(NotPrintable, match=f"U\\+{point}"):
        text.name(name)


MARKS = "\u0315" * 200_000 + "\u0300" * 200_000  # brought into order in five minutes


def test_a_name_has_no_more_marks_on_a_letter_than_anybody_writes() -> None:
    assert text.name("e" + "\u0301" * 30).startswith("\u00e9")
    with pytest.raises(NotPrintable, match="30 marks"):
        text.name("e" + "\u0301" * 31)


def test_marks_take_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_order: list[int] = []
    watched = SimpleNamespace(
        combining=unicodedata.combining,
        normalize=lambda form, given_: put_in_order.append(len(given_)),
    )
    monkeypatch.setattr(text, "unicodedata", watched)
    with pytest.raises(NotPrintable):
        text.name(MARKS)
    assert text.reported(MARKS, 40) == "\u0315" * 39 + "…"
    assert put_in_order == []


def test_a_long_report_is_cut_before_it_is_brought_into_one_form() -> None:
    assert text.reported("e\u0301" * 40, 40) == "\u00e9" * 40
    assert text.reported("e\u0301" * 41, 40) == "\u00e9" * 39 + "…"
    assert text.reported("\0" * 1_000, 4) == "\ufffd" * 3 + "…"


@given(ANY, st.integers(1, 40))
def test_a_report_is_kept_whatever_it_says(said: str, at_most: int) -> None:
    kept = text.reported(said, at_most)
    kept.encode()
    assert len(kept) <= at_most
    assert all(each in "\n\t" or each.isprintable() for each in kept)


def test_a_report_keeps_its_lines_and_is_cut() -> None:
    assert text.reported("a\n\tb\x1b[2J\x00c\ud800", 99) == "a\n\tb\ufffd[2J\ufffdc\ufffd"
    assert text.reported("abcdef", 6) == "abcdef"
    assert text.reported("abcdefg", 6) == "abcde…"
