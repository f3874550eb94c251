"""A call of one of AWS's JSON services: signed, sent over a kept connection, made again if need be.

The seam of everything that goes to DynamoDB and SQS: `Client.send`. Benchmarks count there, and
the simulation lets calls go wrong there.
"""

import json
import random
import threading
import time
import zlib
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
from botocore.exceptions import (
    BotoCoreError,
    ChecksumError,
    ClientError,
    ConnectionError,
    HTTPClientError,
)

from chalicelib.aws import account, retrying, signature
from chalicelib.aws.connections import Answer, Pool, unpacked
from chalicelib.settings import VERSION

SKEW_AT_LEAST = timedelta(minutes=4)  # AWS refuses signatures that are five minutes off
# What is worth another attempt: nothing came, or it broke off.
_TRANSIENT = (ConnectionError, HTTPClientError, ChecksumError)


class Service(msgspec.Struct, frozen=True):
    """How a service wants to be called. Times are seconds."""

    name: str  # as boto3, its variables and the signature's scope name it
    target: str  # before the operation in `x-amz-target`
    attempts: int
    connect_seconds: float
    read_seconds: float
    first_pause_seconds: float = 0.05
    json_version: str = "1.0"


class Client:
    """Calls one service. For many threads; one in a process, see `client`."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._scope = signature.Scope(account.region(), service.name)
        self._host = account.host(service.name)
        self._pool = Pool(
            account.origin(service.name), service.connect_seconds, service.read_seconds
        )
        self._quota = retrying.Quota()
        self._skew = timedelta()

    @property
    def name(self) -> str:
        """The service's."""
        return self._service.name

    def warm(self) -> None:
        """Connects before the first call. A fault is left to that call."""
        try:
            account.keys()
            self._pool.warm()
        except BotoCoreError:
            return

    def close(self) -> None:
        """Gives up its connections. It can be used again."""
        self._pool.close()

    def send(self, operation: str, body: bytes) -> bytes:
        """One call; answers the body of the answer. Both are JSON.

        Raises botocore's ClientError for what the service refused, and its other exceptions for
        what did not reach it. A call that broke off may have been carried out.
        """
        attempt, taken, mended = 1, None, False
        while True:
            keys, answer = account.keys(), None
            error: BotoCoreError | ClientError | None = None
            try:
                answer = self._ask(operation, body, keys)
            except _TRANSIENT as fault:
                error = fault
            if answer is not None and answer.status == 200:
                self._quota.give_back(taken)
                return answer.body
            if answer is not None:
                error = _refusal(answer, operation)
                if not mended and self._mend(answer, _code(error), keys):
                    mended = True  # the same call again, signed anew: that is not an attempt
                    continue
            assert error is not None
            taken = self._wait_for_another(attempt, error, answer)
            if taken is None:
                raise error
            attempt += 1

    def _ask(self, operation: str, body: bytes, keys: signature.Keys) -> Answer:
        at = account.now() + self._skew
        signed = {
            "content-type": f"application/x-amz-json-{self._service.json_version}",
            "host": self._host,
            "x-amz-date": signature.stamp(at),
            "x-amz-target": f"{self._service.target}.{operation}",
        }
        if keys.token is not None:
            signed["x-amz-security-token"] = keys.token
        line = signature.authorization("POST", "/", signed, body, keys, self._scope, at)
        headers = {
            **signed,
            "authorization": line,
            "content-length": str(len(body)),
            "accept-encoding": "gzip",
            "user-agent": f"plumber/{VERSION}",
        }
        answer = self._pool.exchange(headers, body)
        _check(answer)
        return unpacked(answer)

    def _mend(self, answer: Answer, code: str, used: signature.Keys) -> bool:
        """Whether the call was refused for a clock or keys that are no longer so."""
        if code in retrying.EXPIRED_CODES:
            return account.keys() != used
        if code not in retrying.SKEWED_CODES or "date" not in answer.headers:
            return False
        try:
            skew = parsedate_to_datetime(answer.headers["date"]) - account.now()
        except (TypeError, ValueError):  # no date, or one without its zone
            return False
        if abs(skew - self._skew) < SKEW_AT_LEAST:
            return False
        self._skew = skew
        return True

    def _wait_for_another(
        self, attempt: int, error: BotoCoreError | ClientError, answer: Answer | None
    ) -> int | None:
        """Waits before the call is made again, and answers what that took from the quota; None, at
        once, where it is not made again."""
        status, code = (answer.status, _code(error)) if answer is not None else (0, "")
        is_throttled = retrying.is_throttled(status, code)
        if answer is not None and not (is_throttled or retrying.is_transient(status, code)):
            return None
        cost = retrying.Quota.COST_OF_THROTTLED if is_throttled else retrying.Quota.COST
        if attempt >= self._service.attempts or not self._quota.take(cost):
            return None
        first = retrying.THROTTLED_SECONDS if is_throttled else self._service.first_pause_seconds
        headers = answer.headers if answer is not None else None
        pause(retrying.pause_seconds(attempt, first, random.random(), headers))
        return cost


def pause(seconds: float) -> None:
    """The only wait between attempts; tests make it short."""
    time.sleep(seconds)


def _check(answer: Answer) -> None:
    """Raises ChecksumError when the answer is not what was sent. DynamoDB's CRC32 is of the body
    as it travels, packed or not."""
    expected = answer.headers.get("x-amz-crc32")
    if expected is None:
        return
    actual = str(zlib.crc32(answer.body))
    if actual != expected:
        raise ChecksumError(
            checksum_type="crc32", expected_checksum=expected, actual_checksum=actual
        )


def _code(error: ClientError | BotoCoreError | None) -> str:
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else ""


def _refusal(answer: Answer, operation: str) -> ClientError:
    """As botocore's parser of JSON makes it: `Error`, `ResponseMetadata`, and what the service
    says besides."""
    try:
        said = json.loads(answer.body)
    except ValueError:
        said = {}
    said = said if isinstance(said, dict) else {}
    code = str(said.pop("__type", answer.status)).partition(":")[0].rpartition("#")[2]
    lower, upper = said.pop("message", None), said.pop("Message", None)
    message = lower or upper or ""
    response: Any = {
        **said,
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {
            "HTTPStatusCode": answer.status,
            "HTTPHeaders": dict(answer.headers),
            "RequestId": answer.headers.get("x-amzn-requestid", ""),
        },
    }
    return ClientError(response, operation)


_MAKING = threading.Lock()
_CLIENTS: dict[Service, Client] = {}


def client(service: Service) -> Client:
    """The one client of a service in this process."""
    found = _CLIENTS.get(service)
    if found is None:
        with _MAKING:
            found = _CLIENTS.get(service) or _CLIENTS.setdefault(service, Client(service))
    return found


def forget() -> None:
    """For tests, whose environment changes: the next call looks at it anew."""
    while _CLIENTS:
        _CLIENTS.popitem()[1].close()
    account.forget()
