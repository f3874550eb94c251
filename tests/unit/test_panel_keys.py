"""The panel's table of a task's keys says what the control plane takes."""

import json
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from chalicelib.runs.job import JobState
from chalicelib.tasks import task as limits
from chalicelib.tasks.param import ParamType
from chalicelib.tasks.step_toml import SHELLS, STEP_KEYS, TARGET_KEYS
from chalicelib.tasks.task import RETRYABLE, Concurrency, Retry, When
from chalicelib.tasks.task_toml import PARAM_KEYS, TASK_KEYS, parse
from chalicelib.tasks.toml_table import InvalidDefinition

TABLE = Path(__file__).parents[2] / "frontend/src/rules/tasks/keys.json"
KEYS: Mapping[str, Mapping[str, Mapping[str, Any]]] = json.loads(TABLE.read_text())
STEP = '[[step]]\nTargets = { All = true }\nCMD = "true"\n'
# What a key needs beside it to be right.
BESIDE = {
    "Shell": 'Script = "true"',
    "RetryDelay": "Retries = 1",
    "RetryBackoff": "Retries = 1",
    "RetryOn": "Retries = 1",
}
WRITTEN = [
    (key, str(about[which]))
    for key, about in KEYS["step"].items()
    for which in ("example", "default")
    if which in about and key not in ("Targets", "CMD")
]


@pytest.mark.parametrize(
    ("name", "known"),
    [("task", TASK_KEYS), ("param", PARAM_KEYS), ("step", STEP_KEYS), ("targets", TARGET_KEYS)],
)
def test_it_has_the_keys_in_their_order(name: str, known: tuple[str, ...]) -> None:
    assert tuple(KEYS[name]) == known


def _words(kind: type[Enum]) -> list[str]:
    return [each.value for each in kind]


def test_it_has_the_words_of_every_choice() -> None:
    choices = {
        (name, key): about["choices"]
        for name, keys in KEYS.items()
        for key, about in keys.items()
        if "choices" in about
    }
    assert choices == {
        ("task", "Concurrency"): _words(Concurrency),
        ("param", "Type"): _words(ParamType),
        ("step", "Shell"): list(SHELLS),
        ("step", "RetryOn"): [state.value for state in RETRYABLE],
        ("step", "When"): _words(When),
    }


def test_what_it_calls_the_default_is_what_counts_without_the_key() -> None:
    step = parse(f'Name = "x"\n{STEP}').steps[0]
    assert step.deliver_within_seconds == limits.DELIVER_WITHIN_SECONDS == 60
    assert step.lost_after_seconds == limits.LOST_AFTER_SECONDS == 300
    assert (KEYS["step"]["DeliverWithin"]["default"], KEYS["step"]["LostAfter"]["default"]) == (
        "1m",
        "5m",
    )
    assert [JobState(each) for each in KEYS["step"]["RetryOn"]["defaults"]] == list(Retry().on)
    assert step.when.value == KEYS["step"]["When"]["default"]
    assert (step.retry.times, step.retry.backoff) == (0, 1.0)


@pytest.mark.parametrize(("key", "text"), WRITTEN)
def test_its_examples_are_right(key: str, text: str) -> None:
    kind = KEYS["step"][key]["kind"]
    is_bare = kind in ("integer", "number", "table") or (kind == "amount" and text.isdigit())
    value = text if is_bare else json.dumps(text)
    if kind in ("texts", "choices"):
        value = f"[{value}]"
    step = STEP if "Script" not in BESIDE.get(key, "") else STEP.replace('CMD = "true"\n', "")
    try:
        parse(f'Name = "x"\n{step}{BESIDE.get(key, "")}\n{key} = {value}\n')
    except InvalidDefinition as error:
        pytest.fail(error.message)
