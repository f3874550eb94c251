"""The output of jobs, over the real app and real S3 objects."""

import base64
import hashlib
from typing import Any

import requests

from chalicelib import clock
from chalicelib.logs.log import Record, Stream, encode
from tests.api.conftest import People, log_cursor, named
from tests.api.logs.conftest import put as put_chunk
from tests.api.test_runs import trigger

NOW = clock.read()


def put(job: dict[str, Any], *records: Record, seq: int = 1) -> None:
    address = next(each for each in job["urls"] if each["seq"] == seq)
    put_chunk(address, encode(list(records)))


def out(data: bytes) -> Record:
    return Record(Stream.STDOUT, NOW, data)


def err(data: bytes) -> Record:
    return Record(Stream.STDERR, NOW, data)


def summary(chunks: int, stdout: bytes = b"", stderr: bytes = b"") -> dict[str, Any]:
    streams = {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in (("stdout", stdout), ("stderr", stderr))
    }
    return {"chunks": chunks, "streams": streams, "truncated": False}


def read(admin: People, path: str) -> tuple[list[tuple[str, bytes]], str, str]:
    page = admin.data("GET", path)
    found = [(each["stream"], base64.b64decode(each["data"])) for each in page["records"]]
    return found, page["next"], page["state"]


def test_a_log_is_readable_while_it_grows_and_afterwards(admin: People, agent: Any) -> None:
    one = agent()
    run_id = trigger(admin, one)
    (job,) = one.poll()["jobs"]
    path = f"/runs/{run_id}/jobs/{job['job_id']}/log"
    assert read(admin, path) == ([], log_cursor(run_id, job["job_id"], "1.0"), "streaming")
    put(job, out(b"a\x00\xff"), err(b"oh"))
    found, cursor, state = read(admin, path)
    assert (found, state) == ([("stdout", b"a\x00\xff"), ("stderr", b"oh")], "streaming")
    assert read(admin, f"{path}?cursor={cursor}") == ([], cursor, "streaming")
    one.finish(job, log=summary(2, b"a\x00\xffb", b"oh"))
    assert read(admin, f"{path}?cursor={cursor}") == ([], cursor, "shipping")
    put(job, out(b"b"), seq=2)
    after = log_cursor(run_id, job["job_id"], "3.0")
    assert read(admin, f"{path}?cursor={cursor}") == ([("stdout", b"b")], after, "complete")
    assert read(admin, f"{path}?stream=stderr")[0] == [("stderr", b"oh")]
    assert admin.refused("GET", f"{path}?stream=both")[0] == 1001
    assert admin.refused("GET", f"{path}?cursor=x")[0] == 1001


def test_a_large_log_is_read_page_by_page(admin: People, agent: Any) -> None:
    one = agent()
    run_id = trigger(admin, one)
    (job,) = one.poll()["jobs"]
    put(job, *(out(b"%d\n" % number) for number in range(10_000)))
    put(job, out(b"x" * 65_536), out(b"end"), seq=2)
    one.finish(job, log=summary(2))
    path = f"/runs/{run_id}/jobs/{job['job_id']}/log"
    cursor, whole, pages = "", b"", 0
    while True:
        found, cursor, state = read(admin, f"{path}?cursor={cursor}")
        whole += b"".join(data for _, data in found)
        pages += 1
        if state == "complete":
            break
    assert whole == b"".join(b"%d\n" % n for n in range(10_000)) + b"x" * 65_536 + b"end"
    assert pages == 3


def test_a_whole_stream_is_downloaded_byte_for_byte(admin: People, agent: Any) -> None:
    one = agent()
    run_id = trigger(admin, one)
    (job,) = one.poll()["jobs"]
    path = f"/runs/{run_id}/jobs/{job['job_id']}/log/download"
    assert admin.refused("GET", f"{path}?stream=stdout")[0] == 1005
    put(job, out(b"a\r\n"), err(b"e"), out(b"\xff"))
    one.finish(job, log=summary(2))
    assert admin.refused("GET", f"{path}?stream=stdout")[0] == 1005
    put(job, out(b"z"), seq=2)
    for _ in range(2):
        found = admin.data("GET", f"{path}?stream=stdout&redirect=false")
        answer = requests.get(found["url"], timeout=10)
        assert (answer.content, found["bytes"]) == (b"a\r\n\xffz", 5)
        assert "attachment" in answer.headers["Content-Disposition"]
    assert admin.refused("GET", path)[0] == 1001


def test_further_urls_are_handed_out_and_live_on_after_the_end(admin: People, agent: Any) -> None:
    one = agent()
    run_id = trigger(admin, one)
    (job,) = one.poll()["jobs"]
    one.finish(job, log=summary(11, b"late"))
    urls = one.result("job.log_urls", **named(job), **{"from": 11, "count": 2})["urls"]
    assert [each["seq"] for each in urls] == [11]  # no more were reported
    put_chunk(urls[0], encode([out(b"late")]))
    before, after = (log_cursor(run_id, job["job_id"], place) for place in ("11.0", "12.0"))
    found = read(admin, f"/runs/{run_id}/jobs/{job['job_id']}/log?cursor={before}")
    assert found == ([("stdout", b"late")], after, "complete")
    for bounds in ({"from": 0, "count": 1}, {"from": 1, "count": 0}, {"from": 1, "count": 101}):
        assert one.error("job.log_urls", **named(job), **bounds) == -32602
