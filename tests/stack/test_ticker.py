"""The ticker calls what app.py schedules."""

import importlib
import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from threading import Event

import pytest
from chalice.app import Chalice, CloudWatchEvent, Rate

from chalicelib.operations.shift import Shift
from infra.local.ticker import Invocations, call, scheduled, start, tick

NOW = datetime(2026, 1, 1, 12, 30, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)


def app_with(calls: list[str]) -> Chalice:
    app = Chalice(app_name="ticked")

    @app.schedule(Rate(1, unit=Rate.MINUTES))
    def fails(event: CloudWatchEvent) -> None:
        raise RuntimeError("out of luck")

    @app.schedule(Rate(1, unit=Rate.HOURS))
    def works(event: CloudWatchEvent) -> None:
        calls.append(event.time)

    return app


def test_every_scheduled_function_has_its_turn_though_one_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls: list[str] = []
    with caplog.at_level(logging.ERROR):
        tick(app_with(calls), NOW)
    assert calls == ["2026-01-01T12:30:00Z"]
    assert "The scheduled function fails failed." in caplog.text


def test_one_that_takes_long_keeps_no_other_waiting() -> None:
    app, ended, is_held, has_worked = app_with([]), Event(), Event(), Event()

    @app.schedule(Rate(1, unit=Rate.MINUTES))
    def holds(event: CloudWatchEvent) -> None:
        is_held.set()
        assert has_worked.wait(10)

    @app.schedule(Rate(1, unit=Rate.MINUTES))
    def follows(event: CloudWatchEvent) -> None:
        assert is_held.wait(10)
        has_worked.set()

    threads = start(app, 0.01, ended)
    assert has_worked.wait(10)
    ended.set()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def test_a_function_is_told_how_much_of_its_time_is_left() -> None:
    app, left = app_with([]), list[int]()

    @app.schedule(Rate(1, unit=Rate.MINUTES))
    def asks(event: CloudWatchEvent) -> None:
        left.append(event.context.get_remaining_time_in_millis())

    call(app, "asks", NOW, timedelta(seconds=120))
    assert 119_000 < left[0] <= 120_000


class Hanging:
    """Calls as processes that never end by themselves."""

    def __init__(self) -> None:
        self.made: list[tuple[str, subprocess.Popen[bytes]]] = []

    def spawn(self, name: str, time_out: timedelta) -> "subprocess.Popen[bytes]":
        program = [sys.executable, "-c", "import signal; signal.pause()"]
        self.made.append((name, subprocess.Popen(program)))
        return self.made[-1][1]

    def states(self) -> list[tuple[str, int | None]]:
        return [(name, process.poll()) for name, process in self.made]


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    made = Hanging()
    yield made
    for _, process in made.made:
        process.kill()
        process.wait()


def test_as_on_aws_calls_overlap_up_to_a_limit_and_are_killed_at_their_time_out(
    hanging: Hanging,
) -> None:
    calls = Invocations(hanging.spawn, {"slow": 150 * SECOND, "quick": 30 * SECOND})
    calls.begin(NOW)
    calls.end_overdue(NOW + 29 * SECOND)
    assert hanging.states() == [("slow", None), ("quick", None)]
    calls.begin(NOW + 60 * SECOND)
    assert hanging.states() == [("slow", None), ("quick", -9), ("slow", None), ("quick", None)]
    calls.begin(NOW + 120 * SECOND)
    assert hanging.states()[4:] == [("quick", None)], "two slow ones are as many as there may be"
    calls.begin(NOW + 180 * SECOND)
    slow = [state for name, state in hanging.states() if name == "slow"]
    assert slow == [-9, None, None]
    calls.end()
    assert {state for _, state in hanging.states()} == {-9}


def test_a_call_that_ends_makes_room(hanging: Hanging) -> None:
    calls = Invocations(hanging.spawn, {"one": 150 * SECOND})
    for minute in range(4):
        calls.begin(NOW + minute * SECOND)
        _, process = hanging.made[-1]
        process.terminate()
        process.wait()
    assert len(hanging.made) == 4


def test_sweeper_schedules_and_compaction_are_functions_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    product = importlib.import_module("app")
    fired: list[Shift] = []

    def takes_forever(*_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr("chalicelib.operations.runs.sweep.sweep", takes_forever)
    monkeypatch.setattr("chalicelib.operations.logs.compaction.compact_due", takes_forever)
    monkeypatch.setattr("chalicelib.operations.tasks.schedules.fire_due", fired.append)
    assert scheduled(product.app) == ["sweep", "fire", "compact"]
    tick(product.app, NOW)
    assert len(fired) == 1
    assert not fired[0].is_over


def test_routes_are_not_ticked() -> None:
    app = app_with([])
    app.route("/")(lambda: {})
    assert scheduled(app) == ["fails", "works"]
