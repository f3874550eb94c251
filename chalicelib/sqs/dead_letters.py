"""Dead letters: messages of the work queue that were given up. The queue itself keeps them.

Whoever gives a message up sends it there with its obituary: why, and after how many tries. What SQS
itself moves there, because its handler was killed each time, comes without one.

SQS shows a message only by handing it out. So a look hides what it sees for a moment and gives it
back at once; it deletes nothing, and nothing expires or moves on for being looked at (ADR 17).
"""

import logging
from datetime import datetime

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.reader import Reader
from chalicelib.sqs import work
from chalicelib.sqs.work import DEAD_QUEUE, Received

SHOWN_AT_MOST = 100
LOOK_SECONDS = 30  # a message that a look does not give back is hidden for so long
# Of a long poll: it asks all of SQS's servers. A short one asks some, and misses what others have.
PATIENCE_SECONDS = 1
_VISIBLE, _HIDDEN = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"
KILLED = "Its handler was ended each time before it could answer."

_log = logging.getLogger("plumber.work")


class _Obituary(msgspec.Struct, frozen=True, tag_field="kind", tag="obituary"):
    """A message as it is sent to the dead letters."""

    message: str
    tries: int
    reason: str
    died_at: datetime


_OBITUARY = Reader(_Obituary)


class DeadLetter(msgspec.Struct, frozen=True):
    """`body` is the message's own; `died_at` is None where nobody was there to note it."""

    id: str
    body: str
    tries: int
    reason: str
    died_at: datetime | None


def bury(body: str, tries: int, reason: str, now: datetime) -> bool:
    """Sends a message to the dead letters; False when SQS does not take it. Repeated, it is there
    twice."""
    obituary = msgspec.json.encode(_Obituary(body, tries, reason, now)).decode()
    try:
        work.ask("SendMessage", DEAD_QUEUE, MessageBody=obituary)
    except (BotoCoreError, ClientError):
        _log.exception("A dead letter could not be sent")
        return False
    return True


def count() -> int | None:
    """How many there are, about, also while somebody looks at them; None when SQS does not say."""
    return _counted(_VISIBLE, _HIDDEN)


def _counted(*names: str) -> int | None:
    try:
        answer = work.ask("GetQueueAttributes", DEAD_QUEUE, AttributeNames=names)
    except (BotoCoreError, ClientError) as error:
        _log.warning("SQS did not count the dead letters: %s", error)
        return None
    return sum(int(answer["Attributes"][name]) for name in names)


def look() -> list[DeadLetter]:
    """Those that can be seen now, the oldest first."""
    held: list[Received] = []
    try:
        while len(held) < SHOWN_AT_MOST and (some := _some()):
            held += some
        return [_letter(each) for each in held[:SHOWN_AT_MOST]]
    finally:
        _give_back(held)


def take(letter_id: str) -> tuple[DeadLetter, str] | None:
    """The letter and the handle by which it is deleted; None when it is not to be seen."""
    held: list[Received] = []
    found: Received | None = None
    try:
        while found is None and len(held) < SHOWN_AT_MOST and (some := _some()):
            held += some
            found = next((each for each in some if each.id == letter_id), None)
        return None if found is None else (_letter(found), found.handle)
    finally:
        _give_back([each for each in held if each is not found])


def delete(handle: str) -> None:
    """Removes a letter that was taken; may be repeated."""
    work.delete(DEAD_QUEUE, [handle])


def _some() -> list[Received]:
    return work.receive(DEAD_QUEUE, LOOK_SECONDS, PATIENCE_SECONDS) if _counted(_VISIBLE) else []


def _give_back(held: list[Received]) -> None:
    for each in held:
        work.put_off(DEAD_QUEUE, each.handle, 0)


def _letter(received: Received) -> DeadLetter:
    try:
        told = _OBITUARY.json(received.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return DeadLetter(received.id, received.body, work.TRIES, KILLED, None)
    return DeadLetter(received.id, told.message, told.tries, told.reason, told.died_at)
