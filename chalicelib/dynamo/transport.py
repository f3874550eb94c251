"""PynamoDB's way to DynamoDB: its models, conditions and expressions, sent by our own call.

A connection of PynamoDB makes a session and a client of botocore for itself; in place of that
client it is given `Transport`, the same for all of them.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from pynamodb.connection._botocore_private import BotocoreBaseClientPrivate
from pynamodb.connection.table import TableConnection
from pynamodb.models import Model

from chalicelib.aws.client import Client, Service, client

DYNAMODB = Service(
    name="dynamodb",
    target="DynamoDB_20120810",
    attempts=5,
    connect_seconds=2,
    read_seconds=5,  # a Lambda lives 30
    first_pause_seconds=0.025,  # botocore's, for DynamoDB
)


class Transport:
    """What PynamoDB asks of botocore's client: one method, and its keys, which are ours to find."""

    _request_signer = None

    def _make_api_call(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The answer as botocore's parser makes it. Raises what `Client.send` raises."""
        sent = json.dumps(arguments, default=_written_bytes).encode()
        said = dynamodb().send(operation, sent)
        answer: dict[str, Any] = json.loads(said) if said else {}
        if b'"B"' in said or b'"BS"' in said:
            _read_bytes(answer)
        return answer


class TableModel(Model):
    """A model that uses the transport."""

    @classmethod
    def _get_connection(cls) -> TableConnection:
        made: TableConnection = super()._get_connection()
        if made.connection._client is not _transport:
            made.connection._client = _transport
        return made


_transport = cast(BotocoreBaseClientPrivate, Transport())


def dynamodb() -> Client:
    """The one client of DynamoDB in this process."""
    return client(DYNAMODB)


# --- binary attributes: bytes in Python, base64 on the wire


def _written_bytes(value: object) -> str:
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} has no place in a call of DynamoDB")


_ITEMS = ("Item", "Attributes", "Key", "LastEvaluatedKey")  # attributes by name


def _read_bytes(answer: Mapping[str, Any]) -> None:
    """Makes bytes of all binary attributes of an answer."""
    for name in _ITEMS:
        _read_item(answer.get(name) or {})
    for item in answer.get("Items") or ():
        _read_item(item)
    for found in (answer.get("Responses") or {}).values():  # of BatchGetItem: items by table
        for item in found:
            _read_item(item)
    for left in (answer.get("UnprocessedKeys") or {}).values():
        for key in left["Keys"]:
            _read_item(key)
    for requests in (answer.get("UnprocessedItems") or {}).values():
        for request in requests:
            for change in request.values():
                _read_item(change.get("Item") or change.get("Key") or {})


def _read_item(item: Mapping[str, dict[str, Any]]) -> None:
    _read_values(item.values())


def _read_values(values: Iterable[dict[str, Any]]) -> None:
    for value in values:
        ((kind, inner),) = value.items()
        if kind == "B":
            value[kind] = base64.b64decode(inner)
        elif kind == "BS":
            value[kind] = [base64.b64decode(each) for each in inner]
        elif kind == "L":
            _read_values(inner)
        elif kind == "M":
            _read_item(inner)
