"""Doorbells: a queue an agent, on which it waits for a ring while it has nothing to do.

A ring says only "poll now". It may get lost, come late, twice or from a stranger: the poll decides.
Rings are not deleted; they become invisible when they are received, for longer than they live. The
agent receives them straight from SQS through a presigned address, see docs/wire.md.
"""

import json
import logging
from concurrent.futures import ThreadPoolExecutor

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws import account
from chalicelib.settings import settings
from chalicelib.sqs.client import RINGERS, SQS, client

WAIT_SECONDS = 20  # SQS's longest poll
ADDRESS_SECONDS = 900
RETENTION_SECONDS = 60  # SQS's shortest
_RECEIVE = (
    ("Action", "ReceiveMessage"),
    ("Version", "2012-11-05"),
    ("MaxNumberOfMessages", "10"),  # SQS's limit: what rang meanwhile is one ring
    ("WaitTimeSeconds", str(WAIT_SECONDS)),
    ("VisibilityTimeout", str(2 * RETENTION_SECONDS)),
)
_ABSENT = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
_DELETED_JUST_NOW = ("AWS.SimpleQueueService.QueueDeletedRecently", "QueueDeletedRecently")

_log = logging.getLogger("plumber.doorbell")


class Address(msgspec.Struct, frozen=True):
    """Where an agent waits for its rings: GET answers within `wait_seconds`, as SQS's XML."""

    url: str
    expires_in_seconds: int = ADDRESS_SECONDS
    wait_seconds: int = WAIT_SECONDS


def are_hung() -> bool:
    """Whether this installation has doorbells at all."""
    return bool(settings.account)


def _name(agent_id: str) -> str:
    return f"{settings.table_prefix}doorbell-{agent_id}"


def _queue_url(agent_id: str) -> str:
    """Known without asking SQS."""
    return f"{account.origin(SQS.name)}{_path(agent_id)}"


def _path(agent_id: str) -> str:
    return f"/{settings.account}/{_name(agent_id)}"


def _ask(operation: str, **arguments: object) -> None:
    client().send(operation, json.dumps(arguments).encode())


def hang(agent_id: str) -> None:
    """Makes the agent's queue; may be repeated. A fault leaves it to the agent's next asking."""
    if not are_hung():
        return
    attributes = {
        "MessageRetentionPeriod": str(RETENTION_SECONDS),
        "VisibilityTimeout": str(2 * RETENTION_SECONDS),
    }
    with _Hint("hang"):
        _ask("CreateQueue", QueueName=_name(agent_id), Attributes=attributes)


def take_down(agent_id: str) -> None:
    """Removes the agent's queue; may be repeated."""
    if are_hung():
        with _Hint("take down"):
            _ask("DeleteQueue", QueueUrl=_queue_url(agent_id))


def ring(*agent_ids: str) -> None:
    """Makes the agents poll now, those that listen, each once. Never fails."""
    wanted = sorted(set(agent_ids))
    if not (wanted and are_hung()):
        return
    if len(wanted) == 1:
        _ring(*wanted)
        return
    with ThreadPoolExecutor(min(RINGERS, len(wanted))) as ringers:
        list(ringers.map(_ring, wanted))


def _ring(agent_id: str) -> None:
    with _Hint("ring"):
        _ask("SendMessage", QueueUrl=_queue_url(agent_id), MessageBody="poll")


class _Hint:
    """What is only a hint may fail: the agents' slower polls and the sweeper make up for it."""

    def __init__(self, verb: str) -> None:
        self._verb = verb

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        if isinstance(error, ClientError):
            code = error.response.get("Error", {}).get("Code", "")
            if code not in (*_ABSENT, *_DELETED_JUST_NOW):
                _log.warning("SQS refused to %s a doorbell: %s", self._verb, error)
            return True
        if isinstance(error, BotoCoreError):
            _log.warning("SQS did not %s a doorbell: %s", self._verb, error)
            return True
        return False


def address(agent_id: str) -> Address | None:
    """A presigned address of the agent's queue; None where there are no doorbells. Asks nobody.

    SQS's query protocol, by GET: boto3's own presigning signs headers of the JSON protocol, which
    whoever holds only the address cannot send.
    """
    if not are_hung():
        return None
    return Address(account.presigned(SQS.name, "GET", _path(agent_id), _RECEIVE, ADDRESS_SECONDS))
