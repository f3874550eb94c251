"""Cursors that only this installation can have made, each for one list."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.access.scope import Scope
from chalicelib.api import cursors
from chalicelib.api.cursors import BadCursor, OldCursor, kind, narrowed, opened, sealed

KEY, OTHER = b"k" * 32, b"o" * 32
RUNS = kind("/runs", {}, {"state": "failed"})


def bits(cursor: str) -> bytes:
    return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))


def text(made: bytes) -> str:
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=600))
def test_what_was_sealed_is_opened(place: str) -> None:
    cursor = sealed(KEY, RUNS, place)
    assert opened(KEY, RUNS, cursor) == place
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@pytest.mark.parametrize(
    "other",
    [
        kind("/runs", {}, {}),
        kind("/runs", {}, {"state": "running"}),
        kind("/runs", {"state": "failed"}, {}),
        kind("/agents", {}, {"state": "failed"}),
        kind("/runs", {}, {"state": "failed", "task": "a"}),
    ],
)
def test_a_cursor_belongs_to_its_list_and_its_filters(other: str) -> None:
    with pytest.raises(BadCursor):
        opened(KEY, other, sealed(KEY, RUNS, "a"))


@pytest.mark.parametrize(
    "other",
    [
        Scope(),
        Scope(tasks=("b",), labels={"zone": "a"}, groups=("web",)),
        Scope(tasks=("a",), labels={"zone": "b"}, groups=("web",)),
        Scope(tasks=("a",), labels={"zone": "a"}, groups=("db",)),
    ],
)
def test_a_cursor_belongs_to_a_scope(other: Scope) -> None:
    scope = Scope(tasks=("a",), labels={"zone": "a"}, groups=("web",))
    cursor = sealed(KEY, narrowed(RUNS, scope), "a")
    assert opened(KEY, narrowed(RUNS, scope), cursor) == "a"
    with pytest.raises(BadCursor):
        opened(KEY, narrowed(RUNS, other), cursor)


def test_the_order_of_filters_means_nothing() -> None:
    one, other = {"a": "1", "b": "2"}, {"b": "2", "a": "1"}
    assert kind("/runs", one, one) == kind("/runs", other, other)


def test_a_cursor_of_another_installation_is_none() -> None:
    with pytest.raises(BadCursor):
        opened(OTHER, RUNS, sealed(KEY, RUNS, "a"))


@given(st.data())
def test_a_cursor_of_which_one_bit_was_changed_is_none(data: st.DataObject) -> None:
    made = bytearray(bits(sealed(KEY, RUNS, "01BX5ZZKBKACTAV9WEVGEMMVRZ")))
    at = data.draw(st.integers(0, len(made) * 8 - 1))
    made[at // 8] ^= 1 << at % 8
    with pytest.raises(BadCursor):
        opened(KEY, RUNS, text(bytes(made)))


@given(st.text() | st.binary().map(text))
def test_what_nobody_sealed_is_refused_and_raises_nothing_else(cursor: str) -> None:
    with pytest.raises(BadCursor):
        opened(KEY, RUNS, cursor)


def test_a_cut_cursor_is_none() -> None:
    made = bits(sealed(KEY, RUNS, "abc"))
    for length in range(len(made)):
        with pytest.raises(BadCursor):
            opened(KEY, RUNS, text(made[:length]))


def test_a_cursor_of_another_version_is_told_apart() -> None:
    made = bits(sealed(KEY, RUNS, "abc"))
    with pytest.raises(OldCursor):
        opened(KEY, RUNS, text(b"\x00" + made[1:]))


def test_a_long_cursor_is_not_looked_at() -> None:
    cursor = sealed(KEY, RUNS, "x" * cursors.MAX_CHARACTERS)
    with pytest.raises(BadCursor):
        opened(KEY, RUNS, cursor)
