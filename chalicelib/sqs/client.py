"""The SQS client, made on first use."""

from functools import lru_cache
from typing import Any

RINGERS = 16  # threads that ring at once


@lru_cache(maxsize=1)
def _session() -> Any:
    import boto3

    boto3.setup_default_session()
    return boto3.DEFAULT_SESSION


@lru_cache(maxsize=1)
def client() -> Any:
    """Follows boto3's standard variables, `AWS_ENDPOINT_URL_SQS` among them. Gives up soon: what
    it is used for are only hints."""
    from botocore.config import Config

    return _session().client(
        "sqs",
        config=Config(
            connect_timeout=1,
            read_timeout=2,
            retries={"max_attempts": 2, "mode": "standard"},
            max_pool_connections=RINGERS,
        ),
    )


def credentials() -> Any:
    """What the client signs with, as it is now: on AWS it changes each few hours."""
    return _session().get_credentials().get_frozen_credentials()
