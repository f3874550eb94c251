"""How SQS is called."""

from chalicelib.aws import client as aws
from chalicelib.aws.client import Client

RINGERS = 16  # threads that ring at once

# It gives up soon: what it is used for are only hints.
SQS = aws.Service(name="sqs", target="AmazonSQS", attempts=2, connect_seconds=1, read_seconds=2)


def client() -> Client:
    """The one client of SQS in this process."""
    return aws.client(SQS)
