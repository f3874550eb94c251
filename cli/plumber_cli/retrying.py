"""The one judge of retrying: which failures may pass, how often to try, how long to wait."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import requests

FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 0.3, 5.0
PASSING_STATUSES = (429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Patience:
    """How often a call is tried. `notice` is called once, before the third attempt."""

    attempts: int
    notice: Callable[[], None] | None = None

    def delay_seconds(self, failures: int, chance: Callable[[], float] = random.random) -> float:
        """The wait after so many failures: twice as long each time, shortened by up to a half.

        None of many clients that lost the same server comes back in step with the others.
        """
        longest = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0 ** (failures - 1))
        return longest * (1 - chance() / 2)


ONCE = Patience(1)
SHORT = Patience(4)  # about 2 s


def waiting(notice: Callable[[], None]) -> Patience:
    """While a run goes on, a control plane that restarts is waited for: about a minute."""
    return Patience(18, notice)


def may_pass(failure: requests.RequestException | requests.Response) -> bool:
    """Whether the same call could succeed a moment later."""
    if isinstance(failure, requests.Response):
        return failure.status_code in PASSING_STATUSES
    if isinstance(failure, requests.exceptions.SSLError):
        return False  # a certificate does not mend itself
    passing = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    return isinstance(failure, passing)
