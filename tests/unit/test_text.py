"""Text from outside: whole, in one form, fit to be kept."""

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
