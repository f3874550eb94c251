"""The head of a task: its description and its parameters, at the edges of what is taken."""

import pytest

from chalicelib.tasks.param import MAX_PARAMS, MAX_PATTERN_CHARACTERS, Param, ParamType
from chalicelib.tasks.task_toml import MAX_DESCRIPTION_BYTES, parse
from tests.unit.test_task_toml import definition, refused


def head(text: str) -> str:
    return definition(head=f'Name = "t"\n{text}\n')


def param(text: str) -> Param:
    (found,) = parse(head(f"[Params.v]\n{text}")).params
    return found


def test_a_description_has_4096_bytes_at_most() -> None:
    longest = "é" * (MAX_DESCRIPTION_BYTES // 2)
    assert parse(head(f'Description = "{longest}"')).description == longest
    assert "4096 bytes" in refused(head(f'Description = "{longest}x"')).message


def test_a_task_has_64_parameters_at_most() -> None:
    def params(count: int) -> str:
        return head("\n".join(f"[Params.p{number}]" for number in range(count)))

    assert len(parse(params(MAX_PARAMS)).params) == 64
    assert "at most 64 parameters" in refused(params(MAX_PARAMS + 1)).message


def test_a_pattern_has_256_characters_at_most() -> None:
    longest = "x" * MAX_PATTERN_CHARACTERS
    assert param(f'Pattern = "{longest}"').pattern == longest
    assert "at most 256 characters" in refused(head(f'[Params.v]\nPattern = "{longest}x"')).message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Param("v")),
        ("Secret = true", Param("v", secret=True)),
        ('Default = ""', Param("v", default="")),
        ("Default = 2.5", Param("v", default="2.5")),
        ('Type = "boolean"\nDefault = false', Param("v", type=ParamType.BOOLEAN, default="false")),
        ('Choices = ["a", 2, true]', Param("v", choices=("a", "2", "true"))),
    ],
)
def test_values_are_kept_as_they_reach_the_command(text: str, expected: Param) -> None:
    assert param(text) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Default = []", "must be text, a number"),
        ("Choices = [1.5]", "list of texts or numbers"),
        ('Choices = ["a"]\nDefault = "b"', "must be one of a"),
    ],
)
def test_what_no_command_could_get_is_refused(text: str, says: str) -> None:
    assert says in refused(head(f"[Params.v]\n{text}")).message


def test_a_parameters_name_has_64_characters_at_most() -> None:
    assert parse(head(f"[Params.{'n' * 64}]")).params == (Param("n" * 64),)
    assert "at most 64" in refused(head(f"[Params.{'n' * 65}]")).message


def test_env_may_have_what_is_no_parameter() -> None:
    source = definition(
        '[[step]]\nServerID = "6f0c0000-0000-4000-8000-00000000000a"\n'
        'CMD = "x"\nEnv = { other = "1" }\n',
        head='Name = "t"\n[Params.v]\n',
    )
    assert parse(source).steps[0].env == {"other": "1"}
