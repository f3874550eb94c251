"""SQS's actions: from the parameters of a call to what is answered, as the JSON protocol has them.

What this SQS does not know (message attributes, tags, FIFO queues, …) it refuses by name.
"""

import asyncio
import hashlib
import re
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, TypeVar

from infra.local.sqs.queues import MESSAGE_BYTES, Message, Queues, Refused

MOST_MESSAGES = 10  # of a batch or a receive
Call = Mapping[str, Any]
Result = dict[str, Any]
T = TypeVar("T")
_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


class Calls:
    """The actions on the queues of one account, whose addresses begin with `address`."""

    def __init__(
        self,
        address: str,
        arn_prefix: str,
        clock: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        self._address = address
        self._clock = clock
        self._new_id = new_id
        self._queues = Queues(arn_prefix, self._ring)
        self._bells: dict[str, asyncio.Future[None]] = {}
        self._actions: Mapping[str, tuple[Callable[[Call], Result], set[str]]] = {
            "CreateQueue": (self._create, {"QueueName", "Attributes"}),
            "DeleteQueue": (self._delete_queue, set()),
            "GetQueueUrl": (self._url, {"QueueName"}),
            "GetQueueAttributes": (self._attributes, {"AttributeNames"}),
            "SetQueueAttributes": (self._set_attributes, {"Attributes"}),
            "ListQueues": (self._list, {"QueueNamePrefix"}),
            "PurgeQueue": (self._purge, set()),
            "SendMessage": (self._send, {"MessageBody", "DelaySeconds"}),
            "SendMessageBatch": (self._send_batch, {"Entries"}),
            "DeleteMessage": (self._delete, {"ReceiptHandle"}),
            "DeleteMessageBatch": (self._delete_batch, {"Entries"}),
            "ChangeMessageVisibility": (self._hide, {"ReceiptHandle", "VisibilityTimeout"}),
        }

    def do(self, action: str, call: Call) -> Result:
        """Any action but ReceiveMessage."""
        if action not in self._actions:
            raise Refused("InvalidAction", f"This SQS knows no action {action!r}.")
        verb, known = self._actions[action]
        _refuse_others(call, known)
        return verb(call)

    async def receive(self, call: Call) -> list[Message]:
        """ReceiveMessage: messages as soon as there are any, none when the time to wait is over."""
        name = self._name(call)
        waits = self._queues.find(name).number("ReceiveMessageWaitTimeSeconds")
        until = monotonic() + _number(call, "WaitTimeSeconds", 0, 20, waits)
        count = _number(call, "MaxNumberOfMessages", 1, MOST_MESSAGES, 1)
        hidden = _number(call, "VisibilityTimeout", 0, 43_200, None)
        while True:
            now = self._clock()
            found = self._queues.receive(name, now, count, hidden)
            left = until - monotonic()
            if found or left <= 0:
                return found
            returns_at = self._queues.find(name).next_visible_at(now)
            patience = left if returns_at is None else min(left, returns_at - now)
            await asyncio.wait([self._bell(name)], timeout=patience)

    def _bell(self, name: str) -> "asyncio.Future[None]":
        """What all who wait at a queue wait for."""
        if name not in self._bells:
            self._bells[name] = asyncio.get_running_loop().create_future()
        return self._bells[name]

    def _ring(self, name: str) -> None:
        if name in self._bells:
            self._bells.pop(name).set_result(None)

    def _name(self, call: Call) -> str:
        url = _text(call, "QueueUrl")
        path = url[url.find("/", url.find("//") + 2) :]
        account, _, name = path[1:].partition("/")
        if account != self._address.rstrip("/").rpartition("/")[2]:
            raise Refused("QueueDoesNotExist", "The specified queue does not exist.")
        return name

    def _create(self, call: Call) -> Result:
        name = _text(call, "QueueName")
        self._queues.create(name, call.get("Attributes") or {}, self._clock())
        return {"QueueUrl": self._address + name}

    def _delete_queue(self, call: Call) -> Result:
        self._queues.delete(self._name(call))
        return {}

    def _url(self, call: Call) -> Result:
        name = _text(call, "QueueName")
        self._queues.find(name)
        return {"QueueUrl": self._address + name}

    def _attributes(self, call: Call) -> Result:
        name, now = self._name(call), self._clock()
        queue = self._queues.find(name)
        have = {
            **queue.attributes,
            **{key: str(count) for key, count in queue.counts(now).items()},
            "CreatedTimestamp": str(int(queue.created_at)),
            "LastModifiedTimestamp": str(int(queue.changed_at)),
            "QueueArn": self._queues.arn(name),
        }
        wanted = call.get("AttributeNames") or []
        if "All" in wanted:
            return {"Attributes": have}
        for key in wanted:
            if key not in {*have, "RedrivePolicy"}:
                raise Refused("InvalidAttributeName", f"Unknown Attribute {key}.")
        return {"Attributes": {key: have[key] for key in wanted if key in have}}

    def _set_attributes(self, call: Call) -> Result:
        self._queues.change(self._name(call), call.get("Attributes") or {}, self._clock())
        return {}

    def _list(self, call: Call) -> Result:
        names = self._queues.names(call.get("QueueNamePrefix") or "")
        return {"QueueUrls": [self._address + name for name in names]} if names else {}

    def _purge(self, call: Call) -> Result:
        self._queues.find(self._name(call)).purge()
        return {}

    def _send(self, call: Call) -> Result:
        body, message_id = _text(call, "MessageBody"), self._new_id()
        delay = _number(call, "DelaySeconds", 0, 900, None)
        self._queues.send(self._name(call), message_id, body, self._clock(), delay)
        return {"MessageId": message_id, "MD5OfMessageBody": md5(body)}

    def _send_batch(self, call: Call) -> Result:
        entries = _entries(call)
        sizes = (len(_text(each, "MessageBody").encode(errors="replace")) for each in entries)
        if sum(sizes) > MESSAGE_BYTES:
            raise Refused("BatchRequestTooLong", f"A batch has at most {MESSAGE_BYTES} bytes.")
        return self._each(entries, call, self._send, {"MessageBody", "DelaySeconds"})

    def _delete(self, call: Call) -> Result:
        self._queues.find(self._name(call)).delete(_text(call, "ReceiptHandle"))
        return {}

    def _delete_batch(self, call: Call) -> Result:
        return self._each(_entries(call), call, self._delete, {"ReceiptHandle"})

    def _each(
        self, entries: list[Call], call: Call, verb: Callable[[Call], Result], known: set[str]
    ) -> Result:
        """Each entry succeeds or fails on its own; the queue must exist for all of them."""
        self._queues.find(self._name(call))
        done: list[Result] = []
        failed: list[Result] = []
        for entry in entries:
            try:
                _refuse_others(entry, {"Id", *known})
                done.append({"Id": entry["Id"], **verb({**entry, "QueueUrl": call["QueueUrl"]})})
            except Refused as fault:
                told = {"Code": fault.code, "Message": fault.text, "SenderFault": True}
                failed.append({"Id": entry["Id"], **told})
        return {"Successful": done, "Failed": failed}

    def _hide(self, call: Call) -> Result:
        seconds = _number(call, "VisibilityTimeout", 0, 43_200, None)
        if seconds is None:
            raise _lacks("VisibilityTimeout")
        self._queues.hide(self._name(call), _text(call, "ReceiptHandle"), seconds, self._clock())
        return {}

    def shown(self, found: list[Message], call: Call) -> Result:
        """What ReceiveMessage answers; without messages it names none."""
        wanted = {
            *(call.get("AttributeNames") or []),
            *(call.get("MessageSystemAttributeNames") or []),
        }
        messages = [self._message(each, wanted) for each in found]
        return {"Messages": messages} if messages else {}

    def _message(self, message: Message, wanted: set[str]) -> Result:
        shown = {
            "MessageId": message.id,
            "ReceiptHandle": message.handle,
            "MD5OfBody": md5(message.body),
            "Body": message.body,
        }
        have = {
            "ApproximateReceiveCount": str(message.receives),
            "ApproximateFirstReceiveTimestamp": _milliseconds(message.first_received_at or 0),
            "SentTimestamp": _milliseconds(message.sent_at),
        }
        if message.died_in is not None:
            have["DeadLetterQueueSourceArn"] = self._queues.arn(message.died_in)
        given = {key: text for key, text in have.items() if wanted & {key, "All"}}
        return {**shown, "Attributes": given} if given else shown


def md5(body: str) -> str:
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1_000))


def _text(call: Call, key: str) -> str:
    value = call.get(key)
    if value is None:
        raise _lacks(key)
    if not isinstance(value, str):
        raise _bad(key, "It must be a text.")
    return value


def _number(call: Call, key: str, least: int, most: int, default: T) -> int | T:
    """A parameter that may be left out; in the query protocol it is a text."""
    value = call.get(key)
    if value is None:
        return default
    if not str(value).isdecimal() or not least <= int(value) <= most:
        raise _bad(key, f"It must be a number from {least} to {most}.")
    return int(value)


def _entries(call: Call) -> list[Call]:
    entries: list[Call] = call.get("Entries") or []
    if not entries:
        raise Refused("EmptyBatchRequest", "There should be at least one entry in the request.")
    if len(entries) > MOST_MESSAGES:
        raise Refused(
            "TooManyEntriesInBatchRequest", f"A batch has at most {MOST_MESSAGES} entries."
        )
    ids = [_text(entry, "Id") for entry in entries]
    if not all(map(_ENTRY_ID.fullmatch, ids)):
        raise Refused(
            "InvalidBatchEntryId", "An Id has 1 to 80 letters, digits, hyphens, underscores."
        )
    if len(set(ids)) < len(ids):
        raise Refused("BatchEntryIdsNotDistinct", "Two entries have the same Id.")
    return entries


def _refuse_others(call: Call, known: set[str]) -> None:
    others = sorted(call.keys() - known - {"QueueUrl"})
    if others:
        raise Refused("UnsupportedOperation", f"This SQS does not know {', '.join(others)}.")


def _lacks(key: str) -> Refused:
    return Refused("MissingParameter", f"The request must contain the parameter {key}.")


def _bad(key: str, reason: str) -> Refused:
    return Refused("InvalidParameterValue", f"Value for parameter {key} is invalid. {reason}")
