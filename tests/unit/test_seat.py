"""The seat of an agent's identity."""

from datetime import datetime, timedelta, timezone

from chalicelib.agents.seat import SHOWN, SecondProcess, polls_until, seat_until, shown

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def test_polls_go_without_a_look_for_two_thirds_of_the_seat() -> None:
    assert seat_until(NOW, 90) == NOW + timedelta(seconds=90)
    assert polls_until(NOW, 90) == NOW + timedelta(seconds=60)


def test_a_refusal_is_shown_for_a_day() -> None:
    refused = SecondProcess("clone", "10.0.0.8", NOW)
    assert shown(refused, NOW + SHOWN) == refused
    assert shown(refused, NOW + SHOWN + timedelta(microseconds=1)) is None
    assert shown(None, NOW) is None
