"""How long a scheduled function goes on, and what becomes of what fails."""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from threading import Barrier

import pytest

from chalicelib.operations.shift import TAKES_UP, Shift, try_once

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def read(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def alone(clock: Clock, seconds: float = 60) -> Shift:
    return Shift(clock.read, NOON + timedelta(seconds=seconds), hands=1)


def batches(*found: list[str]) -> Callable[[datetime], list[str]]:
    left = iter(found)
    return lambda now: next(left, [])


def test_it_goes_on_until_nothing_is_found(clock: Clock) -> None:
    find = batches(["a", "b"], ["c"])
    assert alone(clock).work(find, lambda each, now: each.upper()) == ["A", "B", "C"]


def test_what_a_late_index_shows_again_is_not_seen_to_again(clock: Clock) -> None:
    find = batches(["a", "b"], ["b", "a", "c"], ["a", "b", "c"], ["never asked for"])
    assert alone(clock).work(find, lambda each, now: each) == ["a", "b", "c"]


def test_nothing_is_taken_up_when_the_time_is_nearly_up(clock: Clock) -> None:
    def takes_20_seconds(each: int, now: datetime) -> tuple[int, datetime]:
        clock.pass_by(20)
        return each, now

    done = alone(clock).work(lambda now: list(range(9)), takes_20_seconds)
    assert done == [(n, NOON + timedelta(seconds=20 * n)) for n in range(3)]
    assert alone(clock).work(lambda now: [1], takes_20_seconds) == []


def test_a_function_takes_up_work_for_the_greater_part_of_its_time(clock: Clock) -> None:
    shift = Shift.of(clock.read, left_ms=120_000)
    clock.pass_by(120 * TAKES_UP - 0.001)
    assert not shift.is_over
    clock.pass_by(0.001)
    assert shift.is_over


@pytest.mark.parametrize("hands", [1, 2])
def test_a_fault_of_one_keeps_no_other_waiting(
    clock: Clock, hands: int, caplog: pytest.LogCaptureFixture
) -> None:
    shift = Shift(clock.read, NOON + timedelta(minutes=1), hands)
    assert shift.work(batches([1, 0, 2]), lambda each, now: 2 // each) == [2, 1]  # type: ignore
    assert "0 is left to a later round" in caplog.text


def test_with_one_hand_what_ends_the_process_ends_it(clock: Clock) -> None:
    def dies(each: str, now: datetime) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        alone(clock).work(batches(["a"]), dies)


def test_several_are_seen_to_at_once(clock: Clock) -> None:
    both = Barrier(2, timeout=10)
    shift = Shift(clock.read, NOON + timedelta(minutes=1), hands=2)
    done = shift.work(batches(["a", "b"]), lambda each, now: both.wait() >= 0)
    assert done == [True, True]


# --- one try


def fails() -> str:
    raise ValueError("out of luck")


def test_a_try_that_goes_well_is_all(caplog: pytest.LogCaptureFixture) -> None:
    assert try_once("it", 5, lambda _: 5, lambda: "done", fail_to_give_up) == "done"
    assert caplog.text == ""


def fail_to_give_up(problem: str) -> str:
    raise AssertionError(problem)


def test_a_fault_is_raised_while_more_tries_are_allowed() -> None:
    with pytest.raises(ValueError, match="out of luck"):
        try_once("it", 4, lambda _: 5, fails, fail_to_give_up)


def test_the_last_try_that_fails_is_given_up_for_its_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert try_once("it", 5, lambda _: 5, fails, str) == "out of luck"
    assert "it is given up after 5 tries: out of luck" in caplog.text


def test_some_faults_are_allowed_fewer_tries() -> None:
    def allowed(error: Exception | None) -> int:
        return 2 if isinstance(error, ValueError) else 9

    assert try_once("it", 2, allowed, fails, str) == "out of luck"


def test_what_ended_each_of_its_handlers_is_not_tried_again() -> None:
    assert try_once("it", 6, lambda _: 5, fails, str) == "each try ended before its time"


def test_a_fault_without_a_word_is_called_by_its_name() -> None:
    def mute() -> str:
        raise TimeoutError

    assert try_once("it", 5, lambda _: 5, mute, str) == "TimeoutError"
