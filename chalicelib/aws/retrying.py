"""Which calls are made again, and when: botocore's standard mode, in which PynamoDB uses it.

The codes and figures are botocore's (`botocore.retries.standard`); a test compares them.
"""

import threading
from collections.abc import Mapping

THROTTLED_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
TRANSIENT_CODES = frozenset(
    {"PriorRequestNotComplete", "RequestTimeout", "RequestTimeoutException"}
)
TRANSIENT_STATUSES = frozenset({500, 502, 503, 504})
# Our clock is wrong, or the server's; its answer says what time it has.
SKEWED_CODES = frozenset(
    {"InvalidSignatureException", "RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"}
)
EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException"})

MOST_SECONDS = 20.0
THROTTLED_SECONDS = 1.0
RETRY_AFTER = "x-amz-retry-after"  # milliseconds
RETRY_AFTER_SECONDS = 5.0  # the most that it adds


def is_throttled(status: int, code: str) -> bool:
    """Whether the server refused a call because there were too many."""
    return code in THROTTLED_CODES or status == 429


def is_transient(status: int, code: str) -> bool:
    """Whether the server failed in a way that need not last."""
    return status in TRANSIENT_STATUSES or code in TRANSIENT_CODES


def pause_seconds(
    attempt: int,
    first_seconds: float,
    chance: float,
    headers: Mapping[str, str] | None = None,
) -> float:
    """How long to wait after an attempt (the first is 1): a random part of what doubles each time.

    `first_seconds` is the scale of the first pause, `chance` is in [0, 1). What the server asks
    for in a header is obeyed, within bounds.
    """
    drawn = chance * min(first_seconds * 2.0 ** (attempt - 1), MOST_SECONDS)
    asked = (headers or {}).get(RETRY_AFTER, "")
    if not asked.isdigit():
        return drawn
    return max(drawn, min(int(asked) / 1_000, drawn + RETRY_AFTER_SECONDS))


class Quota:
    """How many further attempts all calls together have left. Where a server is down for long,
    repeating every call would triple the load and help nobody."""

    CAPACITY = 500
    COST = 14
    COST_OF_THROTTLED = 5
    GIVEN_BACK = 1  # by a call that succeeded at once

    def __init__(self) -> None:
        self._left = self.CAPACITY
        self._lock = threading.Lock()

    def take(self, cost: int) -> bool:
        """Whether there is so much left; it is taken then."""
        with self._lock:
            if cost > self._left:
                return False
            self._left -= cost
            return True

    def give_back(self, cost: int | None) -> None:
        """After a call that succeeded: what its last further attempt took, or a little."""
        if self._left != self.CAPACITY:
            with self._lock:
                self._left = min(self.CAPACITY, self._left + (cost or self.GIVEN_BACK))
