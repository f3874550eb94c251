"""All that is wrong with a definition is told in one go."""

from typing import Any

import pytest

from chalicelib.tasks.task_toml import parse
from chalicelib.tasks.toml_faults import AT_MOST, CHARACTERS
from chalicelib.tasks.toml_table import InvalidDefinition
from tests.unit.test_task_toml import A, definition, refused, step


def told(source: str) -> list[tuple[int | None, str | None]]:
    errors: list[dict[str, Any]] = refused(source).details["errors"]
    return [(each["line"], each["key"]) for each in errors]


MANY = """Nam = "x"
Timeout = "3 hours"
[Params.x]
Typ = "string"
[[step]]
Name = "a"
CMND = ""
Timeout = "x"
Env = { "1A" = "x", B = 3 }
[[step]]
ServerID = 3
CMD = "true"
When = "never"
"""


def test_all_faults_are_told_in_the_order_of_their_lines() -> None:
    assert told(MANY) == [
        (1, "Nam"),
        (2, "Timeout"),
        (4, "Params.x.Typ"),
        (5, "step[1].CMD"),  # what the misspelled key says is looked at too: it is empty
        (5, "step[1].ServerID"),
        (7, "step[1].CMND"),
        (8, "step[1].Timeout"),
        (9, "step[1].Env.1A"),
        (9, "step[1].Env.B"),
        (11, "step[2].ServerID"),
        (13, "step[2].When"),
    ]


def test_the_first_one_is_the_error_itself() -> None:
    error = refused(MANY)
    assert (error.details["line"], error.details["key"]) == (1, "Nam")
    assert error.message in [each["message"] for each in error.details["errors"]]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (definition(step(cmd='"x"', CMD="")), [(4, "step[1].cmd")]),
        (definition(step(), head=""), [(None, "Name")]),
        ('Name = "t"\n', [(None, "step")]),
        ('Name = "t"\nstep = 1\n', [(2, "step")]),
        ('Nam = 1\nstep = 1\n', [(1, "Nam"), (None, "Name"), (2, "step")]),
        ("Name = \n", [(1, None)]),
        (definition(step(ServerID="[]", Targets="{ All = true }")), [
            (3, "step[1].ServerID"), (5, "step[1].Targets"),
        ]),
    ],
)  # fmt: skip
def test_nothing_is_told_that_is_not_so(
    source: str, expected: list[tuple[int | None, str | None]]
) -> None:
    found = told(source)
    assert set(found) <= set(expected)
    assert len(found) == len(set(found)) > 0


def test_so_many_are_told_at_most() -> None:
    env = ", ".join(f'"{number} x" = ""' for number in range(AT_MOST + 5))
    assert len(told(definition(step(Env=f"{{ {env} }}")))) == AT_MOST


def test_of_a_long_definition_fewer_are_told() -> None:
    env = ", ".join(f'"{number} x" = ""' for number in range(AT_MOST))
    comment = "#" + "x" * (CHARACTERS // 5)
    assert len(told(definition(step(Env=f"{{ {env} }}")) + comment)) == 4


def test_names_of_agents_stand_for_ids_once_they_are_known() -> None:
    source = definition(step(ServerID='["one", "two"]'))
    assert parse(source).steps[0].targets.agent_ids == ("one", "two")
    assert parse(source, {"one": A}).steps[0].targets.agent_ids == (A, "two")


def test_an_id_is_stored_in_small_letters_and_a_name_as_it_is() -> None:
    source = definition(step(ServerID=f'["{A.upper()}", "Machine One"]'))
    assert parse(source).steps[0].targets.agent_ids == (A, "Machine One")


def test_the_document_is_left_as_it_was() -> None:
    with pytest.raises(InvalidDefinition) as caught:
        parse(MANY)
    assert caught.value.details["errors"] == refused(MANY).details["errors"]
