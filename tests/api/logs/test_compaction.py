"""Compaction leaves the same bytes in fewer objects, wherever it dies."""

import base64
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib import clock
from chalicelib.dynamo import jobs
from chalicelib.dynamo.due import LOG
from chalicelib.logs import log
from chalicelib.logs.log import Record, Stream
from chalicelib.operations.logs import compaction
from chalicelib.s3 import chunks, objects
from tests.api.conftest import Clock, People
from tests.api.logs.conftest import Logged, data_of, due, err, fill, out, record
from tests.stack.shifts import shift

BAD = 2


def test_compaction_leaves_the_same_bytes_in_fewer_objects(logged: Logged, travel: Clock) -> None:
    whole = fill(logged)
    logged.finish()
    pages = list(logged.pages())
    assert due(travel, 10) == 0
    assert due(travel, 60) == 1
    assert list(chunks.numbers(logged.key, 1)) == []
    assert [{**page, "line_count": None} for page in logged.pages()] == pages
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
    assert answer.status_code in (200, 206), "rclone has its own way"
    assert answer.content == whole[6:12]


def test_any_line_is_found_at_once_when_the_log_has_been_put_together(
    logged: Logged, travel: Clock
) -> None:
    for number in range(6):
        logged.put(
            out(f"{number} a\n{number} b"), err(f"{number} e\n"), out(f" more\n{number} c\n")
        )
    logged.finish()
    before = logged.admin.data("GET", f"{logged.path}?line=20")
    assert before["line_count"] is None
    assert before["lines_before"] == {"begun": 0, "stdout": 0, "stderr": 0, "plumber": 0}
    due(travel)
    page = logged.admin.data("GET", f"{logged.path}?line=20")
    assert page["line_count"] == 24
    assert page["lines_before"] == {"begun": 19, "stdout": 18, "stderr": 0, "plumber": 0}
    assert data_of(page).startswith(b" more\n4 c\n5 a\n")
    following = logged.admin.data("GET", f"{logged.path}?cursor={page['next']}")
    assert (following["line_count"], following["lines_before"]) == (24, None)
    end = logged.admin.data("GET", f"{logged.path}?line=999999999")
    assert data_of(end) == b" more\n5 c\n"
    assert end["lines_before"]["begun"] == 23


def test_a_line_that_goes_on_in_a_chunk_keeps_its_number(logged: Logged, travel: Clock) -> None:
    for number in range(5):
        logged.put(out(f"{number} "), err("x\n"))
    logged.finish()
    due(travel)
    page = logged.admin.data("GET", f"{logged.path}?line=4")
    assert page["lines_before"] == {"begun": 3, "stdout": 1, "stderr": 0, "plumber": 0}
    assert page["line_count"] == 6


@pytest.mark.parametrize("line", ["0", "-1", "x", "1000000000", "1&tail=1", "1&cursor=x"])
def test_a_line_that_is_none_is_refused(logged: Logged, line: str) -> None:
    assert logged.admin.refused("GET", f"{logged.path}?line={line}")[0] == 1001


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
                assert compaction.compact_due(shift(clock.read() + timedelta(hours=2))) == 1
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
    compaction.compact_due(shift(travel.after(7_200)))
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


def test_bad_logs_keep_no_others_waiting_and_are_given_up_visibly(
    admin: People,
    agent: Any,
    travel: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(compaction, "AT_ONCE", 1)
    one, built = agent(), Counter[str]()
    made = []
    build = compaction.build

    def counted(source: Any, count: int) -> Any:
        built[source.job.key.run_id] += 1
        return build(source, count)

    monkeypatch.setattr(compaction, "build", counted)
    for number in range(14):
        made.append(Logged(admin, one))
        whole = fill(made[-1])
        made[-1]._bytes[Stream.STDOUT] += b"something else" if number < BAD else b""
        made[-1].finish()
        travel.after(1)
    bad, good = made[:BAD], made[BAD:]
    assert due(travel) == len(good), "in one round, behind what is bad and came first"
    for _ in range(24):
        assert due(travel, 3_600) == 0
    assert [built[logged.run_id] for logged in bad] == [compaction.BAD_TRIES_AT_MOST] * BAD
    for logged in bad:
        (page,) = logged.pages()
        assert (data_of(page), page["state"]) == (whole, "incomplete")
        assert "another SHA-256" in page["missing"]["reason"]
    told = admin.data("GET", "/stats")["logs_given_up"]
    assert {(each["run_id"], each["job_id"]) for each in told} == {
        (logged.run_id, logged.key.job_id) for logged in bad
    }
    given_up = [each for each in caplog.records if "is given up after 5 tries" in each.message]
    assert [each.levelname for each in given_up] == ["ERROR"] * BAD


def test_a_log_that_ends_its_handler_is_put_off_first(
    logged: Logged, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(logged)
    logged.finish()

    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(compaction, "build", dies)
        due(travel)
    wait = LOG.patience.wait(1).total_seconds()
    assert due(travel, wait - 1) == 0
    assert due(travel, 1) == 1


def test_a_log_that_always_ends_its_handler_is_given_up(
    logged: Logged, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, tries = fill(logged), 0
    logged.finish()

    def dies(*_: Any) -> None:
        nonlocal tries
        tries += 1
        raise KeyboardInterrupt

    monkeypatch.setattr(compaction, "build", dies)
    for _ in range(40):
        try:
            due(travel, 3_600)
        except KeyboardInterrupt:
            continue
    assert tries == LOG.patience.tries
    (page,) = logged.pages()
    assert (data_of(page), page["state"]) == (whole, "incomplete")
    assert "ended before its time" in page["missing"]["reason"]


def test_a_fault_of_the_store_is_not_the_logs(
    logged: Logged, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(logged)
    logged.finish()
    with monkeypatch.context() as patch:
        _die_after(patch, objects, "put", 0)
        assert [due(travel, 1_200) for _ in range(20)] == [0] * 20
    assert due(travel, 3_600) == 1


def test_a_round_that_another_was_faster_in_does_nothing(
    logged: Logged, travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(logged)
    logged.finish()
    now = travel.after(60)
    find = jobs.due

    def overtaken(*given: Any) -> Any:
        found = find(*given)
        monkeypatch.setattr(jobs, "due", find)
        assert compaction.compact_due(shift(now)) == 1
        return found

    monkeypatch.setattr(jobs, "due", overtaken)
    assert compaction.compact_due(shift(now)) == 0


@pytest.mark.parametrize("streams", [[out("1")], [out("1"), err("2")]])
def test_a_log_whose_agent_says_what_is_gone_is_compacted(
    logged: Logged, travel: Clock, streams: list[Record]
) -> None:
    """Of what somebody removed from the machine's disk the agent ships a mark in its place."""
    mark = record(Stream.PLUMBER, b"[plumber] 1,234 bytes were removed here.\n")
    for number in range(6):
        logged.put(*([mark] if number == 3 else streams))
    logged._bytes[Stream.STDOUT] += b"x" * 1_234
    logged.finish()
    before = b"".join(map(data_of, logged.pages()))
    assert due(travel) == 1
    assert b"".join(map(data_of, logged.pages())) == before
    assert mark.data in logged.download("all")


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
    assert (job.due_at is None, job.due_tries) == (False, 0), "nothing is wrong with it"
    logged.put(out("the last"))
    assert compaction.compact_due(shift(travel.after(3_600))) == 0, "it is not what was reported"
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
