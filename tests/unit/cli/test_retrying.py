"""Which calls are repeated, and when."""

import pytest
import requests

from plumber_cli.retrying import LONGEST_DELAY_SECONDS, SHORT, may_pass, waiting


def test_waits_double_up_to_a_limit_and_are_shortened_by_chance() -> None:
    longest = [SHORT.delay_seconds(failures, chance=lambda: 0.0) for failures in (1, 2, 3, 30)]
    assert longest == [0.3, 0.6, 1.2, LONGEST_DELAY_SECONDS]
    assert SHORT.delay_seconds(1, chance=lambda: 1.0) == 0.15


def test_a_restart_of_about_a_minute_is_waited_for() -> None:
    patience = waiting(lambda: None)
    waits = [patience.delay_seconds(n, chance=lambda: 0.5) for n in range(1, patience.attempts)]
    assert 45 <= sum(waits) <= 75


@pytest.mark.parametrize(
    ("status", "passes"), [(503, True), (429, True), (404, False), (200, False)]
)
def test_answers_that_may_pass(status: int, passes: bool) -> None:
    response = requests.Response()
    response.status_code = status
    assert may_pass(response) is passes


def test_a_bad_certificate_does_not_mend_itself() -> None:
    assert may_pass(requests.ConnectionError())
    assert may_pass(requests.Timeout())
    assert not may_pass(requests.exceptions.SSLError())
