"""Waves: how many at once, and when they close."""

from typing import Any

import pytest

from chalicelib.runs.wave import Gate, Wave, max_failures, wave_of, waves
from chalicelib.tasks.target import Targets
from chalicelib.tasks.task import Amount, Retry, Step


def of(size: int, **policy: Any) -> tuple[Wave, ...]:
    return waves(Step(1, "s", Targets(everybody=True), command="true", **policy), size)


def percent(number: float) -> Amount:
    return Amount(number, is_percent=True)


def test_without_limits_there_is_one_wave_that_never_closes() -> None:
    assert of(5) == (Wave(1, 0, 5, 5, None),)
    assert of(0) == ()


@pytest.mark.parametrize(
    ("size", "amount", "slots"),
    [
        (300, percent(10), 30),
        (9, percent(10), 1),
        (19, percent(10), 1),
        (5, Amount(9), 5),
        (3, percent(100), 3),
    ],
)
def test_percentages_are_rounded_down_to_at_least_one(
    size: int, amount: Amount, slots: int
) -> None:
    assert of(size, max_parallel=amount)[0].slots == slots


def test_a_share_of_failures_may_be_none() -> None:
    assert of(9, max_failures=percent(10))[0].max_failures == 0
    assert of(10, max_failures=percent(10))[0].max_failures == 1
    assert of(10, max_failures=percent(1), max_parallel=percent(1))[0] == Wave(1, 0, 10, 1, 0)


@pytest.mark.parametrize(
    "policy", [{"max_parallel": Amount(2)}, {"canary": Amount(2)}, {"max_failures": Amount(0)}]
)
def test_a_step_with_any_limit_closes_at_its_first_failure(policy: dict[str, Amount]) -> None:
    step = Step(1, "s", Targets(everybody=True), command="true", **policy)  # type: ignore[arg-type]
    last = waves(step, 5)[-1]
    assert last.max_failures == max_failures(step, 5) == 0
    assert [last.is_closed(failures) for failures in (0, 1)] == [False, True]


def test_a_wave_closes_at_one_failure_more_than_it_may_have() -> None:
    assert [Wave(1, 0, 5, 5, 2).is_closed(failures) for failures in (2, 3)] == [False, True]
    assert not Wave(1, 0, 5, 5, None).is_closed(5)


def test_a_share_of_canaries_is_one_at_least() -> None:
    assert of(10, canary=percent(1))[0] == Wave(0, 0, 1, 1, 0)


def test_canaries_are_a_wave_of_their_own_and_none_may_fail() -> None:
    canary, rest = of(10, canary=Amount(3), max_parallel=Amount(2), max_failures=Amount(4))
    assert canary == Wave(0, 0, 3, 2, 0)
    assert rest == Wave(1, 3, 10, 2, 4)
    assert len(of(2, canary=Amount(3))) == 1
    assert of(10, canary=Amount(3))[1].slots == 7, "as many as there are left"
    assert (canary.size, rest.size) == (3, 7)
    assert [rest.holds(index) for index in (2, 3, 9, 10)] == [False, True, True, False]


@pytest.mark.parametrize(("slots", "is_rolling"), [(1, True), (4, True), (5, False)])
def test_a_wave_with_fewer_slots_than_jobs_rolls(slots: int, is_rolling: bool) -> None:
    (wave,) = of(5, max_parallel=Amount(slots))
    assert wave.is_rolling is is_rolling
    assert list(wave.initial) == list(range(slots))


def test_a_gate_that_nobody_has_passed_has_counted_nothing() -> None:
    assert Gate() == Gate(granted=0, failures=0, ended={})


def test_successors_follow_the_first_jobs() -> None:
    (wave,) = of(5, max_parallel=Amount(2))
    assert [wave.nth_successor(number) for number in (1, 2, 3, 4)] == [2, 3, 4, 5]
    assert [wave.holds(index) for index in (None, 4, 5)] == [False, True, False]


def test_a_job_belongs_to_a_wave() -> None:
    step = Step(1, "s", Targets(everybody=True), command="true", canary=Amount(2))
    assert [wave_of(step, 5, index).number for index in (1, 2)] == [0, 1]


def test_retries_wait_longer_each_time() -> None:
    retry = Retry(3, delay_seconds=10, backoff=2)
    assert [retry.wait_seconds(attempt) for attempt in (1, 2, 3)] == [10, 20, 40]
