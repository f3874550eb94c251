"""What a `Mask` pattern may be."""

import pytest

from chalicelib.tasks.mask import mask_problem


@pytest.mark.parametrize(
    "pattern",
    [
        r"secret=\w+",
        r"(a)(?:b)(?P<name>c)(?i:d)(?-s:e)",
        r"(?i)token: [^ ]+",
        r"(?s)a.b(c)",
        r"\x41\d\.\\\\W",
        r"[\w\x41\-]+x",
        r"[(]a",
        r"\W+",
        r"(?ms)\W+",
        "a(b" + r"\()",
    ],
)
def test_what_agents_read_alike_is_a_mask(pattern: str) -> None:
    assert mask_problem(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "strange"),
    [
        (r"a(?U:b+)", "(?U:"),
        (r"ab\pN", r"\pN"),
        (r"a\Qb.\Ec", r"\Qb"),
        (r"x[a\pN]", r"\pN"),
        (r"x[\w\pN]", r"\pN"),
        (r"x[\\\pN]", r"\pN"),
        (r"x[\pN]", r"\pN"),
        (r"x[a[:alpha:]]", "[:alpha:]"),
        (r"(?i)a\W+", r"\W+"),
        (r"(?si)a\W+", r"\W+"),
        (r"(?i:a)[\W]", r"\W"),
        (r"(?s)ab\pN", r"\pN"),
    ],
)
def test_what_they_would_read_otherwise_is_refused_and_named(pattern: str, strange: str) -> None:
    assert mask_problem(pattern) == f"has '{strange}', which agents do not know."


@pytest.mark.parametrize("pattern", ["", "a*", "(a|)"])
def test_what_matches_what_is_empty_is_no_mask(pattern: str) -> None:
    assert mask_problem(pattern) == "matches what is empty."


def test_what_re2_refuses_is_refused_with_its_reason() -> None:
    assert "does not exist here" in (mask_problem("(?=a)") or "")
