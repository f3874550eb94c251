"""What comes from outside, read in one place."""

import json
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api import inputs
from chalicelib.errors import BadParameter
from chalicelib.ids import lowest_ulid
from chalicelib.reader import Reader
from chalicelib.tasks import param


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Named(msgspec.Struct, frozen=True):
    name: str | None = None
    tags: list[str] | None = None
    labels: dict[str, str] | None = None

    def __post_init__(self) -> None:
        inputs.in_one_form(self, "name", "tags", "labels")


NAMED = Reader(Named)


def refusal(read: Any, *arguments: Any) -> str:
    with pytest.raises(BadParameter) as caught:
        read(*arguments)
    return caught.value.message


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("100", 100), ("007", 7)])
def test_a_number_is_read(text: str, value: int) -> None:
    assert inputs.number("limit", text, 1, 100) == value


@pytest.mark.parametrize(
    "text",
    ["0", "101", "", "-1", "+1", " 1", "1 ", "1.0", "1e1", "0x1", "²", "٣", "1_0", "9" * 5_000],
)
def test_what_is_no_number_within_bounds_is_refused(text: str) -> None:
    expected = "limit must be a whole number from 1 to 100."
    assert refusal(inputs.number, "limit", text, 1, 100) == expected


def test_a_word_is_one_of_an_enum() -> None:
    assert inputs.choice("colour", "red", Colour) is Colour.RED
    message = refusal(inputs.choice, "colour", "g" * 900, Colour)
    assert message == f"colour must be one of red, blue, not '{'g' * 32}'."


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=timezone.utc)),
        ("2026-01-31T12:00:00+02:00", datetime(2026, 1, 31, 10, tzinfo=timezone.utc)),
        ("2026-01-31T12:00:00 02:00", datetime(2026, 1, 31, 10, tzinfo=timezone.utc)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=timezone.utc)),
        ("9998-12-31T23:59:59Z", datetime(9998, 12, 31, 23, 59, 59, tzinfo=timezone.utc)),
    ],
)
def test_an_instant_is_read_in_utc(text: str, at: datetime) -> None:
    assert inputs.instant("from", text) == at


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00+23:59",
        "0001-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
        "9999-01-01T00:00:00Z",
        "9999-12-31T23:59:59-23:59",
        "2026-01-31T12:00:00",
        "2026-02-30T12:00:00Z",
        "2026-01-31",
        "now",
    ],
)
def test_what_is_no_instant_of_ours_is_refused(text: str) -> None:
    assert refusal(inputs.instant, "from", text).startswith("from must ")


@given(st.datetimes(timezones=st.timezones() | st.just(timezone(timedelta(hours=-23)))))
def test_every_instant_that_is_let_in_has_ids(at: datetime) -> None:
    try:
        found = inputs.instant("from", at.isoformat())
    except BadParameter:
        return
    assert len(lowest_ulid(found)) == 26


@pytest.mark.parametrize("text", ["a", "6f0c0000-0000-4000-8000-000000000001", "x" * 128, "日本"])
def test_an_id_is_any_short_printable_text(text: str) -> None:
    assert inputs.identifier("task", text) == text


@pytest.mark.parametrize("text", ["", "x" * 129, "a\nb", "\x00", "\u202e", "\ud800"])
def test_what_is_no_id_is_refused(text: str) -> None:
    assert refusal(inputs.identifier, "task", text).startswith("task must be an id: 1 to 128")


def test_texts_are_whole_and_bounded() -> None:
    inputs.check_texts("parameter", {"text": "😀", "other": "x" * 16_384})
    assert "half a character" in refusal(inputs.check_texts, "header", {"a": "\udfff"})
    assert "half a character" in refusal(inputs.check_texts, "header", {"\udfff": "a"})
    assert "16,384" in refusal(inputs.check_texts, "parameter", {"a": "x" * 16_385})


def test_names_are_brought_into_one_form_wherever_they_stand() -> None:
    in_parts, composed = "e\u0301", "\u00e9"
    given_ = {"name": in_parts, "tags": [in_parts], "labels": {in_parts: in_parts}}
    assert NAMED.plain(given_) == Named(composed, [composed], {composed: composed})
    assert NAMED.json(json.dumps(given_)) == Named(composed, [composed], {composed: composed})
    assert NAMED.plain({}) == Named()


@pytest.mark.parametrize(
    "wrong",
    [{"name": "a\n"}, {"tags": ["a", "\x00"]}, {"labels": {"\x1b": ""}}, {"labels": {"a": "\x7f"}}],
)
def test_a_name_that_does_not_print_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError, match=f"{next(iter(wrong))} must be printable"):
        NAMED.plain(wrong)


# --- JSON


@pytest.mark.parametrize("levels", [1, 31, 32])
def test_json_may_be_nested(levels: int) -> None:
    inputs.check_json(b"[" * levels + b"]" * levels)
    inputs.check_json(b'{"a":' * levels + b"1" + b"}" * levels)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 33,
        b'{"a":' * 33,
        b'["]","]",' * 40,
        b'"]","]"' + b"[" * 40,
        b'[{"a\\"]":' * 20,
        b"]" * 3 + b"[" * 40,
    ],
    ids=str,
)
def test_json_may_not_be_nested_deeper(body: bytes) -> None:
    assert "32 levels" in refusal(inputs.check_json, body)


@pytest.mark.parametrize("body", [b"[]," * 1_000, b'"' + b"[" * 1_000 + b'"', b'"\\"' + b"[{" * 99])
def test_brackets_beside_each_other_or_in_text_are_no_depth(body: bytes) -> None:
    inputs.check_json(body)


@given(st.lists(st.booleans(), max_size=50), st.text(), st.booleans())
def test_what_is_nested_is_refused_exactly_from_the_limit_on(
    lists: list[bool], text: str, is_ascii: bool
) -> None:
    value: Any = text
    for is_list in lists:
        value = [text, value, [], {}] if is_list else {f"k{text}": value, "beside": "[{"}
    body = json.dumps(value, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    # The innermost list has two empty ones beside the text.
    depth = len(lists) + (1 if lists and lists[0] else 0)
    if depth <= inputs.MAX_JSON_DEPTH:
        inputs.check_json(body)
    else:
        assert "32 levels" in refusal(inputs.check_json, body)


def test_numbers_of_json_are_finite_and_short() -> None:
    assert inputs.whole_number("-" + "9" * 19) == -(10**19 - 1)
    assert inputs.finite_number("1e308") == 1e308
    for read, digits in (
        (inputs.whole_number, "9" * 21),
        (inputs.finite_number, "1e999"),
        (inputs.finite_number, "-1e999"),
    ):
        with pytest.raises(ValueError, match="number"):
            read(digits)


# --- parameters of a run


def test_the_size_of_all_values_is_known_before_any_is_matched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each pattern takes as long as its text is: 64 of them, with 8 KiB each, take seconds."""
    matched: list[str] = []

    class Slow:
        def __init__(self, pattern: str) -> None:
            self.pattern = pattern

        def fits(self, value: str) -> bool:
            matched.append(value)
            return False

    monkeypatch.setattr(param, "Pattern", Slow)
    params = [param.Param(f"p{number}", pattern="(a+)+b") for number in range(64)]
    values = {each.name: "a" * param.MAX_VALUE_BYTES for each in params}
    assert "all of them together" in refusal(param.fill, params, values)
    assert matched == []
    assert "p0: 'a' does not match" in refusal(param.fill, params[:1], {"p0": "a"})
