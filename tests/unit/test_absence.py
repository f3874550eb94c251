"""When an agent was away."""

from datetime import datetime, timedelta, timezone

from chalicelib.agents.absence import KEPT, Absence, back, gone, is_away

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


def test_an_absence_lasts_until_the_agent_is_back() -> None:
    away = gone((), NOW)
    assert is_away(away)
    assert back(away, NOW + HOUR) == (Absence(NOW, NOW + HOUR),)
    assert not is_away(back(away, NOW + HOUR))


def test_who_is_back_is_not_back_again() -> None:
    ended = back(gone((), NOW), NOW + HOUR)
    assert back(ended, NOW + 2 * HOUR) == ended
    assert back((), NOW) == ()


def test_only_the_last_absences_are_kept() -> None:
    absences: tuple[Absence, ...] = ()
    for hours in range(KEPT + 2):
        absences = back(gone(absences, NOW + hours * HOUR), NOW + hours * HOUR + HOUR / 2)
    assert len(absences) == KEPT
    assert absences[0].since == NOW + 2 * HOUR
