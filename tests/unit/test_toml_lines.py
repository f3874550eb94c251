"""On which line a key stands."""

import json

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.tasks.toml_lines import Path, line_of

SOURCE = '''# a remark
Name = "x" # with one
"quoted key" = 1
a.b = 2
text = """
[not.a.table]
Name = "no"
"""
list = [
  1, # [also.no]
  { key = 2 },
]
literal = \'\'\'
x = 1
\'\'\'

[[step]]
CMD = "one"
[step.Env]
A = "1"

[[step]]
CMD = """a "quoted" \\"""
b = 1"""
Env = { A = "=", B = "[" }
Last = true
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("Name",), 2),
        (("quoted key",), 3),
        (("a", "b"), 4),
        (("text",), 5),
        (("list",), 9),
        (("literal",), 13),
        (("step", 0), 17),
        (("step", 0, "CMD"), 18),
        (("step", 0, "Env"), 19),
        (("step", 0, "Env", "A"), 20),
        (("step", 1), 22),
        (("step", 1, "CMD"), 23),
        (("step", 1, "Env", "B"), 25),
        (("step", 1, "Last"), 26),
        (("step", 1, "Missing"), 22),
        (("Missing",), None),
    ],
)
def test_keys_are_found(path: Path, line: int | None) -> None:
    assert tomli.loads(SOURCE)
    assert line_of(SOURCE, path) == line


@pytest.mark.parametrize(
    ("spelling", "key"),
    [
        ("bare-Key_1", "bare-Key_1"),
        ('"quoted key"', "quoted key"),
        ("'literal \\n'", "literal \\n"),
        ("''", ""),
        ('""', ""),
        (r'"a\"b\\c"', 'a"b\\c'),
        (r'"\b\t\n\f\r"', "\b\t\n\f\r"),
        (r'"\u00e9\u263Aab"', "\u00e9\u263aab"),
        (r'"\U0001F600ab"', "\U0001f600ab"),
    ],
)
def test_a_key_is_found_however_it_is_spelled(spelling: str, key: str) -> None:
    source = f"x = 1\n{spelling} = 2\n[t . {spelling}]\ny = 3\n"
    assert tomli.loads(source) == {"x": 1, key: 2, "t": {key: {"y": 3}}}
    assert line_of(source, (key,)) == 2
    assert line_of(source, ("t", key, "y")) == 4


_VALUES = st.one_of(
    st.integers(0, 9).map(str),
    st.text(st.sampled_from('ab"\\\n[]{}=#\''), max_size=8).map(json.dumps),
    st.text(st.sampled_from("ab\n[]{}=# "), max_size=12).map(lambda text: f'"""{text}"""'),
    st.text(st.sampled_from('ab\n[]{}=#" '), max_size=12).map(lambda text: f"'''{text}'''"),
    st.lists(st.integers(0, 9), max_size=3).map(lambda items: json.dumps(items, indent=1)),
    st.integers(0, 9).map(lambda number: f"{{ x = {number} }}"),
)  # fmt: skip


@given(st.lists(st.lists(_VALUES, max_size=4), max_size=3), st.booleans())
def test_the_line_found_is_the_one_on_which_it_was_written(
    steps: list[list[str]], with_remarks: bool
) -> None:
    lines: list[str] = []
    expected: dict[Path, int] = {}
    for index, values in enumerate(steps):
        expected["step", index] = len(lines) + 1
        lines.append("[[step]]" + (" # a [remark]" if with_remarks else ""))
        for number, value in enumerate(values):
            expected["step", index, f"k{number}"] = len(lines) + 1
            lines += f"k{number} = {value}{' # = [' if with_remarks else ''}".split("\n")
    source = "\n".join(lines)
    tomli.loads(source)
    assert {path: line_of(source, path) for path in expected} == expected


@given(st.text(max_size=60))
def test_any_text_is_looked_through(text: str) -> None:
    line = line_of(text, ("a",))
    assert line is None or 1 <= line <= text.count("\n") + 1
