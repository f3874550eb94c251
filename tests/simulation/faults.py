"""Faults at every AWS call: refused, done but unanswered, done twice, or the process dies. The seam
at which handlers pass each other, and at which indexes are late."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, ConnectionClosedError

from chalicelib.aws.client import Client
from tests.simulation.baton import Baton
from tests.simulation.late import LateIndexes

READS = ("GetItem", "BatchGetItem", "Query")
KINDS = ("refused", "unanswered", "twice", "killed before", "killed after")


class Killed(BaseException):
    """The process died here. No handler can catch it."""


class Faults:
    """Decides for each AWS call whether it goes wrong, and how. `rate` is a share of the calls.

    `writes` counts the calls that may have changed something.
    """

    def __init__(self, chance: Random, baton: Baton) -> None:
        self.chance = chance
        self.baton = baton
        self.rate = 0.0
        self.calls = 0
        self.made: Counter[str] = Counter()
        self.writes = 0
        self._is_apart = False

    @contextmanager
    def apart(self) -> Iterator[None]:
        """What is not a part of the world: no faults, and nobody else goes on meanwhile."""
        was, self._is_apart = self._is_apart, True
        try:
            yield
        finally:
            self._is_apart = was

    def at(self, operation: str, call: Callable[[], Any]) -> Any:
        """One call."""
        if self._is_apart:
            self.writes += operation not in READS
            return call()
        self.baton.offer()
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
        if kind == "twice":
            self.baton.offer()  # the repetition may come late
            return call()
        return answer


@contextmanager
def installed(faults: Faults, late: LateIndexes) -> Iterator[None]:
    """Puts every AWS call of this process through the faults, and DynamoDB's through the indexes'
    lateness too."""
    send, call = Client.send, BaseClient._make_api_call  # type: ignore[attr-defined]

    def sent(client: Client, operation: str, body: bytes, *given: Any) -> Any:
        def real() -> bytes:
            return send(client, operation, body, *given)

        if client.name != "dynamodb":
            return faults.at(operation, real)
        return faults.at(operation, lambda: late.send(operation, body, real))

    def called(client: Any, operation: str, *given: Any) -> Any:
        return faults.at(operation, lambda: call(client, operation, *given))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "send", sent)
        patch.setattr(BaseClient, "_make_api_call", called)
        yield
