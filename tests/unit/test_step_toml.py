"""A step's keys: each value at the edge of what is taken, and one further."""

import pytest

from chalicelib.agents.agent import (
    MAX_GROUP_CHARACTERS,
    MAX_LABEL_KEY_CHARACTERS,
    MAX_LABEL_VALUE_CHARACTERS,
    MAX_LABELS,
)
from chalicelib.runs.job import JobState
from chalicelib.tasks import task as limits
from chalicelib.tasks.target import Targets
from chalicelib.tasks.task import Amount, Retry, Step, When
from chalicelib.tasks.task_toml import parse
from tests.unit.test_task_toml import A, B, definition, refused, step


def read(**keys: str) -> Step:
    return parse(definition(step(**keys))).steps[0]


def for_a_fleet(targets: str) -> Targets:
    return read(ServerID="", Targets=targets).targets


def test_a_step_that_says_no_more_than_it_must_has_the_defaults() -> None:
    assert read() == Step(1, "step 1", Targets((A,)), command="true")
    found = read()
    assert (found.deliver_within_seconds, found.lost_after_seconds) == (60, 300)
    assert (found.retry, found.when, found.shell, found.mask) == (Retry(), When.SUCCESS, None, ())


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1", Amount(1)),
        ("5_001", Amount(limits.MAX_AGENTS_PER_STEP)),
        ('"0.001 %"', Amount(0.001, is_percent=True)),
        ('"100%"', Amount(100, is_percent=True)),
    ],
)
def test_amounts(text: str, amount: Amount) -> None:
    found = read(Canary=text, MaxParallel=text, MaxFailures=text)
    assert (found.canary, found.max_parallel, found.max_failures) == (amount, amount, amount)


def test_no_failures_at_all_are_an_amount_too() -> None:
    assert read(MaxFailures="0").max_failures == Amount(0)
    assert read(MaxFailures='"0%"').max_failures == Amount(0, is_percent=True)
    assert read(MaxFailures='"0.0001%"').max_failures == Amount(0.0001, is_percent=True)


@pytest.mark.parametrize(
    ("key", "text", "says"),
    [
        ("MaxFailures", '"100.1%"', "from 0 on"),
        ("MaxFailures", "true", "from 0 on"),
        ("MaxFailures", '"2"', "from 0 on"),
        ("Canary", '"0.0009%"', "from 1 on"),
        ("Canary", "[1]", "from 1 on"),
    ],
)
def test_what_is_no_amount_is_refused(key: str, text: str, says: str) -> None:
    assert says in refused(definition(step(**{key: text}))).message


@pytest.mark.parametrize("text", ["0.9", "10.1", '"2"', "true", "nan"])
def test_what_is_no_backoff_is_refused(text: str) -> None:
    error = refused(definition(step(Retries="1", RetryBackoff=text)))
    assert "must be a number from 1 to 10" in error.message


def test_retries_at_the_edges_of_what_is_taken() -> None:
    assert read(Retries="1", RetryBackoff="1").retry == Retry(1, 0.0, 1.0)
    assert read(Retries="100", RetryBackoff="10", RetryDelay='"30d"').retry == Retry(
        100, limits.MAX_DURATION_SECONDS, 10.0
    )
    assert read(Retries="0").retry == Retry()
    assert "from 0 to 100" in refused(definition(step(Retries="-1"))).message
    assert "from 0 to 100" in refused(definition(step(Retries="true"))).message


@pytest.mark.parametrize(
    ("key", "value"), [("RetryDelay", '"1s"'), ("RetryBackoff", "2"), ("RetryOn", '["lost"]')]
)
def test_how_to_retry_needs_retries(key: str, value: str) -> None:
    assert read(Retries="1", **{key: value})
    for none in ({}, {"Retries": "0"}):
        error = refused(definition(step(**none, **{key: value})))
        assert (error.details["key"], "together" in error.message) == (f"step[1].{key}", True)


def test_a_state_to_retry_on_counts_once() -> None:
    found = read(Retries="1", RetryOn='["undelivered", "lost", "undelivered", "timed_out"]').retry
    assert found.on == (JobState.UNDELIVERED, JobState.LOST, JobState.TIMED_OUT)


def test_ninety_seconds_of_silence_are_the_least() -> None:
    assert read(LostAfter='"90s"').lost_after_seconds == 90
    assert "at least 90s" in refused(definition(step(LostAfter='"89.9s"'))).message


@pytest.mark.parametrize("shell", ["sh", "bash", "python3", "pwsh", "/bin/zsh"])
def test_a_script_runs_with_a_known_shell_or_one_with_a_path(shell: str) -> None:
    assert read(CMD="", Script='"x"', Shell=f'"{shell}"').shell == shell


def test_a_shell_has_a_path_of_4096_bytes_at_most() -> None:
    path = "/" + "x" * (limits.MAX_PATH_BYTES - 1)
    assert read(CMD="", Script='"x"', Shell=f'"{path}"').shell == path
    error = refused(definition(step(CMD="", Script='"x"', Shell=f'"{path}x"')))
    assert (error.details["key"], "4096 bytes" in error.message) == ("step[1].Shell", True)


@pytest.mark.parametrize("user", ["a", "_apt", "www-data", "Ann", "machine$", "u" * 32])
def test_names_of_users(user: str) -> None:
    assert read(User=f'"{user}"').user == user


@pytest.mark.parametrize("user", ["", "1a", "-a", "a$b", "a\u00e9", "u" * 33])
def test_what_is_no_name_of_a_user_is_refused(user: str) -> None:
    assert "no name of a user" in refused(definition(step(User=f'"{user}"'))).message


def test_labels_group_and_their_number_at_their_limits() -> None:
    key, value = "k" * MAX_LABEL_KEY_CHARACTERS, "v" * MAX_LABEL_VALUE_CHARACTERS
    assert for_a_fleet(f'{{ Labels = {{ {key} = "{value}" }} }}').labels == {key: value}
    assert for_a_fleet('{ Labels = { k = "" } }').labels == {"k": ""}
    group = "g" * MAX_GROUP_CHARACTERS
    assert for_a_fleet(f'{{ Group = "{group}" }}').group == group
    many = ", ".join(f'k{number} = "v"' for number in range(MAX_LABELS))
    assert len(for_a_fleet(f"{{ Labels = {{ {many} }} }}").labels) == MAX_LABELS
    error = refused(definition(step(ServerID="", Targets='{ Labels = { "" = "v" } }')))
    assert "1 to 63 characters" in error.message


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ("{ All = true }", Targets(everybody=True)),
        ("{ All = true, AllowEmpty = true }", Targets(everybody=True, allow_empty=True)),
        ('{ Labels = { a = "b" } }', Targets(labels={"a": "b"})),
        ('{ Group = "a" }', Targets(group="a")),
        ('{ Selector = "a", All = false }', Targets(selector="a")),
    ],
)
def test_agents_are_chosen_by_what_they_have_or_all_are(targets: str, expected: Targets) -> None:
    assert for_a_fleet(targets) == expected


@pytest.mark.parametrize(
    "targets",
    [
        "{ All = false }",
        '{ Group = "" }',
        '{ Selector = "a", All = true }',
        '{ Labels = { a = "b" }, All = true }',
        "{ AllowEmpty = true }",
    ],
)
def test_but_one_of_both(targets: str) -> None:
    error = refused(definition(step(ServerID="", Targets=targets)))
    assert "or else All = true" in error.message


def test_an_agent_is_named_once() -> None:
    assert read(ServerID=f'["{A}"]').targets == Targets((A,))
    assert read(ServerID=f'["{B}", "{A.upper()}"]').targets == Targets((B, A))
    error = refused(definition(step(ServerID=f'["{A}", "{B}", "{A.upper()}"]')))
    assert f"names the agent '{A}' twice" in error.message


@pytest.mark.parametrize("value", ["1", "{ a = 1 }", f'["{A}", 1]'])
def test_what_names_no_agents_is_refused(value: str) -> None:
    assert "id or name in quotes, or a list" in refused(definition(step(ServerID=value))).message


def test_an_error_names_its_step_by_number_and_name() -> None:
    assert (
        "line 6, step 1 ('build'), User:"
        in refused(definition(step(Name='"build"', User='"a b"'))).message
    )
    assert "step 1, Name:" in refused(definition(step(Name='" "'))).message
    assert "step 1, Name:" in refused(definition(step(Name="1"))).message


def test_a_step_has_a_name_of_128_printable_characters_at_most() -> None:
    assert read(Name=f'" {"n" * 128} "').name == "n" * 128
    for name in ("n" * 129, ""):
        assert "1 to 128 printable" in refused(definition(step(Name=f'"{name}"'))).message
    assert "has U+0009 in it" in refused(definition(step(Name='"a\\tb"'))).message
