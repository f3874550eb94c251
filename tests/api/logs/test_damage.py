"""Chunks that are no chunks, and what an agent may write when."""

import struct
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import Any, BinaryIO, cast

import pytest
import requests

from chalicelib.logs.log import MAGIC, MAX_OBJECT_BYTES, PACKED_MAGIC
from chalicelib.s3 import chunks
from tests.api.conftest import Clock, People, log_cursor, named
from tests.api.logs.conftest import Logged, data_of, due, err, fill, out, put

MEGABYTE = 1 << 20

HEADER = struct.Struct(">BQI")
EVIL = {
    "empty": b"",
    "no magic": b"hello",
    "cut in a header": MAGIC + b"\1\0",
    "cut in a record": MAGIC + HEADER.pack(1, 0, 50) + b"short",
    "unknown stream": MAGIC + HEADER.pack(9, 0, 0),
    "long record": MAGIC + HEADER.pack(1, 0, 2**32 - 1),
    "no zlib": PACKED_MAGIC + b"hello",
    "cut zlib": PACKED_MAGIC + zlib.compress(b"x" * 999)[:-4],
    "bomb": PACKED_MAGIC + zlib.compress(bytes(64 << 20)),
    "huge": MAGIC + bytes(MAX_OBJECT_BYTES),
}


@pytest.mark.parametrize("evil", EVIL.values(), ids=EVIL)
def test_a_damaged_chunk_is_shown_as_such_and_the_rest_is_read(
    admin: People, logged: Logged, evil: bytes
) -> None:
    logged.put(out("one\n"))
    logged.put_chunk(evil)
    logged.put(out("three\n"))
    page = admin.data("GET", logged.path)
    assert (page["state"], page["missing"]) == ("streaming", None)
    logged.finish()
    text = b"one\n[plumber: part 2 of this log is damaged]\nthree\n"
    for query in ("", "?tail=10", "?since=2000-01-01T00:00:00Z"):
        page = admin.data("GET", logged.path + query)
        assert data_of(page) == text, query
        assert (page["state"], page["missing"]["chunks"]) == ("incomplete", 1), query
        assert "damaged" in page["missing"]["reason"]
    after_two = log_cursor(logged.run_id, logged.job["job_id"], "3.0")
    rest = admin.data("GET", f"{logged.path}?cursor={after_two}")
    assert (rest["state"], data_of(rest)) == ("complete", b"three\n")
    for path in (f"{logged.path}/search", f"/runs/{logged.run_id}/search"):
        (match,) = admin.data("GET", f"{path}?pattern=three")["matches"]
        assert match["text"] == "three"
    (group,) = admin.data("GET", f"/runs/{logged.run_id}/outputs")["groups"]
    assert "one" in group["sample"]["text"]
    code, message = admin.refused("GET", f"{logged.path}/download?stream=stdout&redirect=false")
    assert (code, "damaged" in message) == (1005, True)


def test_the_last_chunk_may_be_damaged_too(admin: People, logged: Logged) -> None:
    logged.put(out("one\n"))
    logged.put_chunk(b"hello")
    logged.finish()
    assert admin.data("GET", f"{logged.path}?tail=1")["state"] == "incomplete"
    for stream in ("stdout", "all"):
        path = f"{logged.path}/download?stream={stream}&redirect=false"
        assert admin.refused("GET", path)[0] == 1005


def test_a_report_of_one_stream_is_compared_like_any_other(admin: People, logged: Logged) -> None:
    logged.put(out("one\n"))
    digest = "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806"
    streams = {"stdout": {"bytes": 4, "sha256": digest}}
    logged.agent.finish(logged.job, log={"chunks": 1, "streams": streams})
    (group,) = admin.data("GET", f"/runs/{logged.run_id}/outputs")["groups"]
    assert (group["stdout_bytes"], group["stderr_bytes"]) == (4, 0)
    assert group["sample"]["text"] == "one\n"


# --- what an agent may write


def urls(logged: Logged, first: int, count: int) -> list[dict[str, Any]]:
    asked = {"from": first, "count": count}
    found: list[dict[str, Any]] = logged.agent.result("job.log_urls", **named(logged.job), **asked)[
        "urls"
    ]
    return found


def refused(logged: Logged, first: int) -> bool:
    asked = {"from": first, "count": 10}
    return bool(logged.agent.error("job.log_urls", **named(logged.job), **asked) == -32003)


def test_after_the_end_only_what_was_reported_is_taken(logged: Logged) -> None:
    assert [each["seq"] for each in urls(logged, 1, 3)] == [1, 2, 3]
    logged.put(out("one\n"), err("two\n"))
    logged.finish(promised=2)
    assert [each["seq"] for each in urls(logged, 1, 50)] == [1, 2]
    assert refused(logged, 3)


def test_a_week_after_the_end_nothing_is_taken(logged: Logged, travel: Clock) -> None:
    logged.put(out("one\n"))
    logged.finish(promised=2)
    travel.after(6 * 86_400)
    assert [each["seq"] for each in urls(logged, 2, 1)] == [2]
    travel.after(2 * 86_400)
    assert refused(logged, 2)


def test_what_was_compacted_is_not_taken_again(logged: Logged, travel: Clock) -> None:
    fill(logged)
    logged.finish()
    assert due(travel) == 1
    assert refused(logged, 1)


def test_addresses_write_once_and_say_what_must_be_sent(logged: Logged) -> None:
    for address in (logged.job["urls"][0], *urls(logged, 1, 1)):
        assert address["headers"] == {"if-none-match": "*"}
        assert requests.put(address["url"], data=b"x", timeout=10).status_code == 403
        put(address, b"x")


def test_a_chunk_of_300_megabytes_harms_neither_readers_nor_compaction(
    admin: People, logged: Logged, travel: Clock
) -> None:
    logged.put(out("one\n"))
    logged.put(out("two\n"))
    address = urls(logged, 3, 1)[0]
    logged.count += 1
    with zeros(300) as huge:
        requests.put(
            address["url"], data=huge, headers=address["headers"], timeout=60
        ).raise_for_status()
    logged.put(out("four\n"), out("five\n"))
    logged.put(out("six\n"))
    logged.finish()
    tracemalloc.start()
    try:
        page = admin.data("GET", logged.path)
        assert data_of(page).startswith(b"one\ntwo\n[plumber: part 3 of this log is damaged]\nfour")
        assert admin.data("GET", f"{logged.path}/search?pattern=six")["matches"]
        assert admin.data("GET", f"/runs/{logged.run_id}/outputs")["groups"]
        assert due(travel) == 0
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 30 * MEGABYTE
    assert list(chunks.numbers(logged.key, 1)) == [1, 2, 3, 4, 5]


@contextmanager
def zeros(megabytes: int) -> Iterator[BinaryIO]:
    """A file that takes no room."""
    with TemporaryFile() as file:
        file.truncate(megabytes * MEGABYTE)
        yield cast(BinaryIO, file)
