"""The verbs of objects and of log chunks, on every backend."""

import random
import re
import secrets
from datetime import datetime, timezone

import pytest
import requests

from chalicelib.aws import account
from chalicelib.logs.log import (
    MAGIC,
    MAX_OBJECT_BYTES,
    MAX_RECORD_BYTES,
    CorruptChunk,
    Record,
    Stream,
    chunk_key,
    encode,
)
from chalicelib.runs.job import JobKey
from chalicelib.s3 import chunks, objects
from chalicelib.s3.client import client
from chalicelib.settings import settings

pytestmark = pytest.mark.usefixtures("backend")

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
KEY = JobKey("01R", 1, "agent-a")


@pytest.fixture
def prefix() -> str:
    """Of names that no other test uses: objects outlive a test."""
    return f"objects/{secrets.token_hex(8)}/"


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def test_an_object_is_read_whole_in_part_and_as_a_stream(prefix: str) -> None:
    body = noise((2 << 20) + 17)
    objects.put(prefix + "one", body)
    assert objects.get(prefix + "one") == body
    assert objects.get_range(prefix + "one", range(5, 1_000)) == body[5:1_000]
    assert objects.get_range(prefix + "one", range(5, 5)) == b""
    assert b"".join(objects.stream(prefix + "one")) == body


def test_an_object_that_is_not_there_is_none(prefix: str) -> None:
    assert objects.get(prefix + "none") is None
    assert objects.get_range(prefix + "none", range(3)) is None
    assert list(objects.stream(prefix + "none")) == []


def test_names_are_listed_sorted_beyond_one_page(prefix: str) -> None:
    names = [f"{prefix}{number:05d}" for number in range(1_001)]  # S3 lists 1,000 at once
    for name in names:
        objects.put(name, b"x")
    assert list(objects.keys(prefix)) == names
    objects.delete(names)  # and deletes as many
    assert list(objects.keys(prefix)) == []


def test_deleting_may_be_repeated(prefix: str) -> None:
    objects.put(prefix + "one", b"x")
    objects.delete([prefix + "one", prefix + "never"])
    objects.delete([prefix + "one"])
    objects.delete([])
    assert objects.get(prefix + "one") is None


def test_a_presigned_put_may_be_repeated(prefix: str) -> None:
    url = objects.presigned_put(prefix + "one")
    requests.put(url, data=b"first", timeout=10).raise_for_status()
    requests.put(url, data=b"again", timeout=10).raise_for_status()
    assert objects.get(prefix + "one") == b"again"


def test_a_presigned_get_answers_whole_and_in_part(backend: str, prefix: str) -> None:
    objects.put(prefix + "one", b"0123456789")
    url = objects.presigned_get(prefix + "one", "one.log")
    assert requests.get(url, timeout=10).content == b"0123456789"
    part = requests.get(url, headers={"Range": "bytes=2-4"}, timeout=10)
    partial = 206 if backend == "moto" else 200  # rclone's own way
    assert (part.status_code, part.content) == (partial, b"234")


@pytest.mark.parametrize("_tables", ["local"], indirect=True)  # moto checks none
def test_a_forged_presigned_put_is_refused(prefix: str) -> None:
    url = objects.presigned_put(prefix + "one").replace(prefix + "one", prefix + "other")
    assert requests.put(url, data=b"forged", timeout=10).status_code == 403
    assert objects.get(prefix + "other") is None


@pytest.mark.parametrize(
    "size", [0, 1, objects.PART_BYTES - 1, objects.PART_BYTES, 2 * objects.PART_BYTES + 1]
)
def test_a_writer_stores_any_size(prefix: str, size: int) -> None:
    body = noise(size)
    writer = objects.Writer(prefix + "large")
    for first in range(0, size, 3 << 20):
        writer.write(body[first : first + (3 << 20)])
    assert objects.get(prefix + "large") is None
    writer.close()
    assert writer.size == size
    assert objects.get(prefix + "large") == body


def test_an_aborted_writer_leaves_nothing(prefix: str) -> None:
    writer = objects.Writer(prefix + "large")
    writer.write(noise(objects.PART_BYTES + 1))
    writer.abort()
    listed = client().list_multipart_uploads(Bucket=settings.bucket, Prefix=prefix)
    assert listed.get("Uploads", []) == []
    assert list(objects.keys(prefix)) == []


def test_chunks_are_listed_read_and_deleted_up_to_a_number() -> None:
    record = Record(Stream.STDOUT, NOW, b"line\n")
    for seq in (1, 2, 10):
        objects.put(chunk_key(KEY, 1, seq), encode([record]))
    assert list(chunks.numbers(KEY, 1)) == [1, 2, 10]
    assert chunks.get(KEY, 1, 2) == [record]
    assert chunks.get(KEY, 1, 3) is None
    chunks.delete(KEY, 1, up_to=2)
    assert list(chunks.numbers(KEY, 1)) == [10]
    chunks.delete(KEY, 1, up_to=10)
    chunks.delete(KEY, 1, up_to=10)
    assert list(chunks.numbers(KEY, 1)) == []


def test_no_more_of_an_object_is_read_than_its_reader_takes(prefix: str) -> None:
    objects.put(prefix + "one", b"12345")
    assert objects.get(prefix + "one", at_most=5) == b"12345"
    with pytest.raises(objects.TooLarge):
        objects.get(prefix + "one", at_most=4)


def test_a_chunk_that_is_too_large_is_damaged() -> None:
    objects.put(chunk_key(KEY, 2, 1), MAGIC + bytes(MAX_OBJECT_BYTES))
    with pytest.raises(CorruptChunk):
        chunks.get(KEY, 2, 1)
    hardest = [Record(Stream.STDOUT, NOW, noise(MAX_RECORD_BYTES)) for _ in range(15)]
    objects.put(chunk_key(KEY, 2, 2), encode(hardest, packed=True))
    assert chunks.get(KEY, 2, 2) == hardest
    chunks.delete(KEY, 2, up_to=2)


@pytest.mark.parametrize("_tables", ["local"], indirect=True)  # moto checks none
def test_a_put_that_is_signed_to_write_once_needs_its_header(prefix: str) -> None:
    url = objects.presigned_put(prefix + "one", objects.ONCE)
    assert requests.put(url, data=b"x", timeout=10).status_code == 403
    assert requests.put(url, data=b"x", headers=objects.ONCE, timeout=10).status_code == 200


@pytest.mark.parametrize("_tables", ["local"], indirect=True)  # moto checks none
def test_the_address_of_a_chunk_holds_with_the_token_of_a_role_and_not_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a/token+with=signs")
    account.forget()
    address = chunks.put_url(KEY, 3, 1)
    account.forget()
    without = re.sub("&X-Amz-Security-Token=[^&]*", "", address.url)
    assert without != address.url
    told = [
        requests.put(url, data=b"x", headers=dict(address.headers), timeout=10).status_code
        for url in (without, address.url)
    ]
    assert told == [403, 200]
    chunks.delete(KEY, 3, up_to=1)


@pytest.mark.parametrize("_tables", ["moto"], indirect=True)  # rclone overwrites
def test_a_put_that_is_signed_to_write_once_writes_once(prefix: str) -> None:
    url = objects.presigned_put(prefix + "one", objects.ONCE)
    told = [
        requests.put(url, data=body, headers=objects.ONCE, timeout=10).status_code
        for body in (b"first", b"second")
    ]
    assert told == [200, 412]
    assert objects.get(prefix + "one") == b"first"
