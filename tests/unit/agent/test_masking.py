"""Masking: the same whatever is cut where, and nothing of a secret gets through."""

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumber_agent.jobs.masking import LONGEST_LINE, OVERLAP, Masking
from plumber_agent.jobs.pattern import PatternMask

SECRETS = ["hunter2", "hunt", "erhunt", "aab", "aabaab", "é…", "two\nlines"]


def fed(masking: Masking, *pieces: bytes) -> bytes:
    return b"".join([*map(masking.feed, pieces), masking.flush()])


def whole(data: bytes, values: list[str], patterns: list[str]) -> bytes:
    return fed(Masking(values, PatternMask(patterns) if patterns else None), data)


@given(st.integers(0, 2**32), st.booleans())
def test_what_is_masked_does_not_depend_on_the_cuts(seed: int, has_patterns: bool) -> None:
    chance = Random(seed)
    words = [*SECRETS, "hun", "ter2", "a", "ab", "\n", "\r", "key-12", " ", "\ud83d"]
    text = "".join(chance.choice(words) for _ in range(chance.randrange(40)))
    data = text.encode("utf-8", "surrogatepass")
    patterns = [r"key-\d+", r"^a+$"] if has_patterns else []
    masking, pieces, rest = Masking(SECRETS, PatternMask(patterns)), [], data
    while rest:
        size = chance.randrange(1, 6)
        pieces.append(rest[:size])
        rest = rest[size:]
    kept = fed(masking, *pieces)
    assert kept == whole(data, SECRETS, patterns)
    if not has_patterns:
        ordered = sorted([*SECRETS, "lines"], key=lambda each: len(each.encode()), reverse=True)
        expected = re.compile(b"|".join(re.escape(each.encode()) for each in ordered))
        assert kept == expected.sub(b"***", data)


@pytest.mark.parametrize("secret", SECRETS)
@given(before=st.binary(max_size=5), after=st.binary(max_size=5), cut=st.integers(0, 30))
def test_no_secret_gets_through(secret: str, before: bytes, after: bytes, cut: int) -> None:
    data = before + secret.encode() + after
    kept = fed(Masking([secret], None), data[:cut], data[cut:])
    assert secret.encode() not in kept


def test_what_cannot_become_a_secret_is_kept_at_once() -> None:
    masking = Masking(["hunter2"], None)
    assert masking.feed(b"hello ") == b"hello "
    assert masking.feed(b"hunt") == b""
    assert masking.feed(b"ing") == b"hunting"


def test_with_patterns_a_line_is_kept_when_it_ends() -> None:
    masking = Masking([], PatternMask([r"token=\w+"]))
    assert masking.feed(b"token=ab") == b""
    assert masking.feed(b"c\nnext") == b"***\n"
    assert masking.feed(b" 10%\r") == b"next 10%\r"


def test_bytes_that_are_no_text_pass_unchanged() -> None:
    data = bytes(range(256)) * 3
    assert whole(data, ["x1"], [r"q{5}"]) == data


@pytest.mark.parametrize("place", [LONGEST_LINE - 4, LONGEST_LINE - 1, LONGEST_LINE, 5])
def test_in_an_endless_line_no_match_is_cut_in_two(place: int) -> None:
    data = b"x" * place + b"key-123 " + b"x" * (3 * LONGEST_LINE + OVERLAP)
    kept = fed(
        Masking([], PatternMask([r"key-\d+"])),
        *(data[at : at + 999] for at in range(0, len(data), 999)),
    )
    assert kept == data.replace(b"key-123", b"***")


def test_nothing_to_mask_changes_nothing() -> None:
    assert whole(b"as it is", [""], []) == b"as it is"
