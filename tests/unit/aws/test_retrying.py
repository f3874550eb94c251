"""Our judge of retrying beside botocore's own tables."""

import pytest
from botocore.retries.quota import RetryQuota
from botocore.retries.standard import (
    ExponentialBackoff,
    RetryQuotaChecker,
    ThrottledRetryableChecker,
    ThrottlingStatusCodeChecker,
    TransientRetryableChecker,
)

from chalicelib.aws import retrying
from chalicelib.aws.retrying import Quota, pause_seconds


def test_codes_and_figures_are_botocores() -> None:
    assert set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES) == retrying.THROTTLED_CODES
    assert set(TransientRetryableChecker._TRANSIENT_ERROR_CODES) == retrying.TRANSIENT_CODES
    assert set(TransientRetryableChecker._TRANSIENT_STATUS_CODES) == retrying.TRANSIENT_STATUSES
    assert ThrottlingStatusCodeChecker._THROTTLING_STATUS_CODES == [429]
    assert ExponentialBackoff._MAX_BACKOFF == retrying.MOST_SECONDS
    assert ExponentialBackoff._RETRY_AFTER_MAX_ADDITIONAL == retrying.RETRY_AFTER_SECONDS
    assert ExponentialBackoff._RETRY_AFTER_HEADER == retrying.RETRY_AFTER
    assert RetryQuota.INITIAL_CAPACITY == Quota.CAPACITY
    assert RetryQuotaChecker._RETRY_COST == Quota.COST
    assert RetryQuotaChecker._THROTTLING_RETRY_COST == Quota.COST_OF_THROTTLED
    assert RetryQuotaChecker._NO_RETRY_INCREMENT == Quota.GIVEN_BACK


@pytest.mark.parametrize(
    ("status", "code", "throttled", "transient"),
    [
        (400, "ProvisionedThroughputExceededException", True, False),
        (429, "", True, False),
        (500, "InternalServerError", False, True),
        (503, "", False, True),
        (400, "RequestTimeout", False, True),
        (400, "ConditionalCheckFailedException", False, False),
        (400, "ValidationException", False, False),
    ],
)
def test_faults_are_told_apart(status: int, code: str, throttled: bool, transient: bool) -> None:
    assert retrying.is_throttled(status, code) is throttled
    assert retrying.is_transient(status, code) is transient


def test_pauses_double_up_to_a_bound_and_are_drawn() -> None:
    assert [pause_seconds(n, 0.025, 1.0) for n in (1, 2, 3)] == [0.025, 0.05, 0.1]
    assert pause_seconds(30, 1.0, 1.0) == retrying.MOST_SECONDS
    assert pause_seconds(3, 1.0, 0.0) == 0.0
    assert pause_seconds(3, 1.0, 0.25) == 1.0


@pytest.mark.parametrize(
    ("header", "expected"), [("2000", 2.0), ("60000", 5.5), ("100", 0.5), ("soon", 0.5), ("", 0.5)]
)
def test_a_server_may_ask_for_a_longer_pause(header: str, expected: float) -> None:
    assert pause_seconds(1, 1.0, 0.5, {"x-amz-retry-after": header}) == expected


def test_a_quota_is_used_up_and_filled_by_what_succeeds() -> None:
    quota = Quota()
    taken = 0
    while quota.take(Quota.COST):
        taken += 1
    assert taken == Quota.CAPACITY // Quota.COST
    quota.give_back(Quota.COST)
    assert quota.take(Quota.COST)
    quota.give_back(None)
    left = Quota.CAPACITY % Quota.COST + Quota.GIVEN_BACK
    assert not quota.take(left + 1)
    assert quota.take(left)


def test_a_quota_never_holds_more_than_at_first() -> None:
    quota = Quota()
    quota.take(1)
    quota.give_back(Quota.COST)
    assert not quota.take(Quota.CAPACITY + 1)
    assert quota.take(Quota.CAPACITY)
