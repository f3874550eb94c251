"""Task definitions: what is taken, and how what is wrong is refused."""

import pytest

from chalicelib.runs.job import JobState
from chalicelib.tasks import task as limits
from chalicelib.tasks.param import Param, ParamType
from chalicelib.tasks.target import Targets
from chalicelib.tasks.task import Amount, Concurrency, Definition, Retry, Step, When, agent_ids
from chalicelib.tasks.task_toml import parse
from chalicelib.tasks.toml_table import InvalidDefinition

A, B = "6f0c0000-0000-4000-8000-00000000000a", "6f0c0000-0000-4000-8000-00000000000b"
MANY_LABELS = ", ".join(f'k{number} = "v"' for number in range(51))


def step(**keys: str) -> str:
    """A [[step]] whose keys are given as TOML, with what every step needs."""
    needed = {"ServerID": f'"{A}"', "CMD": '"true"'}
    lines = [f"{key} = {value}\n" for key, value in {**needed, **keys}.items() if value]
    return "[[step]]\n" + "".join(lines)


def definition(*steps: str, head: str = 'Name = "t"\n') -> str:
    return head + "".join(steps or (step(),))


def refused(source: str) -> InvalidDefinition:
    with pytest.raises(InvalidDefinition) as caught:
        parse(source)
    return caught.value


def test_the_example_of_the_requirements_is_a_task_once_it_has_a_name() -> None:
    source = f"""
Name = "deploy shop"
Timeout = "1h30m"

[[step]]
ServerID = "{A.upper()}"
Path     = "/opt/project"
CMD      = "sh deploy.sh"

[[step]]
Name     = "second"
ServerID = ["{A}", "{B}"]
CMD      = \"\"\"
python3 main.py
\"\"\"
Timeout  = "2.5s"
Env      = {{ STAGE = "prod", EMPTY = "" }}
"""
    assert parse(source) == Definition(
        name="deploy shop",
        timeout_seconds=5400,
        steps=(
            Step(1, "step 1", Targets((A,)), path="/opt/project", command="sh deploy.sh"),
            Step(
                2,
                "second",
                Targets((A, B)),
                command="python3 main.py\n",
                env={"STAGE": "prod", "EMPTY": ""},
                timeout_seconds=2.5,
            ),
        ),
    )
    assert agent_ids(parse(source)) == {A, B}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1ms", 0.001), ("500ms", 0.5), ("30s", 30), ("2m", 120), ("1d", 86_400), ("30d", 2_592_000)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse(definition(step(Timeout=f'"{text}"'))).steps[0].timeout_seconds == seconds


@pytest.mark.parametrize(
    "text", ['"0s"', '"31d"', '"30"', '"s"', '"-1s"', '"1 h"', '""', "30", "1.5"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    error = refused(definition(step(Timeout=text)))
    assert (error.details["line"], error.details["key"]) == (5, "step[1].Timeout")


@pytest.mark.parametrize(
    ("source", "line", "key", "says"),
    [
        ("Name = ", 1, None, "not TOML"),
        ('Name = "x"\nName = "y"\n' + step(), 2, None, "not TOML"),
        ("", None, "Name", "missing"),
        (step(), None, "Name", "missing"),
        ("Name = 1\n" + step(), 1, "Name", "not a number"),
        ("Name = true\n" + step(), 1, "Name", "not true or false"),
        ("Name = 2026-01-01\n" + step(), 1, "Name", "not a date"),
        ('Name = "  "\n' + step(), 1, "Name", "printable"),
        ('Name = "a\\nb"\n' + step(), 1, "Name", "printable"),
        ('Name = "t"\n', None, "step", "no [[step]]"),
        ('Name = "t"\nstep = []\n', 2, "step", "1 to 100"),
        ('Name = "t"\n[step]\nCMD = "x"\n', 2, "step", "two brackets"),
        ('Name = "t"\nstep = 1\n', 2, "step", "two brackets"),
        ('Name = "t"\nNmae = "y"\n' + step(), 2, "Nmae", "Did you mean Name?"),
        (definition(step(cmd='"x"')), 5, "step[1].cmd", "Did you mean CMD?"),
        (definition(step(), step(Zzz="1")), 8, "step[2].Zzz", "Known are"),
        (definition(step(CMD="")), 2, "step[1].CMD", "missing"),
        (definition(step(CMD='" "')), 4, "step[1].CMD", "is empty"),
        (definition(step(CMD="[1]")), 4, "step[1].CMD", "not a list"),
        (definition(step(CMD='"a\\u0000b"')), 4, "step[1].CMD", "NUL"),
        (definition(step(ServerID="")), 2, "step[1].ServerID", "missing"),
        (definition(step(ServerID='"x"')), 3, "step[1].ServerID", "UUIDs"),
        (definition(step(ServerID=f'"{{{A}}}"')), 3, "step[1].ServerID", "UUIDs"),
        (definition(step(ServerID="[]")), 3, "step[1].ServerID", "1 to 1000"),
        (definition(step(ServerID="[1]")), 3, "step[1].ServerID", "in quotes"),
        (definition(step(ServerID=f'["{A}", "{A}"]')), 3, "step[1].ServerID", "twice"),
        (definition(step(Path='"a/b"')), 5, "step[1].Path", "absolute"),
        (definition(step(Env="1")), 5, "step[1].Env", "table"),
        (definition(step(Env='{ "a b" = "" }')), 5, "step[1].Env.a b", "no name"),
        (definition(step(Env="{ A = 1 }")), 5, "step[1].Env.A", "in quotes"),
        (definition(step(Env='{ A = "\\u0000" }')), 5, "step[1].Env.A", "NUL"),
        (definition(step(Env='{ PLUMBER_X = "" }')), 5, "step[1].Env.PLUMBER_X", "own"),
    ],
)
def test_what_is_wrong_is_refused_with_line_key_and_reason(
    source: str, line: int | None, key: str | None, says: str
) -> None:
    error = refused(source)
    assert (error.details["line"], error.details["key"]) == (line, key)
    assert says in error.message
    if line is not None:
        assert error.message.startswith(f"line {line}, ")


def test_a_syntax_error_has_a_column() -> None:
    assert refused('Name = "t"\nfoo bar\n').details["column"] == 5


# --- limits, each at its edge


def test_a_task_has_a_hundred_steps_at_most() -> None:
    assert len(parse(definition(*[step()] * limits.MAX_STEPS)).steps) == 100
    assert "has 101" in refused(definition(*[step()] * 101)).message
    assert "has 1000" in refused(definition(*[step()] * 1_000)).message


def test_a_definition_has_a_size() -> None:
    source = definition()
    fits = source + "#" + "x" * (limits.MAX_DEFINITION_BYTES - len(source) - 1)
    assert parse(fits).name == "t"
    assert "at most 262144 bytes" in refused(fits + "x").message
    assert "at most" in refused(source + "#" + "x" * (1 << 20)).message


def test_a_name_has_128_characters_at_most() -> None:
    assert len(parse(f'Name = "{"名" * 128}"\n' + step()).name) == 128
    assert refused(f'Name = "{"名" * 129}"\n' + step()).details["key"] == "Name"


def test_a_command_has_32_kib_at_most() -> None:
    at_most = limits.MAX_COMMAND_BYTES
    assert len(parse(definition(step(CMD=f'"{"x" * at_most}"'))).steps[0].command) == at_most
    assert "32768 bytes" in refused(definition(step(CMD=f'"{"x" * (at_most + 1)}"'))).message
    assert "has 65536" in refused(definition(step(CMD=f'"{"x" * 65_536}"'))).message


def test_a_path_has_4096_bytes_at_most() -> None:
    path = "/" + "x" * 4_095
    assert parse(definition(step(Path=f'"{path}"'))).steps[0].path == path
    assert "4096" in refused(definition(step(Path=f'"{path}x"'))).message


def test_the_environment_has_limits() -> None:
    def env(count: int, size: int) -> str:
        entries = ", ".join(f'V{number:02d} = "{"x" * size}"' for number in range(count))
        return definition(step(Env=f"{{ {entries} }}"))

    assert len(parse(env(64, 1)).steps[0].env) == 64
    assert "64 variables" in refused(env(65, 1)).message
    assert parse(env(1, 8_192))
    assert "8192" in refused(env(1, 8_193)).message
    assert parse(env(4, 8_189))
    assert "32768 bytes in all" in refused(env(4, 8_190)).message


def test_a_step_names_a_thousand_agents_at_most() -> None:
    def agents(count: int) -> str:
        ids = ", ".join(f'"6f0c0000-0000-4000-8000-{number:012d}"' for number in range(count))
        return definition(step(ServerID=f"[{ids}]"))

    assert len(parse(agents(1_000)).steps[0].targets.agent_ids) == 1_000
    assert "not 1001" in refused(agents(1_001)).message


# --- fleets


def test_a_step_for_a_fleet_says_whom_how_many_and_what_if() -> None:
    (found,) = parse(
        definition(
            step(
                ServerID="",
                Targets='{ Labels = { role = "web" }, Group = "prod", Selector = "!old" }',
                Canary="1",
                MaxParallel='"25%"',
                MaxFailures="2",
                DeliverWithin='"2d"',
                LostAfter='"2m"',
                Retries="3",
                RetryDelay='"10s"',
                RetryBackoff="2",
                RetryOn='["failed", "lost"]',
                When='"always"',
                User='"www-data"',
            )
        )
    ).steps
    assert found == Step(
        1,
        "step 1",
        Targets(labels={"role": "web"}, group="prod", selector="!old"),
        command="true",
        user="www-data",
        deliver_within_seconds=172_800,
        lost_after_seconds=120,
        canary=Amount(1),
        max_parallel=Amount(25, is_percent=True),
        max_failures=Amount(2),
        retry=Retry(3, 10, 2, (JobState.FAILED, JobState.LOST)),
        when=When.ALWAYS,
    )


def test_a_script_runs_with_sh_unless_it_says_otherwise() -> None:
    given = {"CMD": "", "Script": "'''\necho a\n'''"}
    assert parse(definition(step(**given))).steps[0].shell == "sh"
    (found,) = parse(definition(step(**given, Shell='"python3"'))).steps
    assert (found.command, found.script, found.shell) == (None, "echo a\n", "python3")


def test_a_task_has_parameters_and_says_what_becomes_of_a_second_run() -> None:
    head = """Name = "t"
Concurrency = "queue"
Template = true
Description = "Deploys."
[Params.version]
Default = "latest"
Pattern = "[a-z0-9.]+"
[Params.count]
Type = "integer"
Default = 3
[Params.stage]
Choices = ["test", "prod"]
Required = true
Description = "Where to."
"""
    found = parse(definition(head=head))
    assert (found.concurrency, found.is_template) == (Concurrency.QUEUE, True)
    assert found.description == "Deploys."
    assert found.params == (
        Param("version", default="latest", pattern="[a-z0-9.]+"),
        Param("count", type=ParamType.INTEGER, default="3"),
        Param("stage", "Where to.", choices=("test", "prod"), required=True),
    )


@pytest.mark.parametrize(
    ("keys", "key", "says"),
    [
        ({"Targets": "{ All = true }"}, "Targets", "either ServerID or Targets"),
        ({"ServerID": "", "Targets": "{}"}, "Targets", "needs Labels, Group or Selector"),
        ({"ServerID": "", "Targets": '"web"'}, "Targets", "must be a table"),
        (
            {"ServerID": "", "Targets": '{ All = true, Group = "a" }'},
            "Targets",
            "needs Labels, Group or Selector",
        ),
        ({"ServerID": "", "Targets": "{ Label = {} }"}, "Targets.Label", "mean Labels"),
        ({"ServerID": "", "Targets": "{ Labels = {} }"}, "Targets.Labels", "names no label"),
        ({"ServerID": "", "Targets": "{ Labels = { a = 1 } }"}, "Targets.Labels.a", "text"),
        ({"ServerID": "", "Targets": '{ Selector = "a b" }'}, "Targets.Selector", "'a b'"),
        (
            {"ServerID": "", "Targets": f'{{ Labels = {{ {"k" * 64} = "v" }} }}'},
            f"Targets.Labels.{'k' * 64}",
            "1 to 63 characters",
        ),
        (
            {"ServerID": "", "Targets": f'{{ Labels = {{ k = "{"v" * 256}" }} }}'},
            "Targets.Labels.k",
            "at most 255 characters",
        ),
        (
            {"ServerID": "", "Targets": f'{{ Group = "{"g" * 129}" }}'},
            "Targets.Group",
            "at most 128 characters",
        ),
        (
            {"ServerID": "", "Targets": f"{{ Labels = {{ {MANY_LABELS} }} }}"},
            "Targets.Labels",
            "at most 50 labels",
        ),
        ({"ServerID": "", "Targets": '{ Selector = "a," }'}, "Targets.Selector", "comma"),
        ({"MaxParallel": "0"}, "MaxParallel", "from 1 on"),
        ({"MaxParallel": '"0%"'}, "MaxParallel", "from 1 on"),
        ({"MaxParallel": '"101%"'}, "MaxParallel", "from 1 on"),
        ({"MaxParallel": "1.5"}, "MaxParallel", "from 1 on"),
        ({"MaxFailures": "-1"}, "MaxFailures", "from 0 on"),
        ({"Canary": "true"}, "Canary", "from 1 on"),
        ({"Retries": "101"}, "Retries", "from 0 to 100"),
        ({"Retries": '"2"'}, "Retries", "from 0 to 100"),
        ({"RetryDelay": '"1s"'}, "RetryDelay", "together with Retries"),
        ({"Retries": "1", "RetryBackoff": "0.5"}, "RetryBackoff", "from 1 to 10"),
        ({"Retries": "1", "RetryOn": '["ok"]'}, "RetryOn", "'ok' is none"),
        ({"Retries": "1", "RetryOn": "[]"}, "RetryOn", "names no state"),
        ({"When": '"never"'}, "When", "success, failure, always"),
        ({"LostAfter": '"89s"'}, "LostAfter", "at least 90s"),
        ({"DeliverWithin": "60"}, "DeliverWithin", "in quotes"),
        ({"Script": '"x"'}, "Script", "either CMD or Script"),
        ({"Shell": '"bash"'}, "Shell", "is for Script"),
        ({"CMD": "", "Script": '"x"', "Shell": '"zsh"'}, "Shell", "absolute path"),
        ({"CMD": "", "Script": '" "'}, "Script", "is empty"),
        ({"User": '"a b"'}, "User", "no name of a user"),
        ({"Mask": '"a"'}, "Mask", "must be a list"),
        ({"Mask": '["["]'}, "Mask", "no regular expression"),
        ({"Mask": '["x*"]'}, "Mask", "matches what is empty"),
        ({"Mask": '["a(?=b)"]'}, "Mask", "looks around"),
        ({"Mask": "['\\pL+']"}, "Mask", "which agents do not know"),
    ],
)
def test_every_key_of_a_fleet_is_checked(keys: dict[str, str], key: str, says: str) -> None:
    error = refused(definition(step(**keys)))
    assert says in error.message
    assert error.details["key"] == f"step[1].{key}"
    assert error.details["line"] is not None


@pytest.mark.parametrize(
    ("head", "key", "says"),
    [
        ('Concurrency = "two"', "Concurrency", "allow, forbid"),
        ('Template = "yes"', "Template", "true or false"),
        ("Params = 1", "Params", "must be a table"),
        ("[Params]\nv = 1", "Params.v", "must be a table"),
        ("[Params.1a]", "Params.1a", "no name of a parameter"),
        ("[Params.PLUMBER_X]", "Params.PLUMBER_X", "cannot be a parameter"),
        ("[Params.v]\nDefualt = 1", "Params.v.Defualt", "mean Default"),
        ('[Params.v]\nType = "int"', "Params.v.Type", "string, integer"),
        ('[Params.v]\nType = "integer"\nDefault = "x"', "Params.v.Default", "a whole number"),
        ('[Params.v]\nPattern = "["', "Params.v.Pattern", "no regular expression"),
        ('[Params.v]\nPattern = "a{99999999999999999999}"', "Params.v.Pattern", "is too large"),
        ('[Params.v]\nPattern = "(?=a)"', "Params.v.Pattern", "looks around"),
        ('[Params.v]\nPattern = "a"\nDefault = "b"', "Params.v.Default", "does not match"),
        ("[Params.v]\nChoices = []", "Params.v.Choices", "nothing to choose"),
        ('[Params.v]\nChoices = "a"', "Params.v.Choices", "must be a list"),
        ('[Params.v]\nRequired = true\nDefault = "a"', "Params.v.Default", "has no default"),
        ('[Params.v]\nSecret = true\nDefault = "a"', "Params.v.Default", "would see it"),
        ("[Params.v]\nSecret = 1", "Params.v.Secret", "true or false"),
        ('Mask = ["("]', "Mask", "no regular expression"),
    ],
)
def test_every_key_of_a_task_is_checked(head: str, key: str, says: str) -> None:
    error = refused(definition(head=f'Name = "t"\n{head}\n'))
    assert says in error.message
    assert error.details["key"] == key
    assert error.details["line"] is not None


def test_env_cannot_hide_a_parameter() -> None:
    source = definition(step(Env='{ v = "1" }'), head='Name = "t"\n[Params.v]\n')
    error = refused(source)
    assert (error.details["key"], "already" in error.message) == ("step[1].Env.v", True)


def test_a_script_has_a_size_of_its_own() -> None:
    def script(size: int) -> str:
        return definition(step(CMD="", Script=f'"{"x" * size}"'))

    assert parse(script(limits.MAX_SCRIPT_BYTES))
    assert "this one has 131073" in refused(script(limits.MAX_SCRIPT_BYTES + 1)).message


def test_a_task_masks_what_its_steps_mask_and_its_own() -> None:
    source = definition(step(Mask='["step"]'), step(), head='Name = "t"\nMask = ["task"]\n')
    assert [each.mask for each in parse(source).steps] == [("task", "step"), ("task",)]


def test_masks_are_twenty_of_256_characters_at_most() -> None:
    def masks(count: int, length: int = 1) -> str:
        return definition(step(Mask=str(["x" * length] * count).replace("'", '"')))

    assert len(parse(masks(limits.MAX_MASKS)).steps[0].mask) == 20
    assert "at most 20 patterns" in refused(masks(limits.MAX_MASKS + 1)).message
    assert parse(masks(1, limits.MAX_MASK_CHARACTERS)).steps[0].mask
    assert "at most 256 characters" in refused(masks(1, limits.MAX_MASK_CHARACTERS + 1)).message
