"""A task's amounts, retries and secrets."""

from datetime import datetime, timezone

import pytest

from chalicelib.access.by import INSTALLATION
from chalicelib.runs.job import JobState
from chalicelib.tasks.param import Param
from chalicelib.tasks.target import Targets
from chalicelib.tasks.task import (
    MAX_DURATION_SECONDS,
    Amount,
    Definition,
    Retry,
    Step,
    StoredTask,
    agent_ids,
)


@pytest.mark.parametrize(
    ("amount", "total", "at_least", "expected"),
    [
        (Amount(3), 10, 1, 3),
        (Amount(3), 2, 1, 2),
        (Amount(0), 10, 0, 0),
        (Amount(0), 10, 1, 1),
        (Amount(10, is_percent=True), 30, 1, 3),
        (Amount(10, is_percent=True), 29, 1, 2),
        (Amount(1, is_percent=True), 30, 0, 0),
        (Amount(1, is_percent=True), 30, 1, 1),
        (Amount(100, is_percent=True), 30, 1, 30),
        (Amount(65.1, is_percent=True), 4_000, 1, 2_604),  # 2603.9999999999995 in binary
    ],
)
def test_an_amount_is_rounded_down_and_is_never_more_than_all(
    amount: Amount, total: int, at_least: int, expected: int
) -> None:
    assert amount.of(total, at_least=at_least) == expected


def test_an_amount_is_written_as_it_was_read() -> None:
    assert [str(Amount(3)), str(Amount(2.5, is_percent=True))] == ["3", "2.5%"]


@pytest.mark.parametrize(
    ("state", "attempt", "applies"),
    [
        (JobState.FAILED, 1, True),
        (JobState.FAILED, 2, True),
        (JobState.FAILED, 3, False),
        (JobState.LOST, 1, False),
        (JobState.SUCCEEDED, 1, False),
    ],
)
def test_so_many_attempts_follow_that_ended_in_such_a_state(
    state: JobState, attempt: int, applies: bool
) -> None:
    assert Retry(times=2, on=(JobState.FAILED,)).applies(state, attempt) is applies


def test_a_step_is_not_tried_again_unless_it_says_so() -> None:
    assert not any(Retry().applies(state, 1) for state in JobState)


def test_the_wait_for_an_attempt_has_an_end() -> None:
    assert Retry(100, 10, 10).wait_seconds(100) == MAX_DURATION_SECONDS


def test_a_definition_knows_its_secrets_and_the_agents_that_it_names() -> None:
    steps = (
        Step(1, "one", Targets(("a", "b")), command="true"),
        Step(2, "two", Targets(("b", "c")), command="true"),
        Step(3, "three", Targets(everybody=True), command="true"),
    )
    it = Definition("t", steps, params=(Param("token", secret=True), Param("stage")))
    assert it.secrets == ("token",)
    assert agent_ids(it) == {"a", "b", "c"}


def test_a_task_is_no_template_unless_it_says_so() -> None:
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    assert not Definition("t", ()).is_template
    assert not StoredTask("T", "t", 1, 1, now, now, INSTALLATION).is_template
