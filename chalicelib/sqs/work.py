"""The work queue: what is too long for a request, and the queue of its dead letters.

On AWS the template makes both queues, and Lambda calls the function that works them off; the local
stack makes them with `create`, and a worker of its own calls the same function.
"""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws import account
from chalicelib.aws import client as aws
from chalicelib.settings import settings
from chalicelib.sqs.client import SQS
from chalicelib.sqs.messages import Message

QUEUE, DEAD_QUEUE = f"{settings.table_prefix}work", f"{settings.table_prefix}work-dead"
FUNCTION_SECONDS = 900  # `lambda_timeout` of the function in .chalice/config.json
# Lambda wants six times that. Whoever fails says itself when the message comes again: this is for
# those that were killed.
VISIBILITY_SECONDS = 6 * FUNCTION_SECONDS
TRIES = 5  # receives of a message; then it is a dead letter
RETENTION_SECONDS = 4 * 86_400
DEAD_RETENTION_SECONDS = 14 * 86_400  # SQS's longest
WAIT_SECONDS = 20  # SQS's longest poll
AT_ONCE = 10  # SQS's limit of messages in a batch
SENDS = 3  # of a batch of which SQS took a part

# Unlike a ring, a message is worth some patience, though a sender has a request to answer; and
# whoever waits for one waits for long.
PATIENT_SQS = msgspec.structs.replace(SQS, attempts=4)
WAITING_SQS = msgspec.structs.replace(PATIENT_SQS, read_seconds=WAIT_SECONDS + 10)

_log = logging.getLogger("plumber.work")


class Received(msgspec.Struct, frozen=True):
    """A message in work: nobody else gets it until its visibility timeout is over."""

    id: str
    handle: str
    body: str
    tries: int
    attributes: Mapping[str, str] = msgspec.field(default_factory=dict)


def is_there() -> bool:
    """Whether this installation has queues at all."""
    return bool(settings.account)


def url(queue: str) -> str:
    """Known without asking SQS."""
    return f"{account.origin(SQS.name)}/{settings.account}/{queue}"


def ask(operation: str, queue: str, **arguments: object) -> Any:
    """One call on a queue; what SQS answers. Raises what the client raises."""
    body = json.dumps({"QueueUrl": url(queue), **arguments}).encode()
    service = WAITING_SQS if operation == "ReceiveMessage" else PATIENT_SQS
    return json.loads(aws.client(service).send(operation, body) or b"{}")


def attributes(dead_letters_arn: object) -> Mapping[str, object]:
    """Of the work queue, as CloudFormation and SQS spell them."""
    return {
        "MessageRetentionPeriod": RETENTION_SECONDS,
        "VisibilityTimeout": VISIBILITY_SECONDS,
        "RedrivePolicy": {"deadLetterTargetArn": dead_letters_arn, "maxReceiveCount": TRIES},
    }


def create() -> None:
    """Makes both queues; may be repeated. For the local stack: on AWS the template does."""
    of_dead = {"MessageRetentionPeriod": str(DEAD_RETENTION_SECONDS)}
    arn = f"arn:aws:sqs:{account.region()}:{settings.account}:{DEAD_QUEUE}"
    of_work = {
        name: json.dumps(value) if isinstance(value, dict) else str(value)
        for name, value in attributes(arn).items()
    }
    for name, given in ((DEAD_QUEUE, of_dead), (QUEUE, of_work)):
        call = json.dumps({"QueueName": name, "Attributes": given}).encode()
        aws.client(PATIENT_SQS).send("CreateQueue", call)


def send(messages: Sequence[Message]) -> bool:
    """Sends all of them; False when some could not be sent, and some of them may have been."""
    bodies = [msgspec.json.encode(each).decode() for each in messages]
    try:
        # No generator: what can be sent is sent, whatever becomes of the others.
        taken = [_send(bodies[at : at + AT_ONCE]) for at in range(0, len(bodies), AT_ONCE)]
    except (BotoCoreError, ClientError) as error:
        _log.warning("SQS did not take work: %s", error)
        return False
    return all(taken)


def _send(bodies: Sequence[str]) -> bool:
    """One batch. SQS may take a part of it: the rest is sent again, a few times."""
    left = {str(number): body for number, body in enumerate(bodies)}
    for _ in range(SENDS):
        entries = [{"Id": number, "MessageBody": body} for number, body in left.items()]
        failed = ask("SendMessageBatch", QUEUE, Entries=entries).get("Failed", [])
        left = {each["Id"]: left[each["Id"]] for each in failed}
        if not left:
            return True
        if all(each.get("SenderFault") for each in failed):
            break
    _log.warning("SQS did not take work: %s", failed)
    return False


def send_again(body: str) -> None:
    """Sends the body of a message as it is."""
    ask("SendMessage", QUEUE, MessageBody=body)


def receive(queue: str, hidden_seconds: int | None = None, wait_seconds: int = 0) -> list[Received]:
    """Up to ten messages; hides them for so long, or as the queue says."""
    hidden = {} if hidden_seconds is None else {"VisibilityTimeout": hidden_seconds}
    answer = ask(
        "ReceiveMessage",
        queue,
        MaxNumberOfMessages=AT_ONCE,
        WaitTimeSeconds=wait_seconds,
        AttributeNames=["All"],
        **hidden,
    )
    return [_received(each) for each in answer.get("Messages", [])]


def _received(message: Mapping[str, Any]) -> Received:
    had = message.get("Attributes", {})
    return Received(
        message["MessageId"],
        message["ReceiptHandle"],
        message["Body"],
        int(had.get("ApproximateReceiveCount", "1")),
        had,
    )


def put_off(queue: str, handle: str, seconds: int) -> None:
    """Lets a message in work come again after so long. A fault leaves that to its timeout."""
    try:
        ask("ChangeMessageVisibility", queue, ReceiptHandle=handle, VisibilityTimeout=seconds)
    except (BotoCoreError, ClientError) as error:
        _log.warning("SQS did not put off a message: %s", error)


def delete(queue: str, handles: Iterable[str]) -> None:
    """Removes messages in work, which may be repeated."""
    wanted = list(handles)
    for first in range(0, len(wanted), AT_ONCE):
        some = enumerate(wanted[first : first + AT_ONCE])
        entries = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in some]
        ask("DeleteMessageBatch", queue, Entries=entries)
