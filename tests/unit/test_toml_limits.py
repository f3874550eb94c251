"""What a definition may ask of a parser."""

import time

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.tasks import toml_limits
from chalicelib.tasks.task_toml import parse
from chalicelib.tasks.toml_table import InvalidDefinition
from infra.local.environment import ROOT

LIBRARY = sorted((ROOT / "chalicelib" / "templates").glob("*.toml"))


def refusal(source: str) -> InvalidDefinition:
    with pytest.raises(InvalidDefinition) as caught:
        toml_limits.check(source)
    return caught.value


@pytest.mark.parametrize(
    ("source", "line", "what"),
    [
        ("\n\na = " + "[" * 9, 3, "8 levels"),
        ("a = " + "{b = " * 9, 1, "8 levels"),
        ("a = [{b = " * 5, 1, "8 levels"),
        ("a = '''\n\n'''\nb = " + "[" * 9, 4, "8 levels"),
        ("a.b.c.d.e.f.g.h.i = 1", 1, "8 parts"),
        ("\n[a.b.c.d.e.f.g.h.i]", 2, "8 parts"),
        ('"a".b."c".d.e.f.g.h.i = 1', 1, "8 parts"),
        ("a = {b.c.d.e.f.g.h.i.j = 1}", 1, "8 parts"),
        ("a = " + "1" * 33, 1, "32 digits"),
        ("a = 0x" + "f" * 33, 1, "32 digits"),
        ("a = 1." + "1" * 33, 1, "32 digits"),
        ("a = 1" + "_1" * 33, 1, "32 digits"),
        ("a = 1\n" * 20_001, 20_001, "20,000 keys"),
        ("a = {" + "b=1," * 20_001, 1, "20,000 keys"),
    ],
    ids=lambda each: str(each)[:24],
)
def test_what_is_too_much_is_refused_with_its_line(source: str, line: int, what: str) -> None:
    error = refusal(source)
    assert what in error.message
    place = {"line": line, "column": None, "key": None}
    assert error.details == {**place, "errors": [{"message": error.message, **place}]}


@pytest.mark.parametrize(
    "source",
    [
        "a = [[[[[[[[1]]]]]]]]",
        "a.b.c.d.e.f.g.h = 1",
        "a = [1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5]",
        "a = '" + "[" * 99 + "." * 99 + "1" * 99 + "'",
        'a = "\\"' + "[" * 99 + '"',
        "a = '''\n" + "[[x.y.z\n" * 99 + "'''",
        "# " + "[" * 99 + "1" * 99,
        "a = 2026-01-31T12:00:00.123456Z",
    ],
    ids=lambda source: source[:24],
)
def test_what_a_task_may_hold_passes(source: str) -> None:
    toml_limits.check(source)
    tomli.loads(source)


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_the_librarys_tasks_pass(path: object) -> None:
    toml_limits.check(path.read_text())  # type: ignore[attr-defined]


PIECES = st.sampled_from(
    [
        "[",
        "]",
        "{",
        "}",
        "a",
        ".",
        "=",
        "1",
        "0x",
        "\n",
        ",",
        '"',
        "'",
        '"""',
        "'''",
        "#",
        "\\",
        " ",
        "é",
    ]
)


@given(st.lists(PIECES | PIECES.map(lambda piece: piece * 500), max_size=40).map("".join))
def test_whatever_is_given_is_read_or_refused(source: str) -> None:
    try:
        parse(source)
    except InvalidDefinition as error:
        assert error.message


@pytest.mark.parametrize(
    "piece", ["a = [", "a.", "1", "'", '"', '"""', "\\", "'''", "#", "[", "=\n"]
)
def test_it_takes_time_that_grows_with_the_text_alone(piece: str) -> None:
    source = "x = 1\n" + piece * (262_000 // len(piece))
    began = time.process_time()
    with pytest.raises(InvalidDefinition):
        parse(source)
    assert time.process_time() - began < 2
