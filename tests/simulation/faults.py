"""Faults at every AWS call: refused, done but unanswered, done twice, done late, or the process
dies. The seam at which handlers pass each other, and at which indexes are late."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

import pytest
from botocore.client import BaseClient
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ReadTimeoutError,
)

from chalicelib.aws.client import Client
from tests.simulation.baton import Baton
from tests.simulation.late import LateIndexes

READS = ("GetItem", "BatchGetItem", "Query")
# "done late": it comes to nothing for the caller, and is done when others have gone on. "done late
# too": the first try of a call seemed lost, a further one went well, and then the first arrives.
KINDS = (
    "refused",
    "unanswered",
    "twice",
    "killed before",
    "killed after",
    "done late",
    "done late too",
)
LATE_AT_MOST = timedelta(minutes=5)  # AWS takes no call whose signature is older
ARRIVES = 0.15  # the chance of each call on its way to arrive before another one


class Killed(BaseException):
    """The process died here. No handler can catch it."""


class _OnItsWay(NamedTuple):
    sent_at: datetime
    call: Callable[[], Any]


class Faults:
    """Decides for each AWS call whether it goes wrong, and how. `rate` is a share of the calls.

    `writes` counts the calls that may have changed something.
    """

    def __init__(self, chance: Random, baton: Baton, now: Callable[[], datetime]) -> None:
        self.chance = chance
        self.baton = baton
        self.rate = 0.0
        self.calls = 0
        self.made: Counter[str] = Counter()
        self.writes = 0
        self._now = now
        self._on_their_way: list[_OnItsWay] = []
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
        """One call, as whoever makes it sees it: after all tries of the client."""
        if self._is_apart:
            self.writes += operation not in READS
            return call()
        self.baton.offer()
        self._deliver(ARRIVES)
        self.calls += 1
        self.writes += operation not in READS
        if self.chance.random() >= self.rate:
            return call()
        kind = self.chance.choice(KINDS)
        if operation in READS and kind.startswith("done late"):
            kind = "unanswered"  # who reads late reads for nobody
        self.made[kind] += 1
        return self._gone_wrong(kind, operation, call)

    def _gone_wrong(self, kind: str, operation: str, call: Callable[[], Any]) -> Any:
        if kind == "refused":
            error = {"Code": "ProvisionedThroughputExceededException", "Message": "simulated"}
            raise ClientError({"Error": error}, operation)  # type: ignore[typeddict-item]
        if kind == "killed before":
            raise Killed(operation)
        if kind == "done late":
            self._on_their_way.append(_OnItsWay(self._now(), call))
            raise ReadTimeoutError(endpoint_url="simulated")
        answer = call()
        if kind == "unanswered":
            raise ConnectionClosedError(endpoint_url="simulated")
        if kind == "killed after":
            raise Killed(operation)
        if kind == "twice":
            self.baton.offer()  # the repetition may come late
            return call()
        if kind == "done late too":
            self._on_their_way.append(_OnItsWay(self._now(), call))
        return answer

    def deliver_late(self) -> None:
        """All calls that are on their way arrive."""
        self._deliver(1.0)

    def _deliver(self, arrives: float) -> None:
        """Some of the calls that are on their way, in any order. Nobody waits for their answers."""
        for each in self.chance.sample(self._on_their_way, len(self._on_their_way)):
            if self.chance.random() >= arrives:
                continue
            self._on_their_way.remove(each)
            if self._now() - each.sent_at > LATE_AT_MOST:
                self.made["came too late"] += 1
                continue
            self.writes += 1
            try:
                each.call()
            except (ClientError, BotoCoreError):
                continue  # its condition did not hold any more, for one


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
