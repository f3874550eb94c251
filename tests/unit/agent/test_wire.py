"""Retrying: who is asked again, and how long it is waited."""

import threading

import pytest

from plumber_agent.machine.wire import Backoff, Refused, Unreachable, until_done


def test_waits_double_up_to_a_ceiling_and_begin_anew() -> None:
    backoff = Backoff(longest=4)
    waits = [backoff.next() for _ in range(20)]
    assert 0.25 <= waits[0] <= 0.5
    assert all(wait <= 4 for wait in waits)
    assert min(waits[5:]) >= 2
    backoff.reset()
    assert backoff.next() <= 0.5


def test_work_is_repeated_until_it_is_done() -> None:
    stop = threading.Event()
    answers = [Unreachable("away"), "done"]

    def work() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    assert until_done(work, stop) == "done"


def test_what_no_repetition_mends_is_raised_at_once() -> None:
    def work() -> None:
        raise Refused(-32003, "old lease")

    with pytest.raises(Refused, match="old lease"):
        until_done(work, threading.Event())


def test_a_stop_ends_the_repetitions() -> None:
    stop = threading.Event()
    stop.set()

    def work() -> None:
        raise Unreachable("away")

    assert until_done(work, stop) is None
