"""Values that programs stumble over."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

TEXTS = [
    "",
    " ",
    "\ud800",
    "\udfff\ud800",
    "\x00",
    "\x1b[2J",
    "a" * 300,
    "\U0001f600" * 70,
    "-",
    "1-",
]
TEXTS += ["../..", "%00", "\u202e", "\u0130", "null", "a\nb", "é", "e\u0301"]
TEXT = st.text(st.characters(codec=None), max_size=40) | st.sampled_from(TEXTS)
EXTREMES = [-1, 0, 2**31, 2**53, 2**62, 2**63, 2**64, 10**30, 10**308, 1e308, 0.1, -0.0]
NUMBER = st.integers() | st.floats() | st.sampled_from(EXTREMES)
SCALAR = st.none() | st.booleans() | NUMBER | TEXT


def anything(scalar: SearchStrategy[Any] = SCALAR) -> SearchStrategy[Any]:
    """What JSON can hold, and a little more."""

    def grow(inner: SearchStrategy[Any]) -> SearchStrategy[Any]:
        return st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4)

    return st.recursive(scalar, grow, max_leaves=12)


@st.composite
def damaged(draw: st.DrawFn, whole: SearchStrategy[bytes]) -> bytes:
    """With a few bytes changed, left out, put in, or the end cut off."""
    body = bytearray(draw(whole))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(body) - 1)))
        match draw(st.sampled_from(["set", "cut", "put", "end"])):
            case "set":
                body[place : place + 1] = draw(st.binary(min_size=1, max_size=1))
            case "cut":
                del body[place : place + draw(st.integers(1, 8))]
            case "put":
                body[place:place] = draw(st.binary(min_size=1, max_size=4))
            case _:
                del body[place:]
    return bytes(body)
