"""Long logs: packed chunks, the last lines, from a time on, compaction, search, comparison."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import count
from random import Random
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib import clock, log
from chalicelib.dynamo import jobs
from chalicelib.job import JobKey
from chalicelib.log import Record, Stream, encode
from chalicelib.operations import compaction
from chalicelib.s3 import chunks, objects
from tests.api.conftest import Clock, People, definition, named

NOW = clock.read()
_NUMBERS = count(1)


def record(stream: Stream, data: bytes, seconds: float = 0) -> Record:
    return Record(stream, NOW + timedelta(seconds=seconds), data)


class Logged:
    """A job whose log a test writes."""

    def __init__(self, admin: People, agent: Any) -> None:
        self.agent = agent
        name = f"task {next(_NUMBERS)}"
        source = definition(agent.id, name=name)
        task = admin.data("POST", "/tasks", {"definition": source})["task"]["id"]
        self.run_id = admin.data("POST", f"/tasks/{task}/execute")["id"]
        (self.job,) = agent.poll()["jobs"]
        self.key = JobKey(self.run_id, 1, agent.id)
        self.path = f"/runs/{self.run_id}/jobs/{self.job['job_id']}/log"
        self.admin = admin
        self._bytes = dict.fromkeys(Stream, b"")
        self.count = 0

    def put_chunk(self, body: bytes) -> None:
        """The next chunk, as the agent ships it."""
        self.count += 1
        more = {"from": self.count, "count": 1}
        url = self.agent.result("job.log_urls", **named(self.job), **more)["urls"][0]["url"]
        requests.put(url, data=body, timeout=10).raise_for_status()

    def put(self, *records: Record, packed: bool = False) -> None:
        """The next chunk, of these records."""
        self.put_chunk(encode(list(records), packed=packed))
        for each in records:
            self._bytes[each.stream] += each.data

    def finish(self, promised: int | None = None, *, truncated: bool = False) -> None:
        streams = {
            stream.word: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for stream, data in self._bytes.items()
            if stream is not Stream.PLUMBER
        }
        summary = {"chunks": promised or self.count, "streams": streams, "truncated": truncated}
        self.agent.finish(self.job, log=summary)

    def pages(self, query: str = "") -> Iterator[Any]:
        """All of them, in turn."""
        cursor = ""
        for _ in range(1_000):
            page = self.admin.data("GET", f"{self.path}?cursor={cursor}{query}")
            yield page
            cursor = page["next"]
            if page["state"] in ("complete", "incomplete"):
                return

    def download(self, name: str) -> bytes:
        found = self.admin.data("GET", f"{self.path}/download?stream={name}&redirect=false")
        content = requests.get(found["url"], timeout=10).content
        assert len(content) == found["bytes"]
        return content


@pytest.fixture
def logged(admin: People, agent: Any) -> Logged:
    return Logged(admin, agent())


def data_of(page: Any) -> bytes:
    return b"".join(base64.b64decode(each["data"]) for each in page["records"])


def out(text: str, seconds: float = 0) -> Record:
    return record(Stream.STDOUT, text.encode(), seconds)


def err(text: str, seconds: float = 0) -> Record:
    return record(Stream.STDERR, text.encode(), seconds)


def due(travel: Clock, seconds: float = 60) -> int:
    return compaction.compact_due(travel.after(seconds))


def fill(logged: Logged, count: int = 6) -> bytes:
    for number in range(1, count + 1):
        logged.put(out(f"out {number}\n", number), err(f"err {number}\n", number))
    return b"".join(b"out %d\nerr %d\n" % (n, n) for n in range(1, count + 1))


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


def test_compaction_leaves_the_same_bytes_in_fewer_objects(logged: Logged, travel: Clock) -> None:
    whole = fill(logged)
    logged.finish()
    pages = list(logged.pages())
    assert due(travel, 10) == 0
    assert due(travel, 60) == 1
    assert list(chunks.numbers(logged.key, 1)) == []
    assert list(logged.pages()) == pages
    assert logged.download("all") == whole
    assert logged.download("stdout") == b"".join(b"out %d\n" % n for n in range(1, 7))
    assert logged.download("stderr") == b"".join(b"err %d\n" % n for n in range(1, 7))
    assert due(travel, 600) == 0


def test_a_part_of_a_download_can_be_asked_for(logged: Logged, travel: Clock) -> None:
    whole = fill(logged)
    logged.finish()
    due(travel)
    found = logged.admin.data("GET", f"{logged.path}/download?stream=all&redirect=false")
    answer = requests.get(found["url"], headers={"Range": "bytes=6-11"}, timeout=10)
    assert answer.content == whole[6:12]  # rclone says 200 to it, S3 and moto 206


def test_a_short_log_is_not_compacted(logged: Logged, travel: Clock) -> None:
    fill(logged, log.COMPACTED_FROM_CHUNKS - 1)
    logged.finish()
    assert due(travel) == 0
    assert len(list(chunks.numbers(logged.key, 1))) == log.COMPACTED_FROM_CHUNKS - 1


def test_a_slow_reader_sees_every_byte_once_while_compaction_runs(
    logged: Logged, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = Random(1)
    expected = b""
    for _ in range(8):
        pieces = [out("x" * 40_000 + str(chance.random())) for _ in range(20)]
        logged.put(*pieces)
        expected += b"".join(each.data for each in pieces)
    logged.finish()
    seen, steps = b"", iter(["build", "delete some", "delete all"])
    for page in logged.pages():
        seen += data_of(page)
        match next(steps, ""):
            case "build":
                with monkeypatch.context() as patch:
                    died = _die_after(patch, objects, "delete", 0)
                    due(travel)
                assert died.calls == 1
            case "delete some":
                objects.delete([log.chunk_key(logged.key, 1, seq) for seq in (1, 2, 3, 7)])
            case "delete all":
                assert compaction.compact_due(clock.read() + timedelta(hours=2)) == 1
    assert seen == expected


class _Dying:
    def __init__(self, real: Any, allowed: int) -> None:
        self.calls, self._real, self._allowed = 0, real, allowed

    def __call__(self, *given: Any, **named: Any) -> Any:
        self.calls += 1
        if self.calls > self._allowed:
            raise ConnectionError("the handler died here")
        return self._real(*given, **named)


def _die_after(patch: pytest.MonkeyPatch, module: Any, name: str, calls: int) -> _Dying:
    dying = _Dying(getattr(module, name), calls)
    patch.setattr(module, name, dying)
    return dying


@pytest.mark.parametrize("place", ["put", "stream", "delete", "presigned_put"])
@pytest.mark.parametrize("calls", [0, 1, 2])
def test_compaction_may_die_anywhere_and_is_repeated(
    logged: Logged, travel: Clock, monkeypatch: pytest.MonkeyPatch, place: str, calls: int
) -> None:
    whole = fill(logged)
    logged.finish()
    with monkeypatch.context() as patch:
        _die_after(patch, objects, place, calls)
        due(travel)
    assert b"".join(map(data_of, logged.pages())) == whole
    compaction.compact_due(travel.after(7_200))
    assert b"".join(map(data_of, logged.pages())) == whole
    assert list(chunks.numbers(logged.key, 1)) == []


def test_chunks_stay_when_the_objects_are_not_what_was_reported(
    logged: Logged, travel: Clock
) -> None:
    whole = fill(logged)
    logged._bytes[Stream.STDOUT] += b"something else"
    logged.finish()
    assert due(travel) == 0
    assert b"".join(map(data_of, logged.pages())) == whole
    assert len(list(chunks.numbers(logged.key, 1))) == 6


def test_chunks_stay_when_s3_gives_back_other_bytes(
    logged: Logged, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(logged)
    logged.finish()
    monkeypatch.setattr(objects, "stream", lambda key: iter([b"bent"]))
    assert due(travel) == 0
    assert len(list(chunks.numbers(logged.key, 1))) == 6


def test_compaction_waits_for_chunks_that_are_still_coming(logged: Logged, travel: Clock) -> None:
    whole = fill(logged, 5)
    logged.finish(6)
    assert [due(travel) for _ in range(3)] == [0, 0, 0]
    job = jobs.get(logged.key)
    assert job is not None
    assert job.compact_at is not None
    logged.put(out("the last"))
    assert compaction.compact_due(travel.after(3_600)) == 0, "it is not what was reported"
    assert b"".join(map(data_of, logged.pages())) == whole + b"the last"


def test_what_never_arrives_is_given_up_after_a_day(logged: Logged, travel: Clock) -> None:
    whole = fill(logged, 5)
    logged.finish(7)
    travel.after(86_400)
    assert due(travel) == 1
    (page,) = logged.pages()
    assert data_of(page) == whole
    assert page["state"] == "incomplete"
    assert page["missing"]["chunks"] == 2


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


def search(logged: Logged, path: str, **query: str) -> tuple[list[tuple[int, str]], int]:
    """All matches, and how many calls they took."""
    found: list[tuple[int, str]] = []
    calls, cursor = 0, ""
    while True:
        text = "&".join(f"{key}={value}" for key, value in query.items())
        page = logged.admin.data("GET", f"{path}?{text}&cursor={cursor}")
        found += [(each["line"], each["text"]) for each in page["matches"]]
        calls += 1
        if page["next"] is None:
            return found, calls
        cursor = page["next"]


def test_a_log_is_searched_piece_by_piece(logged: Logged, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.operations import search as searching

    fill(logged)
    path = f"{logged.path}/search"
    assert search(logged, path, pattern="ut 3") == ([(5, "out 3")], 1)
    assert search(logged, path, pattern="^err%20[25]$", regex="true")[0] == [
        (4, "err 2"), (10, "err 5"),
    ]  # fmt: skip
    assert search(logged, path, pattern="OUT", ignore_case="true", stream="stderr")[0] == []
    monkeypatch.setattr(searching.Budget, "is_spent", property(_spent_after(2)))
    found, calls = search(logged, path, pattern="ut 3")
    assert (found, calls > 3) == ([(5, "out 3")], True)
    assert logged.admin.refused("GET", f"{path}?pattern=(&regex=true")[0] == 1001
    assert logged.admin.refused("GET", f"{path}?pattern=x&cursor=y")[0] == 1001


def _spent_after(looks: int) -> Any:
    asked: dict[int, int] = {}

    def is_spent(budget: Any) -> bool:
        asked[id(budget)] = asked.get(id(budget), 0) + 1
        return asked[id(budget)] > looks

    return is_spent


def test_a_run_is_searched_over_all_its_jobs_and_outputs_are_compared(
    admin: People, agent: Any
) -> None:
    agents = [agent(number) for number in (1, 2, 3)]
    source = 'Name = "wide"\n[[step]]\nTargets = { All = true }\nCMD = "x"\n'
    task = admin.data("POST", "/tasks", {"definition": source})["task"]["id"]
    run_id = admin.data("POST", f"/tasks/{task}/execute")["id"]
    for each in agents[:2]:
        (job,) = each.poll()["jobs"]
        body = encode([record(Stream.STDOUT, b"same\n")])
        requests.put(job["log"]["urls"][0]["url"], data=body, timeout=10).raise_for_status()
        each.finish(job, log=_summary(b"same\n"))
    (job,) = agents[2].poll()["jobs"]
    outputs = admin.data("GET", f"/runs/{run_id}/outputs?step=1")
    assert [(each["count"], each["sample"]["text"]) for each in outputs["groups"]] == [
        (2, "same\n")
    ]
    assert [each["agent_id"] for each in outputs["pending"]] == [agents[2].id]
    agents[2].finish(job, 3, log=_summary(b""))
    outputs = admin.data("GET", f"/runs/{run_id}/outputs")
    assert [each["count"] for each in outputs["groups"]] == [2, 1]
    assert outputs["groups"][1]["jobs"][0]["exit_code"] == 3
    assert outputs["groups"][1]["sample"] == {"job_id": job["job_id"], "text": "", "is_cut": False}
    found = admin.data("GET", f"/runs/{run_id}/search?pattern=am")
    assert {each["agent_id"] for each in found["matches"]} == {one.id for one in agents[:2]}
    assert found["next"] is None
    assert admin.refused("GET", f"/runs/{run_id}/outputs?step=2")[0] == 1004


def _summary(stdout: bytes) -> dict[str, Any]:
    streams = {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in (("stdout", stdout), ("stderr", b""))
    }
    return {"chunks": 1 if stdout else 0, "streams": streams, "truncated": False}


PIECES = st.lists(
    st.tuples(st.sampled_from(list(Stream)), st.binary(min_size=1, max_size=30)), max_size=8
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(written=st.lists(PIECES, min_size=1, max_size=9), packed=st.booleans())
def test_whatever_is_written_is_read_back_before_and_after_compaction(
    admin: People, agent: Any, travel: Clock, written: Sequence[Any], packed: bool
) -> None:
    again = Logged(admin, agent())
    for pieces in written:
        again.put(*(record(stream, data) for stream, data in pieces), packed=packed)
    again.finish(truncated=True)
    before = [page["records"] for page in again.pages()]
    due(travel)
    assert [page["records"] for page in again.pages()] == before
    everything = [piece for pieces in written for piece in pieces]
    assert b"".join(base64.b64decode(r["data"]) for page in before for r in page) == b"".join(
        data for _, data in everything
    )
    for stream in (Stream.STDOUT, Stream.STDERR):
        expected = b"".join(data for each, data in everything if each is stream)
        assert again.download(stream.word) == expected


def test_the_sample_of_an_output_goes_beyond_its_first_chunk(logged: Logged) -> None:
    logged.put(out("a line\n"))
    logged.put(out("x" * 20_000))
    logged.finish()
    (group,) = logged.admin.data("GET", f"/runs/{logged.run_id}/outputs")["groups"]
    assert len(group["sample"]["text"]) == 16_384
    assert group["sample"]["text"].startswith("a line\nxxx")
    assert group["sample"]["is_cut"]


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
    monkeypatch.setattr("chalicelib.api.logs.time.monotonic", lambda: seconds[0])
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
    assert (code, message) == (1001, "wait must be a number from 1 to 10.")
