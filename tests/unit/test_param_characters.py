"""What a parameter's definition says about the characters of its values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.patterns import InvalidPattern
from chalicelib.tasks.param import Param, ParamType
from chalicelib.tasks.param_characters import DIGITS, LETTERS, characters


@pytest.mark.parametrize(
    ("param", "expected"),
    [
        (Param("v"), None),
        (Param("v", type=ParamType.INTEGER), DIGITS | set("+-")),
        (Param("v", type=ParamType.NUMBER), DIGITS | set("+-.")),
        (Param("v", type=ParamType.BOOLEAN), set("truefalse")),
        (Param("v", choices=("test", "a b")), set("testa b")),
        (Param("v", pattern="[0-9]+"), DIGITS),
        (Param("v", pattern=r"\d{1,3}"), DIGITS),
        (Param("v", pattern=r"v\d+(?:\.\d+)*"), DIGITS | set("v.:")),
        (Param("v", pattern=r"\(?:"), set("(:")),
        (Param("v", pattern="(?P<a>b)"), None),
        (Param("v", pattern=r"v\d+(\.\d+)*|latest"), DIGITS | set("v.latest")),
        (Param("v", pattern=r"[\w.-]*"), DIGITS | LETTERS | set("_.-")),
        (Param("v", pattern=r"[\]a]"), set("]a")),
        (Param("v", pattern="^a$"), set("a")),
        (Param("v", pattern="a b"), set("a b")),
        (Param("v", pattern="(?i)a"), None),
        (Param("v", pattern="[^a]"), None),
        (Param("v", pattern="[[:alpha:]]"), None),
        (Param("v", pattern="a."), None),
        (Param("v", pattern=r"\S+"), None),
        (Param("v", pattern=r"\x41"), None),
        (Param("v", pattern=r"\pL"), None),
        (Param("v", pattern=r"\Qa*\E"), None),
        (Param("v", pattern=r"[\s]"), None),
        (Param("v", pattern="[a-é]"), None),
        (Param("v", pattern=r"[!-\d]"), None),
        (Param("v", pattern=".*", choices=("a", "b")), set("ab")),
        (Param("v", type=ParamType.INTEGER, pattern="[0-9]+"), DIGITS),
    ],
)
def test_what_is_known_of_values(param: Param, expected: set[str] | None) -> None:
    assert characters(param) == expected


_PIECES = st.lists(
    st.sampled_from(
        ["a", "b*", "[a-c]", "[.-]", r"\d", r"\w+", "(x|y)", "{2}", "?", r"\.", "[+]", "|", "-",
         "é", r"[\-z]", "[]a]", "[a-]", "^", "$", "a{1,2}", r"\\", "[a^]"]
    ),
    max_size=6,
)  # fmt: skip


@given(_PIECES, st.text("abcxyz.-+|é]\\^$ 1_", min_size=1, max_size=3))
def test_no_value_has_other_characters(pieces: list[str], value: str) -> None:
    param = Param("v", pattern="".join(pieces))
    known = characters(param)
    try:
        fits = param.problem(value) is None
    except InvalidPattern:
        return
    assert known is None or not fits or set(value) <= known
