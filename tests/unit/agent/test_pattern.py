"""Patterns on the agent mean what they mean to the control plane, which has another engine."""

import pytest
import re2
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.tasks.mask import mask_problem
from plumber_agent.jobs.masking import MASK
from plumber_agent.jobs.pattern import BadPattern, PatternMask, compiled

_ATOMS = st.sampled_from(
    [
        "a", "k", "é", "K", "1", "_", " ", ".", r"\d", r"\w", r"\s", r"\D", r"\W", r"\S", r"\.",
        r"\t", r"\x41", "[a-c]", "[^a]", r"[\w.]", r"[^\d]", r"[\S]", "[]a]", "[a|b&&~~]", "[[a]",
        "[-a]", "{", "}", "{a", "{01}", "]", "#", "-", "(?:a|b1)", "(?P<n>é|k)", "(a)", "(?i:k)",
        "(?s:.)", "(?-i:é.)", r"[\x41-\x5a]", r"[\D_]",
    ]
)  # fmt: skip
_POSITIONS = st.sampled_from(["", "", "", "^", "$", r"\b", r"\B", r"\A"])
_COUNTS = st.sampled_from(["", "", "", "*", "+", "?", "*?", "+?", "{2}", "{1,2}", "{2,}", "{0,1}?"])
_FLAGS = st.sampled_from(["", "", "(?i)", "(?m)", "(?is)"])
_PARTS = st.lists(st.tuples(_POSITIONS, _ATOMS, _COUNTS).map("".join), min_size=1, max_size=4)
_PATTERNS = st.tuples(_FLAGS, st.lists(_PARTS.map("".join), min_size=1, max_size=2).map("|".join))
_TEXTS = st.text(st.sampled_from("aAbkKéÉ1_ .\t{}[]#-|&~\x0b\u0663\u017f\u212a部"), max_size=12)


@settings(max_examples=300, deadline=None)
@given(pattern=_PATTERNS.map("".join), text=_TEXTS)
@example(pattern=r"(?i)\w", text="\u212a")
@example(pattern=r"(?i)[^\w]", text="\u017f")
@example(pattern=r"\d", text="\u0663")
@example(pattern=r"\s", text="\x0b")
@example(pattern=r"\bé", text="aé")
@example(pattern="a{01}", text="a{01}")
def test_both_engines_find_the_same(pattern: str, text: str) -> None:
    if mask_problem(pattern) is not None:
        return
    ours, theirs = (
        [found.span() for found in engine.finditer(text)]
        for engine in (compiled(pattern), re2.compile(pattern))
    )
    # After a match of nothing they go on at different places.
    assert ours == theirs or any(begin == end for begin, end in [*ours, *theirs])


@settings(max_examples=300, deadline=None)
@given(
    pattern=st.text(
        st.sampled_from(r"ab1\dDwWsSbBAzZpxQEnuU[]^-:()?P<>=!{},*+|.$ims&~#é "), max_size=9
    )
)
@example(pattern="(?i-i:a)")
@example(pattern="^*a")
@example(pattern="[[:alpha:]]")
@example(pattern=r"\pLa")
@example(pattern="a(?i)b")
@example(pattern=r"a\z")
@example(pattern="(?P<1>a)")
def test_what_the_control_plane_takes_the_agent_knows(pattern: str) -> None:
    if mask_problem(pattern) is None:
        compiled(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        r"\pL",
        "[[:alpha:]]",
        "a(?i)b",
        r"a\z",
        r"\Qa\E",
        r"a\C",
        r"\x{41}",
        r"[\pL]",
        r"(?i)[\W]",
        r"(?i)\W",
    ],
)
def test_what_agents_would_read_otherwise_is_refused_at_saving(pattern: str) -> None:
    assert "agents do not know" in str(mask_problem(pattern))


@pytest.mark.parametrize("pattern", ["(?=a)b", r"(a)\1", "a**", "(", r"\z", r"[\pL]"])
def test_what_is_not_known_is_refused_by_the_agent_too(pattern: str) -> None:
    with pytest.raises(BadPattern, match="is not known here"):
        compiled(pattern)


def test_lines_are_masked_one_by_one() -> None:
    masked, size = PatternMask([r"^key-\d+$"]).mask(b"key-1\nkey-2 \r\nkey-3", False)
    assert (masked, size) == (MASK + b"\nkey-2 \r\n" + MASK, 19)
