"""The S3 client, made on first use: importing botocore's S3 parts costs a cold start dearly."""

import threading
from functools import lru_cache
from typing import Any

from chalicelib.aws import account

_MAKING = threading.Lock()


def client() -> Any:
    """The one client of S3 in this process. Follows boto3's standard variables,
    `AWS_ENDPOINT_URL_S3` among them."""
    with _MAKING:
        return _client()


def forget() -> None:
    """For tests, whose environment changes."""
    _client.cache_clear()


@lru_cache(maxsize=1)
def _client() -> Any:
    from botocore.config import Config

    return account.session().create_client(
        "s3",
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            # Of a part of an object, rclone gives the checksum of the whole; chunks and compacted
            # logs have SHA-256 of their own.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=2,
            read_timeout=10,
            retries={"max_attempts": 4, "mode": "standard"},
        ),
    )
