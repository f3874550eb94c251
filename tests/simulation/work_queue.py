"""The work queue: one more thing that loses, repeats and delays."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.operations.work import work_off
from chalicelib.sqs import work
from chalicelib.sqs.messages import Message
from tests.simulation.faults import Faults, Killed

PLENTY_SECONDS = 900.0


@dataclass
class _Sent:
    body: str
    receives: int = 0


class WorkQueue:
    """Messages on their way. `rate` is a share of the deliveries that go wrong; `made` counts them,
    and what was done."""

    def __init__(self, chance: Random, faults: Faults, now: Callable[[], datetime]) -> None:
        self._chance = chance
        self._faults = faults
        self._now = now
        self._sent: list[_Sent] = []
        self.rate = 0.0
        self.made: Counter[str] = Counter()

    def send(self, messages: Sequence[Message]) -> bool:
        """In place of `work.send`."""

        def take() -> bool:
            self._sent += [_Sent(msgspec.json.encode(each).decode()) for each in messages]
            return True

        try:
            return bool(self._faults.at("SendMessageBatch", take))
        except (BotoCoreError, ClientError):
            return False  # perhaps it was taken all the same

    def deliver(self) -> str | None:
        """Some message comes, or is lost; answers its body. One that fails comes again."""
        if not self._sent:
            return None
        sent = self._sent.pop(self._chance.randrange(len(self._sent)))
        if self._chance.random() < self.rate:
            kind = self._chance.choice(["message lost", "message twice"])
            self.made[kind] += 1
            if kind == "message lost":
                return None
            self._sent.append(_Sent(sent.body))
        sent.receives += 1
        try:
            answer = work_off([_record(sent)], lambda: PLENTY_SECONDS, self._now)
        except Killed:
            self.made["worker killed"] += 1
            answer = {"batchItemFailures": [{}]}
        if answer["batchItemFailures"] and sent.receives < work.TRIES:
            self._sent.append(sent)
        self.made[f"message {json.loads(sent.body)['kind']}"] += 1
        return sent.body

    def lose_all(self) -> None:
        """Whoever waits for these waits in vain."""
        self._sent.clear()

    @property
    def is_empty(self) -> bool:
        return not self._sent


def _record(sent: _Sent) -> dict[str, Any]:
    attributes = {"ApproximateReceiveCount": str(sent.receives)}
    return {"messageId": "", "receiptHandle": "", "body": sent.body, "attributes": attributes}
