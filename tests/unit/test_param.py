"""Parameters: checked before anything starts."""

import pytest

from chalicelib.tasks.param import (
    MASK,
    MAX_ALL_BYTES,
    MAX_VALUE_BYTES,
    InvalidParameters,
    Param,
    ParamType,
    fill,
    hidden,
    name_problem,
    split,
)

VERSION = Param("version", default="latest", pattern="[a-z0-9.]+")
STAGE = Param("stage", choices=("test", "prod"), required=True)
COUNT = Param("count", type=ParamType.INTEGER, default="1")


def test_values_are_those_given_and_defaults() -> None:
    assert fill([VERSION, STAGE, COUNT], {"stage": "prod", "count": "7"}) == {
        "version": "latest",
        "stage": "prod",
        "count": "7",
    }


@pytest.mark.parametrize(
    ("given", "name", "says"),
    [
        ({}, "stage", "is required"),
        ({"stage": "dev"}, "stage", "must be one of test, prod"),
        ({"stage": "prod", "version": "1;2"}, "version", "does not match"),
        ({"stage": "prod", "version": "a\n"}, "version", "does not match"),
        ({"stage": "prod", "count": "1.5"}, "count", "a whole number"),
        ({"stage": "prod", "count": "\u0663"}, "count", "a whole number"),
        ({"stage": "prod", "vresion": "1"}, "vresion", "is not known"),
        ({"stage": "pr\0d"}, "stage", "NUL"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, str], name: str, says: str) -> None:
    with pytest.raises(InvalidParameters) as caught:
        fill([VERSION, STAGE, COUNT], given)
    assert says in caught.value.details["parameters"][name]


def test_no_value_makes_a_pattern_slow() -> None:
    evil = Param("evil", pattern="(a+)+b")
    with pytest.raises(InvalidParameters, match="does not match"):
        fill([evil], {"evil": "a" * 8_000})


def test_all_values_together_have_a_limit() -> None:
    params = [Param(f"p{number}") for number in range(64)]
    fitting = {param.name: "x" * 1_000 for param in params}
    assert fill(params, fitting) == fitting
    with pytest.raises(InvalidParameters, match=r"together have .* and may have 65536"):
        fill(params, {param.name: "x" * 8_000 for param in params})
    eight = [Param(f"p{number}") for number in range(8)]
    fullest = {param.name: "x" * (MAX_ALL_BYTES // 8 - 2) for param in eight}
    assert fill(eight, fullest) == fullest
    with pytest.raises(InvalidParameters, match="have 65537 bytes"):
        fill(eight, {**fullest, "p0": fullest["p0"] + "x"})


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (ParamType.STRING, ["", " ", "any\nthing"], []),
        (ParamType.INTEGER, ["0", "-1", "+12"], ["", "1.0", "0x1", " 1", "1\n", "007", "-01"]),
        (ParamType.NUMBER, ["0", "-1.5", "+12"], ["", ".5", "1.", "1e3", "nan"]),
        (ParamType.BOOLEAN, ["true", "false"], ["", "True", "1", "yes"]),
    ],
)
def test_each_type_has_its_form(kind: ParamType, right: list[str], wrong: list[str]) -> None:
    it = Param("it", type=kind)
    assert [value for value in (*right, *wrong) if it.problem(value) is None] == right


def test_only_what_is_required_or_has_no_default_must_be_given() -> None:
    assert fill([Param("a", default=""), Param("b", default="x")], {"b": ""}) == {"a": "", "b": ""}
    for missing in (Param("a"), Param("a", default="x", required=True)):
        with pytest.raises(InvalidParameters, match="a: is required"):
            fill([missing], {})


def test_a_wrong_secret_is_not_repeated_and_a_right_one_is_right() -> None:
    secret = Param("secret", choices=("right",), secret=True)
    assert secret.problem("right") is None
    assert secret.problem("hunter2") == "is not what the task allows."
    assert "hunter2" in str(Param("open", choices=("right",)).problem("hunter2"))


def test_secrets_are_hidden_from_people() -> None:
    assert hidden({"a": "1", "b": "2"}, {"b", "c"}) == {"a": "1", "b": MASK}


def test_secret_values_go_apart_from_the_others() -> None:
    assert split({"a": "1", "b": "2"}, {"b"}) == ({"a": "1"}, {"b": "2"})


def test_a_value_has_a_limit() -> None:
    free = [Param("free")]
    assert fill(free, {"free": "x" * MAX_VALUE_BYTES})
    with pytest.raises(InvalidParameters, match="at most 8192 bytes"):
        fill(free, {"free": "x" * (MAX_VALUE_BYTES + 1)})


@pytest.mark.parametrize("value", ["9223372036854775807", "-9223372036854775807"])
def test_a_whole_number_has_64_bits(value: str) -> None:
    it = Param("it", type=ParamType.INTEGER)
    assert it.problem(value) is None
    assert "must be from -9223372036854775807" in str(it.problem(value[:-1] + "8"))
    assert it.problem(value + "0") is not None


@pytest.mark.parametrize(
    "name",
    ["PATH", "LD_PRELOAD", "IFS", "ENV", "BASH_ENV", "SHELLOPTS", "PS4", "PYTHONPATH", "PERL5OPT",
     "HOME", "PLUMBER_RUN_ID", "LC_ALL", "GIT_SSH_COMMAND", "_", "NODE_OPTIONS"],
)  # fmt: skip
def test_what_decides_what_runs_is_no_parameter(name: str) -> None:
    assert "cannot be a parameter" in str(name_problem(name))


@pytest.mark.parametrize(
    "name", ["1a", "a-b", "", "a b", "a=b", "\u00e4", "n" * 65, "BASH_FUNC_x%%"]
)
def test_what_no_shell_can_name_is_no_parameter(name: str) -> None:
    assert "is no name of a parameter" in str(name_problem(name))


@pytest.mark.parametrize(
    "name", ["version", "path", "STAGE", "_a", "line", "environment", "n" * 64]
)
def test_other_names_are_taken(name: str) -> None:
    assert name_problem(name) is None
