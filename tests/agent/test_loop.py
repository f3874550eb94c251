"""The loop: one thread, everything in turn."""

import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

from plumber_agent.machine.loop import Loop

SECONDS = 20


class Run:
    """A loop that runs until something has been noted often enough."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.noted: list[object] = []

    def note(self, what: object) -> Callable[[], None]:
        return lambda: self.noted.append(what)

    def until(self, count: int) -> list[object]:
        deadline = time.monotonic() + SECONDS
        self.loop.later(SECONDS, lambda: None)
        self.loop.run(lambda: len(self.noted) >= count or time.monotonic() > deadline)
        return self.noted


@pytest.fixture
def run() -> Run:
    return Run()


def test_what_other_threads_post_is_done_in_their_order_and_wakes_it(run: Run) -> None:
    def post() -> None:
        for number in range(5):
            run.loop.post(run.note(number))

    threading.Timer(0.05, post).start()
    assert run.until(5) == list(range(5))


def test_timers_are_done_in_the_order_of_their_moments_unless_cancelled(run: Run) -> None:
    run.loop.later(0.04, run.note("late"))
    run.loop.later(0.03, run.note("never")).cancel()
    run.loop.later(0.02, run.note("soon"))
    run.loop.later(0.02, run.note("as soon"))
    assert run.until(3) == ["soon", "as soon", "late"]


def test_a_descriptor_is_watched_until_it_is_not(run: Run) -> None:
    reading, writing = os.pipe()

    def read() -> None:
        run.noted.append(os.read(reading, 10))

    run.loop.watch(reading, read)
    os.write(writing, b"a")
    assert run.until(1) == [b"a"]
    run.loop.unwatch(reading)
    os.write(writing, b"b")
    run.loop.later(0.02, run.note("silence"))
    assert run.until(2) == [b"a", "silence"]
    os.close(reading)
    os.close(writing)


def test_what_fails_does_not_end_it(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ValueError("odd")

    run.loop.post(fail)
    run.loop.later(0.0, fail)
    run.loop.post(run.note("on"))
    assert run.until(1) == ["on"]
    assert caplog.text.count("ValueError: odd") == 2


def test_who_posts_all_the_time_keeps_nobody_from_their_turn(run: Run) -> None:
    def again() -> None:
        run.loop.post(again)

    again()
    run.loop.later(0.01, run.note("in time"))
    assert run.until(1) == ["in time"]


def test_a_signal_handler_may_post(run: Run) -> None:
    before = signal.signal(signal.SIGUSR1, lambda *_: run.loop.post(run.note("signal")))
    try:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        assert run.until(1) == ["signal"]
    finally:
        signal.signal(signal.SIGUSR1, before)
