"""How often agents call."""

import pytest

from chalicelib.agents.cadence import Cadence, Doorbell

DEFAULT = Cadence(
    heartbeat_seconds=30, ttl_seconds=90, idle_heartbeat_seconds=300, poll_idle_seconds=5.0
)
TEN_MINUTES_MS = 600_000
A_DAY_MS = 86_400_000


def poll(idle_ms: int, doorbell: Doorbell | None, **more: object) -> int:
    given = {"is_active": False, "due_in_ms": None, **more}
    return DEFAULT.next_poll_ms(idle_ms, doorbell, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("doorbell", [None, Doorbell.NONE, Doorbell.GONE])
@pytest.mark.parametrize(
    ("idle_ms", "is_active", "milliseconds"),
    [
        (0, False, 500),
        (0, True, 500),
        (A_DAY_MS, True, 500),
        (20_000, False, 2_000),
        (A_DAY_MS, False, 5_000),
    ],
)
def test_without_a_doorbell_polls_are_frequent_after_activity_and_back_off(
    doorbell: Doorbell | None, idle_ms: int, is_active: bool, milliseconds: int
) -> None:
    assert poll(idle_ms, doorbell, is_active=is_active) == milliseconds


def test_the_idle_interval_may_be_shorter_than_the_busy_one() -> None:
    quick = Cadence(30, 90, 300, poll_idle_seconds=0.2)
    for idle_ms, is_active in ((0, False), (0, True), (A_DAY_MS, False)):
        assert quick.next_poll_ms(idle_ms, None, is_active=is_active, due_in_ms=None) == 200


@pytest.mark.parametrize("doorbell", [Doorbell.LISTENING, Doorbell.LAPSING])
def test_who_listens_polls_with_its_heartbeats(doorbell: Doorbell) -> None:
    assert poll(0, doorbell, is_active=True) == 30_000
    assert poll(TEN_MINUTES_MS - 1, doorbell) == 30_000
    assert poll(TEN_MINUTES_MS, doorbell) == 300_000


def test_who_listens_polls_when_a_retry_is_due() -> None:
    assert poll(0, Doorbell.LISTENING, is_active=True, due_in_ms=1_200) == 1_200
    assert poll(0, Doorbell.LISTENING, is_active=True, due_in_ms=1) == 1
    assert poll(0, Doorbell.LISTENING, is_active=True, due_in_ms=0) == 1, "never at once for ever"
    assert poll(0, Doorbell.LISTENING, is_active=True, due_in_ms=90_000) == 30_000


@pytest.mark.parametrize(
    ("idle_ms", "doorbell", "seconds"),
    [
        (0, Doorbell.LISTENING, 30),
        (TEN_MINUTES_MS - 1, Doorbell.LISTENING, 30),
        (TEN_MINUTES_MS, Doorbell.LISTENING, 300),
        (TEN_MINUTES_MS, Doorbell.NONE, 30),
        (A_DAY_MS, None, 30),
    ],
)
def test_who_has_long_been_idle_and_listens_beats_seldom(
    idle_ms: int, doorbell: Doorbell | None, seconds: int
) -> None:
    assert DEFAULT.next_heartbeat_seconds(idle_ms, doorbell) == seconds


def test_an_idle_heartbeat_is_never_more_frequent_than_the_others() -> None:
    odd = Cadence(30, 90, idle_heartbeat_seconds=5, poll_idle_seconds=5.0)
    assert odd.next_heartbeat_seconds(A_DAY_MS, Doorbell.LISTENING) == 30


@pytest.mark.parametrize(("beats", "seconds"), [(30, 90), (10, 90), (300, 900)])
def test_three_missed_heartbeats_are_silence_but_never_before_the_ttl(
    beats: int, seconds: int
) -> None:
    assert DEFAULT.patience_seconds(beats) == seconds
