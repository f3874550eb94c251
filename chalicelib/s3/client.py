"""The S3 client, made on first use: importing botocore's S3 parts costs a cold start dearly."""

from functools import lru_cache
from typing import Any

from chalicelib.aws import account


@lru_cache(maxsize=1)
def client() -> Any:
    """Follows boto3's standard variables, `AWS_ENDPOINT_URL_S3` among them."""
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
