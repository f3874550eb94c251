"""SQS's ReceiveMessage by presigned GET, which moto does not route: the agents' doorbells.

Answers as SQS does: with messages, or without any after the time to wait, or with an error for an
address that has lapsed, is forged, or names no queue. A message wakes who waits at once.
"""

import json
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.sqs.exceptions import QueueDoesNotExist
from moto.sqs.models import sqs_backends

from infra.local.environment import AWS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SEND = "AmazonSQS.SendMessage"
ABSENT = "com.amazonaws.sqs#QueueDoesNotExist"
STAMP = "%Y%m%dT%H%M%SZ"


class Refused(Exception):
    """The answer is this error of SQS."""

    def __init__(self, status: HTTPStatus, code: str) -> None:
        self.status, self.code = status, code
        super().__init__(code)


class Doorbells:
    """WSGI middleware around moto."""

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application
        self._rings: dict[str, threading.Condition] = {}

    def __call__(self, environ: "WSGIEnvironment", respond: "StartResponse") -> Iterable[bytes]:
        query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        if environ["REQUEST_METHOD"] == "GET" and query.get("Action") == "ReceiveMessage":
            return self._receive(environ, query, respond)
        if environ.get("HTTP_X_AMZ_TARGET") == SEND:
            return self._send(environ, respond)
        return self._application(environ, respond)

    def _ring(self, path: str) -> threading.Condition:
        """The same for everybody: `setdefault` is one step."""
        return self._rings.setdefault(path, threading.Condition())

    def _send(self, environ: "WSGIEnvironment", respond: "StartResponse") -> Iterable[bytes]:
        """Gives moto the message past its own routing, which takes 5 ms, and wakes who waits."""
        asked = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        path = urlsplit(asked["QueueUrl"]).path
        queues, name = _backend(path)
        ring = self._ring(path)
        try:
            with ring:
                message = queues.send_message(name, asked["MessageBody"])
                ring.notify_all()
        except QueueDoesNotExist:
            return _json(respond, HTTPStatus.BAD_REQUEST, {"__type": ABSENT, "message": ABSENT})
        sent = {"MessageId": message.id, "MD5OfMessageBody": message.body_md5}
        return _json(respond, HTTPStatus.OK, sent)

    def _receive(
        self, environ: "WSGIEnvironment", query: Mapping[str, str], respond: "StartResponse"
    ) -> Iterable[bytes]:
        try:
            check_signature(environ, query)
            answer = _messages(self._wait(environ["PATH_INFO"], query))
            status = HTTPStatus.OK
        except Refused as refusal:
            answer, status = _error(refusal.code), refusal.status
        except QueueDoesNotExist:
            answer = _error("AWS.SimpleQueueService.NonExistentQueue")
            status = HTTPStatus.BAD_REQUEST
        headers = [("Content-Type", "text/xml"), ("Content-Length", str(len(answer)))]
        respond(f"{status.value} {status.phrase}", headers)
        return [answer]

    def _wait(self, path: str, query: Mapping[str, str]) -> list[Any]:
        """Messages as soon as there are any; none when the time is over."""
        queues, name = _backend(path)
        count = int(query.get("MaxNumberOfMessages", 1))
        hidden = int(query.get("VisibilityTimeout", 30))
        until = time.monotonic() + min(20, int(query.get("WaitTimeSeconds", 0)))
        ring = self._ring(path)
        with ring:
            while True:
                _forget_expired(queues.get_queue(name))
                found: list[Any] = queues.receive_message(name, count, 0, hidden)
                _forget_received(queues.get_queue(name), found, hidden)
                left = until - time.monotonic()
                if found or left <= 0:
                    return found
                ring.wait(left)


def _forget_expired(queue: Any) -> None:
    """What SQS would have thrown away; moto's answers end at the first of them."""
    oldest = (time.time() - queue.message_retention_period) * 1_000  # noqa: TID251  the server's clock
    queue._messages[:] = [each for each in queue._messages if float(each.sent_timestamp) > oldest]


def _forget_received(queue: Any, found: Iterable[Any], hidden: int) -> None:
    """What stays invisible for longer than it lives need not be kept."""
    if hidden >= queue.message_retention_period:
        received = {each.id for each in found}
        queue._messages[:] = [each for each in queue._messages if each.id not in received]


def _backend(path: str) -> tuple[Any, str]:
    """moto's queues of the account that a queue's path names, and the queue's name."""
    _, account, name = path.split("/")
    return sqs_backends[account][AWS["AWS_DEFAULT_REGION"]], name


def _json(respond: "StartResponse", status: HTTPStatus, document: object) -> Iterable[bytes]:
    answer = json.dumps(document).encode()
    headers = [("Content-Type", "application/x-amz-json-1.0"), ("Content-Length", str(len(answer)))]
    respond(f"{status.value} {status.phrase}", headers)
    return [answer]


def check_signature(environ: "WSGIEnvironment", query: Mapping[str, str]) -> None:
    """Raises Refused unless the address was signed with the stack's own keys, and not too long
    ago."""
    try:
        signed_at = datetime.strptime(query["X-Amz-Date"], STAMP).replace(tzinfo=timezone.utc)
        until = signed_at + timedelta(seconds=int(query["X-Amz-Expires"]))
        given = query["X-Amz-Signature"]
    except (KeyError, ValueError) as error:
        raise Refused(HTTPStatus.FORBIDDEN, "MissingAuthenticationToken") from error
    if datetime.now(timezone.utc) > until:  # noqa: TID251  the server's clock
        raise Refused(HTTPStatus.FORBIDDEN, "RequestExpired")
    credentials = Credentials(AWS["AWS_ACCESS_KEY_ID"], AWS["AWS_SECRET_ACCESS_KEY"])
    signer = SigV4QueryAuth(credentials, "sqs", AWS["AWS_DEFAULT_REGION"])
    unsigned = environ["QUERY_STRING"].rpartition("&X-Amz-Signature=")[0]
    address = f"http://{environ['HTTP_HOST']}{environ['PATH_INFO']}?{unsigned}"
    request = AWSRequest("GET", address)
    request.context["timestamp"] = query["X-Amz-Date"]
    canonical = signer.canonical_request(request)
    expected = signer.signature(signer.string_to_sign(request, canonical), request)
    if given != expected:
        raise Refused(HTTPStatus.FORBIDDEN, "SignatureDoesNotMatch")


def _messages(found: Iterable[Any]) -> bytes:
    messages = "".join(
        f"<Message><MessageId>{each.id}</MessageId><ReceiptHandle>{escape(each.receipt_handle)}"
        f"</ReceiptHandle><Body>{escape(each.body)}</Body></Message>"
        for each in found
    )
    result = f"<ReceiveMessageResult>{messages}</ReceiveMessageResult>"
    return f"<ReceiveMessageResponse>{result}</ReceiveMessageResponse>".encode()


def _error(code: str) -> bytes:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{code}</Message></Error>"
    return f"<ErrorResponse>{error}</ErrorResponse>".encode()
