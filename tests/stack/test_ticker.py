"""The ticker calls what app.py schedules."""

import logging
from datetime import datetime, timezone

import pytest
from chalice.app import Chalice, CloudWatchEvent, Rate

from infra.local.ticker import scheduled, tick

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


def test_routes_are_not_ticked() -> None:
    app = app_with([])
    app.route("/")(lambda: {})
    assert scheduled(app) == ["fails", "works"]
