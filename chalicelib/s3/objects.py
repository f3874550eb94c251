"""Objects of the bucket: read whole, in part or as a stream; written a part at a time."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from botocore.exceptions import ClientError

from chalicelib.aws import account, signature
from chalicelib.s3.client import client
from chalicelib.settings import settings

ONCE = {"if-none-match": "*"}  # S3 refuses with 412 what is there already
URL_SECONDS = 900  # how long a presigned URL lives
PART_BYTES = 8 << 20  # S3 wants at least 5 MiB in every part but the last
DELETED_AT_ONCE = 1_000  # S3's limit
ABSENT = ("NoSuchKey", "404", "NotFound")


class TooLarge(Exception):
    """An object is larger than its reader takes."""


def _named(key: str) -> dict[str, str]:
    return {"Bucket": settings.bucket, "Key": key}


def _open(key: str, **options: str) -> Any:
    try:
        return client().get_object(**_named(key), **options)["Body"]
    except ClientError as error:
        if error.response["Error"]["Code"] in ABSENT:
            return None
        raise


def get(key: str, at_most: int | None = None) -> bytes | None:
    """The object's bytes, or None when there is none. Raises TooLarge, and reads no more than that:
    whoever has a presigned address stores as much as they like."""
    body = _open(key)
    if body is None:
        return None
    found: bytes = body.read() if at_most is None else body.read(at_most + 1)
    if at_most is not None and len(found) > at_most:
        body.close()
        raise TooLarge(key)
    return found


def get_range(key: str, part: range) -> bytes | None:
    """A part of the object, or None when there is no such object."""
    if not part:
        return b""
    body = _open(key, Range=f"bytes={part.start}-{part.stop - 1}")
    return None if body is None else body.read()


def stream(key: str) -> Iterator[bytes]:
    """The object's bytes, a megabyte at a time; nothing when there is none."""
    body = _open(key)
    if body is not None:
        yield from body.iter_chunks(1 << 20)


def keys(prefix: str) -> Iterator[str]:
    """The names of all objects that begin so, sorted."""
    return (name for name, _ in sizes(prefix))


def sizes(prefix: str) -> Iterator[tuple[str, int]]:
    """The same, with how many bytes they have."""
    pages = (
        client().get_paginator("list_objects_v2").paginate(Bucket=settings.bucket, Prefix=prefix)
    )
    for page in pages:
        yield from ((each["Key"], each["Size"]) for each in page.get("Contents", ()))


def delete(names: Sequence[str]) -> None:
    """Removes the objects; those that are gone already do not matter."""
    for first in range(0, len(names), DELETED_AT_ONCE):
        doomed = [{"Key": name} for name in names[first : first + DELETED_AT_ONCE]]
        client().delete_objects(Bucket=settings.bucket, Delete={"Objects": doomed, "Quiet": True})


def put(key: str, body: bytes) -> None:
    """Stores a small object."""
    client().put_object(Body=body, **_named(key))


def presigned_put(key: str, headers: Mapping[str, str] = signature.NO_HEADERS) -> str:
    """An address that takes exactly this object, from whoever sends these headers with it."""
    return _presigned("PUT", key, (), headers)


def presigned_get(key: str, file_name: str) -> str:
    """An address that a browser saves as `file_name`. It answers range requests too."""
    disposition = (
        ("response-content-disposition", f'attachment; filename="{file_name}"'),
        ("response-content-type", "application/octet-stream"),
    )
    return _presigned("GET", key, disposition)


def _presigned(
    method: str,
    key: str,
    parameters: Sequence[tuple[str, str]],
    headers: Mapping[str, str] = signature.NO_HEADERS,
) -> str:
    path = f"/{settings.bucket}/{quote(key, safe='/-_.~')}"
    payload = signature.UNSIGNED_PAYLOAD
    return account.presigned("s3", method, path, parameters, URL_SECONDS, payload, headers)


class Writer:
    """Writes one object; at most two parts are in memory. It appears whole at `close`, or never."""

    def __init__(self, key: str) -> None:
        self.size = 0
        self._target = _named(key)
        self._buffer = bytearray()
        self._upload: str | None = None
        self._done: list[dict[str, Any]] = []

    def write(self, data: bytes) -> None:
        """Appends."""
        self._buffer += data
        self.size += len(data)
        while len(self._buffer) >= PART_BYTES:
            self._put_part(bytes(self._buffer[:PART_BYTES]))
            del self._buffer[:PART_BYTES]

    def _put_part(self, part: bytes) -> None:
        if self._upload is None:
            self._upload = client().create_multipart_upload(**self._target)["UploadId"]
        number = len(self._done) + 1
        answer = client().upload_part(
            Body=part, PartNumber=number, UploadId=self._upload, **self._target
        )
        self._done.append({"PartNumber": number, "ETag": answer["ETag"]})

    def close(self) -> None:
        """The object is there when this returns."""
        if self._upload is None:
            client().put_object(Body=bytes(self._buffer), **self._target)
            return
        if self._buffer:
            self._put_part(bytes(self._buffer))
        client().complete_multipart_upload(
            UploadId=self._upload, MultipartUpload={"Parts": self._done}, **self._target
        )

    def abort(self) -> None:
        """Leaves nothing behind. What cannot be aborted, the bucket's rule removes in a week."""
        if self._upload is not None:
            client().abort_multipart_upload(UploadId=self._upload, **self._target)
