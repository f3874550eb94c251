"""The work queue's function: for each kind of message what is done, and what becomes of those that
cannot be done."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from chalicelib.errors import NotFound
from chalicelib.operations.runs.advance import advance
from chalicelib.operations.runs.slices import put_jobs
from chalicelib.sqs import dead_letters, work
from chalicelib.sqs.dead_letters import DeadLetter
from chalicelib.sqs.messages import MESSAGE, AdvanceRun, PutJobs, kind_of
from chalicelib.sqs.work import QUEUE

__all__ = ["BATCH_SIZE", "QUEUE"]

# Messages of one call on AWS. Few: they are done one after the other, calls side by side, and a
# message that ends its handler costs those beside it a try.
BATCH_SIZE = 4
RESERVE_SECONDS = 20.0  # no further message is begun when less is left of a call
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 15, 900  # before another try
REASON_CHARACTERS = 500

Seconds = Callable[[], float]
Now = Callable[[], datetime]

_log = logging.getLogger("plumber.work")


class NoSuchLetter(NotFound):
    """There is no such dead letter, or somebody else is just looking at it. List them again."""


HANDLERS: Mapping[type, Callable[[Any, datetime], object]] = {
    PutJobs: put_jobs,
    AdvanceRun: lambda message, now: advance(message.run_id, now, spreads=False),
}


def work_off(records: Sequence[Mapping[str, Any]], left: Seconds, now: Now) -> dict[str, Any]:
    """Does what the records of one of Lambda's calls say, each by itself; answers those that are to
    come again, as Lambda wants it of a function that reports batch item failures.

    `left` says how many seconds the call still has: what is not begun in time comes again at once.
    """
    failed: list[str] = []
    for record in records:
        if left() < RESERVE_SECONDS:
            work.put_off(QUEUE, record["receiptHandle"], 0)
        elif _is_done_with(_received(record), now):
            continue
        failed.append(record["messageId"])
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}


def _received(record: Mapping[str, Any]) -> work.Received:
    tries = int(record["attributes"]["ApproximateReceiveCount"])
    return work.Received(record["messageId"], record["receiptHandle"], record["body"], tries)


def _is_done_with(received: work.Received, now: Now) -> bool:
    """Whether the message needs not come again: it was done, or it is a dead letter."""
    try:
        message = MESSAGE.json(received.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _bury(received, f"Nobody knows what it asks for: {error}.", now)
    try:
        HANDLERS[type(message)](message, now())
    except Exception as error:
        _log.exception("Work failed, try %d of %d: %s", received.tries, work.TRIES, received.body)
        if received.tries >= work.TRIES:
            return _bury(received, f"{kind_of(message)}: {type(error).__name__}: {error}", now)
        work.put_off(QUEUE, received.handle, pause_seconds(received.tries))
        return False
    return True


def pause_seconds(tries: int) -> int:
    """Before the next try, after so many."""
    return int(min(FIRST_PAUSE_SECONDS * 4 ** (tries - 1), LONGEST_PAUSE_SECONDS))


def _bury(received: work.Received, reason: str, now: Now) -> bool:
    """Gives a message up, visibly. Where that fails SQS does so, without saying why."""
    _log.error("Work is given up after %d tries: %s %s", received.tries, reason, received.body)
    return dead_letters.bury(received.body, received.tries, reason[:REASON_CHARACTERS], now())


# --- dead letters


def show_dead_letters() -> Sequence[DeadLetter]:
    """The messages that were given up, the oldest first. Takes a second where there are any."""
    return dead_letters.look() if work.is_there() else ()


def count_dead_letters() -> int | None:
    """How many there are, about; None where there are no queues, or SQS does not say."""
    return dead_letters.count() if work.is_there() else None


def send_back(letter_id: str) -> None:
    """Puts a dead letter into the work queue once more. Raises NoSuchLetter.

    Sent before it is deleted: whoever dies in between leaves it in both, and what it asks for may
    be done twice.
    """
    letter, handle = _taken(letter_id)
    work.send_again(letter.body)
    dead_letters.delete(handle)


def drop(letter_id: str) -> None:
    """Deletes a dead letter. Raises NoSuchLetter."""
    _, handle = _taken(letter_id)
    dead_letters.delete(handle)


def _taken(letter_id: str) -> tuple[DeadLetter, str]:
    found = dead_letters.take(letter_id) if work.is_there() else None
    if found is None:
        raise NoSuchLetter
    return found
