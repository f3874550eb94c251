"""Patterns of people: what they mean, what is refused, and that none takes long or much room."""

import subprocess
import sys

import pytest
import re2

from chalicelib.errors import BadParameter
from chalicelib.patterns import MAX_INSTRUCTIONS, InvalidPattern, Pattern
from infra.local.environment import ROOT

# Each would keep a backtracking engine busy for longer than a test may take, or hold much memory.
SLOW = ["(a+)+b", "(a|aa)+b$", "(.*)*x", r"(\w+\s?)+$", "(?:a?){200}a{200}b", "a{999}b"]
LARGE = [
    "a{1000000}", "a{99999999999999999999}", "a{2,1001}", "((a{100}){100}){100}", r"\pL{1000}",
    r"(?:\pL\pN){40}", r"(?i)[^x]{999}", "(?:ab|cd){900}",
]  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "text", "span"),
    [
        ("b+", "abbc", (1, 3)),
        ("é.", "xéy", (1, 3)),
        ("^b$", "a\nb", None),
        ("(?m)^b$", "a\nb", (2, 3)),
        (r"\d", "\u0663", None),
        ("[{,}]", "{", (0, 1)),
        (r"a\{,5}", "a{,5}", (0, 5)),
    ],
)
def test_a_pattern_is_found(pattern: str, text: str, span: tuple[int, int] | None) -> None:
    assert Pattern(pattern).find(text) == span


def test_case_is_ignored_where_asked_in_every_script() -> None:
    assert Pattern("éa", ignore_case=True).find("xÉA") == (1, 3)
    assert Pattern("éa").find("xÉA") is None


def test_a_literal_stands_for_itself_whatever_it_holds() -> None:
    text = r"a{1000000}(?=\1"
    assert Pattern(text, is_literal=True).find(f"x{text}") == (1, 1 + len(text))


@pytest.mark.parametrize(
    ("text", "fits"), [("abc", True), ("abc\n", False), ("abc1", False), ("a\ud800", False)]
)
def test_the_whole_of_a_value_must_fit(text: str, fits: bool) -> None:
    assert Pattern("[a-z]+").fits(text) is fits


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("a(?=b)", "looks around with '(?=', which does not exist here. Patterns are RE2's"),
        ("(?<!a)b", "looks around with '(?<!'"),
        (r"(a)\1", r"has a back reference, '\1'"),
        ("(?P<n>a)(?P=n)", "has a back reference"),
        ("(?>a)", "has '(?>', which does not exist here"),
        (r"a\Z", r"written \z here"),
        ("a{,5}", "write the least count too, as in {0,5}"),
        ("a{,}", "write the least count too, as in {0,9}"),
        ("a{01}", "has '{01}': write counts without zeros before them."),
        ("a{2,010}", "write counts without zeros"),
        ("a{3,2}", "has '{3,2}': the first count must not be above the second."),
        ("(?Pn)", "has '(?P', which does not exist here"),
        ("[(?P=](?=b)", "looks around with '(?='"),
        ("(", "is no regular expression: missing )"),
        ("[", "is no regular expression: missing ]"),
        ("\ud800", "half a character"),
    ],
)
def test_what_is_refused_is_told_why(pattern: str, says: str) -> None:
    with pytest.raises(InvalidPattern) as caught:
        Pattern(pattern)
    assert says in caught.value.message


@pytest.mark.parametrize("pattern", ["a{1000}", "a{0}", "a{0,0}", "a{7,7}", "a{7,}", "(?:ab){998}"])
def test_a_pattern_at_its_edge_is_taken(pattern: str) -> None:
    Pattern(pattern)


def test_a_pattern_over_the_edge_is_not() -> None:
    with pytest.raises(InvalidPattern, match="2,000 instructions"):
        Pattern("(?:ab){999}")  # 2,002 instructions


def test_what_is_refused_is_told_to_nobody_else(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InvalidPattern):
        Pattern("(")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("pattern", LARGE)
def test_a_pattern_that_is_too_large_is_refused(pattern: str) -> None:
    with pytest.raises(BadParameter, match="is too large"):
        Pattern(pattern)


def test_the_limit_counts_instructions() -> None:
    around = re2.compile("x").programsize - 1  # before and behind what is written
    Pattern("x" * (MAX_INSTRUCTIONS - around))
    with pytest.raises(InvalidPattern, match="is too large"):
        Pattern("x" * (MAX_INSTRUCTIONS - around + 1))


def test_something_may_be_repeated_a_thousand_times() -> None:
    assert Pattern("a{1000}").fits("a" * 1_000)
    assert not Pattern("a{1000}").fits("a" * 999)


CHILD = """
import resource, sys
from chalicelib.errors import BadParameter
from chalicelib.patterns import Pattern

texts = ["a" * 65_536, "a " * 32_768, "aé" * 20_000]
slow, large = eval(sys.argv[1])
Pattern("a").find("a")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for pattern in slow:
    for text in texts:
        Pattern(pattern).find(text)
        Pattern(pattern).fits(text)
for pattern in large * 10:
    try:
        Pattern(pattern)
    except BadParameter:
        continue
    raise SystemExit(f"{pattern} was taken")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_neither_time_nor_memory_grows_beyond_bounds() -> None:
    """In a process of its own, which is given up after a time that no machine needs."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, repr((SLOW, LARGE))],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 64 << 10, "KiB more than at the beginning"
