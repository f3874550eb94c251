"""Answers requests: the JSON protocol, as boto3 speaks it, and of the query protocol ReceiveMessage
by presigned GET, which answers XML.

One loop serves all connections: the queues have one owner, and a call that waits costs next to
nothing.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from infra.local.addresses import HOST
from infra.local.sqs.calls import Calls
from infra.local.sqs.queues import Message, Refused
from infra.local.sqs.signatures import Signer, check_headers, check_presigned
from infra.local.sqs.wire import Answer, Connection, Request

# The query protocol's names of errors, where they are others than the JSON protocol's: boto3 goes
# by them in both.
QUERY_CODES: Mapping[str, str] = {
    "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
    **{
        code: f"AWS.SimpleQueueService.{code}"
        for code in (
            "BatchEntryIdsNotDistinct", "BatchRequestTooLong", "EmptyBatchRequest",
            "InvalidBatchEntryId", "MessageNotInflight", "TooManyEntriesInBatchRequest",
            "UnsupportedOperation",
        )
    },
}  # fmt: skip
log = logging.getLogger("sqs")


class Server:
    """The calls over HTTP, for whoever signs with the stack's keys."""

    def __init__(self, calls: Calls, signer: Signer, clock: Callable[[], float]) -> None:
        self._calls = calls
        self._signer = signer
        self._clock = clock

    async def serve(self, port: int) -> None:
        """Until the process is killed."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(self.answer), HOST, port, backlog=128)
        await server.serve_forever()

    async def answer(self, request: Request) -> Answer:
        is_query = request.method == "GET"
        try:
            return await (self._get(request) if is_query else self._post(request))
        except Refused as refusal:
            fault = refusal
        except Exception:
            log.exception("A call failed: %s %s", request.method, request.path)
            fault = Refused("InternalFailure", "This SQS has failed; its log says how.", 500)
        return (_xml_fault if is_query else _json_fault)(fault)

    async def _get(self, request: Request) -> Answer:
        check_presigned(request, self._signer, self._clock())
        query = dict(parse_qsl(request.query))
        if query.get("Action") != "ReceiveMessage":
            raise Refused("InvalidAction", "Only ReceiveMessage can be asked for by GET.")
        found = await self._calls.receive({**query, "QueueUrl": f"//{HOST}{request.path}"})
        return _xml(200, "ReceiveMessage", "".join(map(_message, found)))

    async def _post(self, request: Request) -> Answer:
        check_headers(request, self._signer, self._clock())
        action = request.headers.get("x-amz-target", "").removeprefix("AmazonSQS.")
        try:
            call = json.loads(request.body)
        except ValueError:
            call = None
        if not isinstance(call, dict):
            raise Refused("SerializationException", "The body is no JSON object.")
        if action == "ReceiveMessage":
            return _json(200, self._calls.shown(await self._calls.receive(call), call))
        return _json(200, self._calls.do(action, call))


def _json(status: int, document: Any, **headers: str) -> Answer:
    body = json.dumps(document).encode()
    return Answer(status, body, "application/x-amz-json-1.0", headers)


def _json_fault(fault: Refused) -> Answer:
    told = {"__type": f"com.amazonaws.sqs#{fault.code}", "message": fault.text}
    code = QUERY_CODES.get(fault.code, fault.code)
    return _json(fault.status, told, **{"x-amzn-query-error": f"{code};Sender"})


def _xml(status: int, action: str, result: str) -> Answer:
    text = f"<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"
    return Answer(status, text.encode(), "text/xml")


def _message(message: Message) -> str:
    return (
        f"<Message><MessageId>{message.id}</MessageId><ReceiptHandle>{message.handle}"
        f"</ReceiptHandle><Body>{escape(message.body)}</Body></Message>"
    )


def _xml_fault(fault: Refused) -> Answer:
    code = QUERY_CODES.get(fault.code, fault.code)
    told = f"<Type>Sender</Type><Code>{code}</Code><Message>{escape(fault.text)}</Message>"
    text = f"<ErrorResponse><Error>{told}</Error></ErrorResponse>"
    return Answer(fault.status, text.encode(), "text/xml")
