"""Log chunks as objects, and whole streams put together from them."""

from collections.abc import Iterable, Iterator

from botocore.exceptions import ClientError

from chalicelib.job import JobKey
from chalicelib.log import attempt_prefix, chunk_key
from chalicelib.s3.client import client
from chalicelib.settings import settings

URL_SECONDS = 900  # how long a presigned URL lives
PART_BYTES = 8 << 20  # S3 wants at least 5 MiB in every part but the last


def put_url(key: JobKey, attempt: int, seq: int) -> str:
    """A presigned PUT for exactly this chunk."""
    url: str = client().generate_presigned_url(
        "put_object",
        Params={"Bucket": settings.bucket, "Key": chunk_key(key, attempt, seq)},
        ExpiresIn=URL_SECONDS,
    )
    return url


def get(key: JobKey, attempt: int, seq: int) -> bytes | None:
    """The chunk's bytes, or None when it has not arrived."""
    try:
        answer = client().get_object(Bucket=settings.bucket, Key=chunk_key(key, attempt, seq))
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
            return None
        raise
    body: bytes = answer["Body"].read()
    return body


def _stream_key(key: JobKey, attempt: int, stream: str, chunks: int) -> str:
    return f"{attempt_prefix(key, attempt)}{stream}-{chunks}"


def whole_stream_bytes(key: JobKey, attempt: int, stream: str, chunks: int) -> int | None:
    """The size of the stream put together from its first `chunks` chunks; None when it is not."""
    try:
        answer = client().head_object(
            Bucket=settings.bucket, Key=_stream_key(key, attempt, stream, chunks)
        )
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
            return None
        raise
    return int(answer["ContentLength"])


def put_whole_stream(
    key: JobKey, attempt: int, stream: str, chunks: int, pieces: Iterable[bytes]
) -> int:
    """Stores the stream as one object, a part at a time; answers its size.

    May be repeated: the object appears whole or not at all.
    """
    target = {"Bucket": settings.bucket, "Key": _stream_key(key, attempt, stream, chunks)}
    parts = _parts(pieces)
    first = next(parts, b"")
    if len(first) < PART_BYTES:
        client().put_object(Body=first, **target)
        return len(first)
    upload = client().create_multipart_upload(**target)["UploadId"]
    done, size = [], 0
    try:
        for number, part in enumerate(_chain(first, parts), 1):
            answer = client().upload_part(Body=part, PartNumber=number, UploadId=upload, **target)
            done.append({"PartNumber": number, "ETag": answer["ETag"]})
            size += len(part)
        client().complete_multipart_upload(
            UploadId=upload, MultipartUpload={"Parts": done}, **target
        )
    except BaseException:
        client().abort_multipart_upload(UploadId=upload, **target)
        raise
    return size


def _chain(first: bytes, rest: Iterable[bytes]) -> Iterable[bytes]:
    yield first
    yield from rest


def _parts(pieces: Iterable[bytes]) -> Iterator[bytes]:
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        while len(buffer) >= PART_BYTES:
            yield bytes(buffer[:PART_BYTES])
            del buffer[:PART_BYTES]
    if buffer:
        yield bytes(buffer)


def whole_stream_url(key: JobKey, attempt: int, stream: str, chunks: int, file_name: str) -> str:
    """A presigned GET that a browser saves as `file_name`."""
    url: str = client().generate_presigned_url(
        "get_object",
        Params={
            "Bucket": settings.bucket,
            "Key": _stream_key(key, attempt, stream, chunks),
            "ResponseContentDisposition": f'attachment; filename="{file_name}"',
            "ResponseContentType": "application/octet-stream",
        },
        ExpiresIn=URL_SECONDS,
    )
    return url
