"""A log is read in pages: packed chunks, the last lines, from a time on, waiting for more."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.logs import log
from chalicelib.logs.log import Stream
from tests.api.conftest import Clock
from tests.api.logs.conftest import NOW, Logged, data_of, due, err, fill, out, record


def test_a_packed_chunk_is_read_like_any_other(logged: Logged) -> None:
    logged.put(out("a\n" * 1_000), err("b"), packed=True)
    assert data_of(next(logged.pages())) == b"a\n" * 1_000 + b"b"


@pytest.mark.parametrize("is_compacted", [False, True])
def test_the_last_lines(logged: Logged, travel: Clock, is_compacted: bool) -> None:
    fill(logged)
    if is_compacted:
        logged.finish()
        assert due(travel) == 1

    def tail(count: int, query: str = "") -> bytes:
        return data_of(logged.admin.data("GET", f"{logged.path}?tail={count}{query}"))

    assert tail(1) == b"err 6\n"
    assert tail(3) == b"err 5\nout 6\nerr 6\n"
    assert tail(2, "&stream=stdout") == b"out 5\nout 6\n"
    assert tail(1_000) == b"".join(data_of(page) for page in [next(logged.pages())])
    for bad in ("0", "10001", "x"):
        assert logged.admin.refused("GET", f"{logged.path}?tail={bad}")[0] == 1001
    assert logged.admin.refused("GET", f"{logged.path}?tail=1&cursor=1.0")[0] == 1001


def test_a_last_line_without_an_end_is_one(logged: Logged) -> None:
    logged.put(out("one\ntwo\nthree"))
    assert data_of(logged.admin.data("GET", f"{logged.path}?tail=2")) == b"two\nthree"


@pytest.mark.parametrize("is_compacted", [False, True])
def test_from_a_time_on(logged: Logged, travel: Clock, is_compacted: bool) -> None:
    whole = fill(logged)
    if is_compacted:
        logged.finish()
        assert due(travel) == 1

    def since(seconds: float) -> bytes:
        at = (NOW + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
        return data_of(logged.admin.data("GET", f"{logged.path}?since={at}"))

    assert since(-5) == whole
    assert since(4) == whole[whole.index(b"out 4") :]
    assert since(5.5) == b"out 6\nerr 6\n"
    assert since(7) == b""


def test_a_followed_job_is_named_to_its_agent_until_nobody_reads(
    logged: Logged, travel: Clock
) -> None:
    lease = logged.job["lease"]
    assert logged.agent.poll(lease)["followed"] == []
    logged.admin.data("GET", logged.path)
    assert logged.agent.poll(lease)["followed"] == [lease]
    travel.after(log.FOLLOWED_FOR.total_seconds() + 1)
    assert logged.agent.poll(lease)["followed"] == []


def test_a_log_that_was_cut_says_what_is_missing(logged: Logged) -> None:
    logged.put(out("head"), record(Stream.PLUMBER, b"12 bytes are missing here\n"), out("tail"))
    streams = {
        "stdout": {"bytes": 8, "sha256": hashlib.sha256(b"headtail").hexdigest(), "missing": 12},
        "stderr": {"bytes": 0, "sha256": hashlib.sha256().hexdigest()},
    }
    summary = {"chunks": 1, "streams": streams, "truncated": True, "reason": "the limit"}
    logged.agent.finish(logged.job, log=summary)
    (page,) = logged.pages()
    assert [each["stream"] for each in page["records"]] == ["stdout", "plumber", "stdout"]
    assert page["state"] == "incomplete"
    assert page["missing"] == {
        "chunks": 0, "stdout_bytes": 12, "stderr_bytes": 0, "reason": "the limit",
    }  # fmt: skip
    assert logged.download("stdout") == b"headtail"
    assert logged.download("all") == b"head12 bytes are missing here\ntail"


@pytest.fixture
def while_waiting(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`while_waiting(*actions)`: one of them happens each time that an answer waits."""

    def happen(*actions: Any) -> None:
        coming = list(actions)
        monkeypatch.setattr("time.sleep", lambda _: coming.pop(0)())

    return happen


def test_a_waiting_answer_has_the_next_chunk_as_soon_as_it_is_there(
    logged: Logged, while_waiting: Any
) -> None:
    logged.put(out("one\n"))
    page = next(logged.pages())
    while_waiting(lambda: None, lambda: logged.put(out("two\n")))
    page = logged.admin.data("GET", f"{logged.path}?wait=10&cursor={page['next']}")
    assert data_of(page) == b"two\n"


def test_a_waiting_answer_knows_of_the_end_within_a_second(
    logged: Logged, while_waiting: Any
) -> None:
    logged.put(out("one\n"))
    cursor = next(logged.pages())["next"]
    looks_in_a_second = 7
    while_waiting(logged.finish, *[lambda: None] * looks_in_a_second)
    page = logged.admin.data("GET", f"{logged.path}?wait=10&cursor={cursor}")
    assert (page["state"], page["records"]) == ("complete", [])


def test_an_answer_waits_no_longer_than_asked(
    logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [100.0]
    monkeypatch.setattr("chalicelib.api.logs.routes.time.monotonic", lambda: seconds[0])
    waited = []

    def wait(length: float) -> None:
        waited.append(length)
        seconds[0] += length

    monkeypatch.setattr("time.sleep", wait)
    page = logged.admin.data("GET", f"{logged.path}?wait=2")
    assert (page["state"], page["records"], page["has_more"]) == ("streaming", [], False)
    assert 2 < sum(waited) < 2.5


@pytest.mark.parametrize("seconds", ["0", "11", "-1", "x"])
def test_an_answer_waits_ten_seconds_at_most(logged: Logged, seconds: str) -> None:
    code, message = logged.admin.refused("GET", f"{logged.path}?wait={seconds}")
    assert (code, message) == (1001, "wait must be a whole number from 1 to 10.")
