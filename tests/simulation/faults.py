"""Faults at every AWS call: refused, done but unanswered, done twice, or the process dies."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, ConnectionClosedError

from chalicelib.aws.client import Client

READS = ("GetItem", "BatchGetItem", "Query")
KINDS = ("refused", "unanswered", "twice", "killed before", "killed after")


class Killed(BaseException):
    """The process died here. No handler can catch it."""


class Faults:
    """Decides for each AWS call whether it goes wrong, and how. `rate` is a share of the calls.

    `writes` counts the calls that may have changed something.
    """

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.rate = 0.0
        self.calls = 0
        self.made: Counter[str] = Counter()
        self.writes = 0

    def at(self, operation: str, call: Callable[[], Any]) -> Any:
        """One call."""
        self.calls += 1
        self.writes += operation not in READS
        if self.chance.random() >= self.rate:
            return call()
        kind = self.chance.choice(KINDS)
        self.made[kind] += 1
        if kind == "refused":
            error = {"Code": "ProvisionedThroughputExceededException", "Message": "simulated"}
            raise ClientError({"Error": error}, operation)  # type: ignore[typeddict-item]
        if kind == "killed before":
            raise Killed(operation)
        answer = call()
        if kind == "unanswered":
            raise ConnectionClosedError(endpoint_url="simulated")
        if kind == "killed after":
            raise Killed(operation)
        return call() if kind == "twice" else answer


@contextmanager
def installed(faults: Faults) -> Iterator[None]:
    """Puts every AWS call of this process through the faults."""
    with pytest.MonkeyPatch.context() as patch:
        for client, verb in ((Client, "send"), (BaseClient, "_make_api_call")):
            patch.setattr(client, verb, _through(faults, getattr(client, verb)))
        yield


def _through(faults: Faults, real: Callable[..., Any]) -> Callable[..., Any]:
    def call(client: Any, operation: str, *given: Any) -> Any:
        return faults.at(operation, lambda: real(client, operation, *given))

    return call
