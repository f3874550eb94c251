"""The ticker calls what app.py schedules."""

import importlib
import logging
from datetime import datetime, timezone
from threading import Event

import pytest
from chalice.app import Chalice, CloudWatchEvent, Rate

from infra.local.ticker import scheduled, start, tick

NOW = datetime(2026, 1, 1, 12, 30, tzinfo=timezone.utc)


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


def test_sweeper_schedules_and_compaction_are_functions_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    product = importlib.import_module("app")
    fired: list[datetime] = []

    def takes_forever(*_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr("chalicelib.operations.runs.sweep.sweep", takes_forever)
    monkeypatch.setattr("chalicelib.operations.logs.compaction.compact_due", takes_forever)
    monkeypatch.setattr("chalicelib.operations.tasks.schedules.fire_due", fired.append)
    assert scheduled(product.app) == ["sweep", "fire", "compact"]
    tick(product.app, NOW)
    assert len(fired) == 1


def test_routes_are_not_ticked() -> None:
    app = app_with([])
    app.route("/")(lambda: {})
    assert scheduled(app) == ["fails", "works"]
