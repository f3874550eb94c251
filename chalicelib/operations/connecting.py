"""Connections that a cold start makes before its first call."""

import os

from chalicelib.dynamo.transport import dynamodb
from chalicelib.sqs import doorbells
from chalicelib.sqs.client import client as sqs


def connect_early() -> None:
    """On Lambda, where the start of a process has a whole processor and its calls have a part of
    one: keys, certificates and TLS are done with before a caller waits for them. Elsewhere the
    first call connects."""
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        dynamodb().warm()
        if doorbells.are_hung():
            sqs().warm()
