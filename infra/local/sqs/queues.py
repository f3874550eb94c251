"""Queues with the rules of SQS's standard queues, in memory.

Times are seconds since 1970 and always arguments, so nothing happens by itself: a message becomes
visible, expires or turns into a dead letter when somebody next looks.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

MESSAGE_BYTES = 256 * 1024
# The least, the most and the default, from SQS's reference of CreateQueue.
RANGES = {
    "DelaySeconds": (0, 900, 0),
    "MaximumMessageSize": (1024, MESSAGE_BYTES, MESSAGE_BYTES),
    "MessageRetentionPeriod": (60, 1_209_600, 345_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20, 0),
    "VisibilityTimeout": (0, 43_200, 30),
}
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_HANDLE = re.compile(r"([0-9a-f-]{36})\.[1-9][0-9]*")
_NO_TEXT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Refused(Exception):
    """SQS's answer is this error. `code` is the name that the JSON protocol has for it."""

    def __init__(self, code: str, text: str, status: int = 400) -> None:
        self.code, self.text, self.status = code, text, status
        super().__init__(f"{code}: {text}")


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it was when it was last touched."""

    id: str
    body: str
    sent_at: float
    visible_at: float
    receives: int = 0
    first_received_at: float | None = None
    died_in: str | None = None  # the queue whose dead letter it is

    @property
    def handle(self) -> str:
        """The receipt of its latest receive; those before count no more."""
        return f"{self.id}.{self.receives}"


@dataclass(frozen=True)
class Redrive:
    """After how many receives a message goes to which queue."""

    dead_letters: str
    max_receives: int


class Queue:
    """One queue. `attributes` are those that can be set, each with its value."""

    def __init__(self, attributes: Mapping[str, str], redrive: Redrive | None, now: float) -> None:
        self.created_at = now
        self.redrive: Redrive | None = None
        self.attributes = {name: str(default) for name, (_, _, default) in RANGES.items()}
        self._messages: dict[str, Message] = {}
        self.change(attributes, redrive, now)

    def change(self, attributes: Mapping[str, str], redrive: Redrive | None, now: float) -> None:
        """Sets these attributes; `redrive` is what the RedrivePolicy among them means."""
        self.changed_at = now
        self.attributes |= attributes
        if "RedrivePolicy" in attributes:
            self.redrive = redrive

    def number(self, attribute: str) -> int:
        return int(self.attributes[attribute])

    def add(self, message: Message, now: float) -> None:
        self._forget_expired(now)
        self._messages[message.id] = message

    def receive(self, now: float, count: int, hidden_seconds: int) -> list[Message]:
        """Up to `count` visible messages, the oldest first; hides them for so long."""
        self._forget_expired(now)
        found: list[Message] = []
        for message in self._messages.values():
            if len(found) == count:
                break
            if message.visible_at <= now and not self._is_expired(message, now):
                found.append(
                    replace(
                        message,
                        visible_at=now + hidden_seconds,
                        receives=message.receives + 1,
                        first_received_at=message.first_received_at or now,
                    )
                )
        self._messages.update((message.id, message) for message in found)
        return found

    def take_spent(self, now: float) -> list[Message]:
        """Removes what is visible once more, though it was received as often as it may be."""
        if self.redrive is None:
            return []
        most = self.redrive.max_receives
        spent = [m for m in self._messages.values() if m.receives >= most and m.visible_at <= now]
        for message in spent:
            del self._messages[message.id]
        return [message for message in spent if not self._is_expired(message, now)]

    def delete(self, handle: str) -> None:
        """May be repeated; a handle that was followed by another receive deletes nothing."""
        message = self._of(handle)
        if message is not None:
            del self._messages[message.id]

    def hide(self, handle: str, seconds: int, now: float) -> None:
        """Hides a received message for so long from now; 0 gives it back."""
        message = self._of(handle)
        if message is None or message.visible_at <= now:
            raise Refused("MessageNotInflight", "The message is not in flight.")
        self._messages[message.id] = replace(message, visible_at=now + seconds)

    def _of(self, handle: str) -> Message | None:
        match = _HANDLE.fullmatch(handle)
        if match is None:
            raise Refused("ReceiptHandleIsInvalid", "The receipt handle is not one of this queue.")
        message = self._messages.get(match[1])
        return message if message is not None and message.handle == handle else None

    def purge(self) -> None:
        self._messages.clear()

    def next_visible_at(self, now: float) -> float | None:
        """When a hidden message becomes visible; None when there is none."""
        return min(
            (m.visible_at for m in self._messages.values() if m.visible_at > now), default=None
        )

    def counts(self, now: float) -> Mapping[str, int]:
        """How many messages are visible, received, and delayed, by SQS's attributes."""
        living = [m for m in self._messages.values() if not self._is_expired(m, now)]
        hidden = [m for m in living if m.visible_at > now]
        delayed = sum(m.receives == 0 for m in hidden)
        return {
            "ApproximateNumberOfMessages": len(living) - len(hidden),
            "ApproximateNumberOfMessagesNotVisible": len(hidden) - delayed,
            "ApproximateNumberOfMessagesDelayed": delayed,
        }

    def _is_expired(self, message: Message, now: float) -> bool:
        return message.sent_at + self.number("MessageRetentionPeriod") <= now

    def _forget_expired(self, now: float) -> None:
        """From the front, where the oldest are: this costs nothing while there are none."""
        while self._messages:
            oldest = next(iter(self._messages.values()))
            if not self._is_expired(oldest, now):
                return
            del self._messages[oldest.id]


class Queues:
    """All queues of one account. `arrived` is called with the name of a queue in which there may
    be something new for whoever waits."""

    def __init__(self, arn_prefix: str, arrived: Callable[[str], None]) -> None:
        self._arn_prefix = arn_prefix
        self._arrived = arrived
        self._queues: dict[str, Queue] = {}

    def arn(self, name: str) -> str:
        return self._arn_prefix + name

    def names(self, prefix: str = "") -> list[str]:
        return sorted(name for name in self._queues if name.startswith(prefix))

    def find(self, name: str) -> Queue:
        queue = self._queues.get(name)
        if queue is None:
            raise Refused("QueueDoesNotExist", "The specified queue does not exist.")
        return queue

    def create(self, name: str, attributes: Mapping[str, str], now: float) -> None:
        """May be repeated with the same attributes."""
        if not _NAME.fullmatch(name):
            text = "A queue's name has 1 to 80 letters, digits, hyphens and underscores."
            raise Refused("InvalidParameterValue", text)
        redrive = self._check(attributes)
        if name not in self._queues:
            self._queues[name] = Queue(attributes, redrive, now)
        elif not attributes.items() <= self._queues[name].attributes.items():
            text = (
                "A queue already exists with the same name and a different value for an attribute."
            )
            raise Refused("QueueNameExists", text)

    def change(self, name: str, attributes: Mapping[str, str], now: float) -> None:
        self.find(name).change(attributes, self._check(attributes), now)

    def delete(self, name: str) -> None:
        self.find(name)
        del self._queues[name]
        self._arrived(name)  # whoever waits at it learns that it is gone

    def send(
        self, name: str, message_id: str, body: str, now: float, delay_seconds: int | None = None
    ) -> None:
        queue = self.find(name)
        _check_body(body, queue.number("MaximumMessageSize"))
        delay = queue.number("DelaySeconds") if delay_seconds is None else delay_seconds
        queue.add(Message(message_id, body, sent_at=now, visible_at=now + delay), now)
        self._arrived(name)

    def receive(
        self, name: str, now: float, count: int = 1, hidden_seconds: int | None = None
    ) -> list[Message]:
        """What is visible, after what was received too often has gone to the dead letters."""
        queue = self.find(name)
        if queue.redrive is not None and queue.redrive.dead_letters in self._queues:
            target = queue.redrive.dead_letters
            for message in queue.take_spent(now):
                self._queues[target].add(replace(message, visible_at=now, died_in=name), now)
                self._arrived(target)
        hidden = queue.number("VisibilityTimeout") if hidden_seconds is None else hidden_seconds
        return queue.receive(now, count, hidden)

    def hide(self, name: str, handle: str, seconds: int, now: float) -> None:
        self.find(name).hide(handle, seconds, now)
        self._arrived(name)  # perhaps sooner than who waits has reckoned with

    def _check(self, attributes: Mapping[str, str]) -> Redrive | None:
        """What the redrive policy among them means; raises Refused for what cannot be set."""
        for name, value in attributes.items():
            if name == "RedrivePolicy":
                continue
            if name not in RANGES:
                raise Refused("InvalidAttributeName", f"Unknown Attribute {name}.")
            least, most, _ = RANGES[name]
            if not (value.isascii() and value.isdigit() and least <= int(value) <= most):
                raise _bad_value(name, f"It must be a number from {least} to {most}.")
        policy = attributes.get("RedrivePolicy")
        return self._redrive(policy) if policy else None

    def _redrive(self, policy: str) -> Redrive:
        try:
            found = json.loads(policy)
            arn, most = str(found["deadLetterTargetArn"]), int(found["maxReceiveCount"])
        except (ValueError, TypeError, KeyError) as error:
            raise _bad_value("RedrivePolicy", "It is no redrive policy.") from error
        name = arn.removeprefix(self._arn_prefix)
        if name not in self._queues:
            raise _bad_value("RedrivePolicy", "Dead letter target does not exist.")
        if not 1 <= most <= 1_000:
            raise _bad_value("RedrivePolicy", "maxReceiveCount must be from 1 to 1000.")
        return Redrive(name, most)


def _check_body(body: str, most_bytes: int) -> None:
    if not body:
        raise Refused("MissingParameter", "The request must contain the parameter MessageBody.")
    if _NO_TEXT.search(body):
        raise Refused("InvalidMessageContents", "The message holds characters that XML cannot.")
    if len(body.encode()) > most_bytes:
        raise Refused("InvalidParameterValue", f"The message is longer than {most_bytes} bytes.")


def _bad_value(name: str, reason: str) -> Refused:
    return Refused("InvalidAttributeValue", f"Invalid value for the parameter {name}. {reason}")
