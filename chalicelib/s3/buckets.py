"""The bucket of this installation."""

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.s3.client import client
from chalicelib.settings import settings


def create() -> None:
    """Creates the bucket unless it is there. On AWS the template does so."""
    try:
        client().create_bucket(Bucket=settings.bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in (
            "BucketAlreadyOwnedByYou",
            "BucketAlreadyExists",
        ):
            raise


def is_reachable() -> bool:
    """Whether S3 answers for the bucket."""
    try:
        client().head_bucket(Bucket=settings.bucket)
    except (BotoCoreError, ClientError):
        return False
    return True
