"""Logs: the chunk format, positions, and what a reader may expect."""

import contextlib
import zlib
from collections import Counter
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.logs.log import (
    COMPACTED_AFTER,
    COMPACTED_FROM_CHUNKS,
    MAGIC,
    MAX_CHUNK_BYTES,
    MAX_RECORD_BYTES,
    PACKED_MAGIC,
    SHIPPING_PATIENCE,
    CorruptChunk,
    LogState,
    Missing,
    Position,
    Record,
    Stream,
    chunk_key,
    compaction_time,
    damaged,
    encode,
    header,
    inflate,
    joined,
    missing,
    records,
    reported_chunks,
    says_what_is_gone,
    state,
)
from chalicelib.runs.job import Attempt, Ending, Job, JobKey, JobState

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
KEY = JobKey("01R", 2, "agent")


def job(job_state: JobState, chunks: int | None = None) -> Job:
    log = None if chunks is None else {"chunks": chunks, "streams": {}, "truncated": False}
    return Job(KEY, job_state, 1, claimed_at=NOW, ended_at=NOW, log=log)


_INSTANTS = st.integers(0, 2**40).map(lambda ms: NOW + timedelta(milliseconds=ms))
_RECORDS = st.lists(st.builds(Record, st.sampled_from(Stream), _INSTANTS, st.binary(max_size=100)))


@given(_RECORDS, st.booleans())
def test_records_read_back_as_they_were_written(chunk: list[Record], packed: bool) -> None:
    written = encode(chunk, packed=packed)
    assert written.startswith(PACKED_MAGIC if packed else MAGIC)
    assert list(records(written)) == chunk
    assert joined(b"".join(map(header, chunk)), b"".join(each.data for each in chunk)) == chunk


def test_a_record_has_64_kib_at_most() -> None:
    largest = Record(Stream.STDOUT, NOW, bytes(MAX_RECORD_BYTES))
    assert list(records(encode([largest]))) == [largest]
    with pytest.raises(CorruptChunk, match="header is wrong"):
        list(records(encode([replace(largest, data=bytes(MAX_RECORD_BYTES + 1))])))


def test_a_time_that_no_clock_shows_is_the_last_one() -> None:
    (record,) = records(MAGIC + b"\x01" + b"\xff" * 8 + bytes(4))
    assert record.at == datetime(9999, 12, 31, 23, 59, 59, 999_000, timezone.utc)


def test_what_is_packed_has_a_mib_at_most() -> None:
    assert len(inflate(zlib.compress(bytes(MAX_CHUNK_BYTES)), MAX_CHUNK_BYTES)) == MAX_CHUNK_BYTES
    with pytest.raises(CorruptChunk, match="more than is allowed"):
        inflate(zlib.compress(bytes(MAX_CHUNK_BYTES + 1)), MAX_CHUNK_BYTES)


@pytest.mark.parametrize("packed", [b"", b"no", zlib.compress(b"x" * 99)[:-1]])
def test_what_is_not_whole_is_not_unpacked(packed: bytes) -> None:
    with pytest.raises(CorruptChunk):
        inflate(packed, 1_000)


HEADERS = header(Record(Stream.STDOUT, NOW, b"one")) + header(Record(Stream.STDERR, NOW, b"two"))


@pytest.mark.parametrize(
    ("headers", "data"),
    [
        (HEADERS, b"onetw"),
        (HEADERS, b"onetwo!"),
        (HEADERS[:-1], b"one"),  # the second header is cut off, and its bytes are not there
        (HEADERS[:-1], b"onetwo"),
        (b"", b"x"),
        (b"\x01", b""),
    ],
)
def test_headers_and_bytes_that_do_not_belong_together_are_refused(
    headers: bytes, data: bytes
) -> None:
    with pytest.raises(CorruptChunk):
        joined(headers, data)


def test_only_the_agents_mark_says_what_is_gone() -> None:
    mark = b"[plumber] 1,048,576 bytes were removed here.\n"
    assert says_what_is_gone(Record(Stream.PLUMBER, NOW, mark))
    assert not says_what_is_gone(Record(Stream.STDOUT, NOW, mark))
    assert not says_what_is_gone(Record(Stream.PLUMBER, NOW, b"> " + mark))
    assert not says_what_is_gone(Record(Stream.PLUMBER, NOW, mark + b"more"))


def test_the_format_is_the_documented_one() -> None:
    at = datetime(1970, 1, 1, 0, 0, 1, tzinfo=timezone.utc)
    chunk = encode([Record(Stream.STDERR, at, b"hi")])
    assert chunk == b"PLB1\x02" + (1000).to_bytes(8, "big") + (2).to_bytes(4, "big") + b"hi"


@pytest.mark.parametrize(
    "chunk",
    [
        b"",
        b"PLB2",
        MAGIC + b"\x01",
        MAGIC + b"\x04" + bytes(12),
        MAGIC + b"\x01" + bytes(8) + (5).to_bytes(4, "big") + b"hi",
        MAGIC + b"\x01" + bytes(8) + (65_537).to_bytes(4, "big") + bytes(65_537),
    ],
)
def test_what_is_no_chunk_is_refused(chunk: bytes) -> None:
    with pytest.raises(CorruptChunk):
        list(records(chunk))


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_read_or_refused(noise: bytes) -> None:
    with contextlib.suppress(CorruptChunk):
        assert encode(list(records(MAGIC + noise)))[: len(MAGIC)] == MAGIC


def test_chunks_have_keys_that_sort() -> None:
    assert chunk_key(KEY, 1, 7) == "logs/08/01R/002/agent/1/00000007"


def test_keys_of_runs_of_one_moment_are_spread_over_the_store() -> None:
    runs = [f"01JD{number:022d}" for number in range(4_000)]
    begins = Counter(chunk_key(replace(KEY, run_id=each), 1, 1)[:7] for each in runs)
    assert len(begins) == 256
    assert max(begins.values()) < 40


@given(st.integers(1, 10**8 - 1), st.integers(0, 10**8 - 1))
def test_positions_read_back(seq: int, index: int) -> None:
    assert Position.parse(str(Position(seq, index))) == Position(seq, index)


@pytest.mark.parametrize(
    "text",
    [
        "1",
        "0.0",
        "a.b",
        "1.",
        ".1",
        "1.2.3",
        "-1.0",
        "\u0661.0",
        "123456789.0",
        "1.123456789",
        "00.0",
    ],
)
def test_what_is_no_position_is_none(text: str) -> None:
    assert Position.parse(text) is None


def test_the_empty_position_is_the_beginning() -> None:
    assert Position.parse("") == Position(1, 0)


@pytest.mark.parametrize(
    ("job_state", "chunks", "seq", "expected"),
    [
        (JobState.RUNNING, None, 1, LogState.STREAMING),
        (JobState.SUCCEEDED, 2, 1, LogState.SHIPPING),
        (JobState.SUCCEEDED, 2, 2, LogState.SHIPPING),
        (JobState.SUCCEEDED, 2, 3, LogState.COMPLETE),
        (JobState.SUCCEEDED, 0, 1, LogState.COMPLETE),
        (JobState.LOST, None, 1, LogState.INCOMPLETE),
    ],
)
def test_a_reader_learns_whether_more_will_come(
    job_state: JobState, chunks: int | None, seq: int, expected: LogState
) -> None:
    assert state(job(job_state, chunks), Position(seq), NOW) is expected


def test_what_does_not_arrive_in_time_is_missing() -> None:
    ended = job(JobState.SUCCEEDED, 2)
    just_before = NOW + SHIPPING_PATIENCE - timedelta(seconds=1)
    assert state(ended, Position(1), just_before) is LogState.SHIPPING
    assert state(ended, Position(1), NOW + SHIPPING_PATIENCE) is LogState.INCOMPLETE


def test_a_job_that_never_reached_its_agent_has_a_complete_empty_log() -> None:
    undelivered = Job(KEY, JobState.UNDELIVERED, 1, ended_at=NOW)
    assert state(undelivered, Position(1), NOW) is LogState.COMPLETE


@pytest.mark.parametrize(
    ("job_state", "claimed_at", "expected"),
    [
        (JobState.LOST, NOW, LogState.INCOMPLETE),
        (JobState.CANCELLED, None, LogState.COMPLETE),
        (JobState.UNDELIVERED, NOW, LogState.COMPLETE),
    ],
)
def test_without_a_report_the_log_of_who_may_have_written_is_incomplete(
    job_state: JobState, claimed_at: datetime | None, expected: LogState
) -> None:
    unreported = replace(job(job_state), claimed_at=claimed_at)
    assert state(unreported, Position(1), NOW) is expected


def test_a_job_whose_end_is_not_dated_may_still_ship() -> None:
    undated = replace(job(JobState.SUCCEEDED, 1), ended_at=None)
    assert state(undated, Position(1), NOW + timedelta(days=1)) is LogState.SHIPPING


@pytest.mark.parametrize(
    ("summary", "chunks"),
    [(None, None), ({}, None), ({"chunks": "3"}, None), ({"chunks": 0}, 0), ({"chunks": 3}, 3)],
)
def test_the_report_says_how_many_chunks_there_are(
    summary: dict[str, object] | None, chunks: int | None
) -> None:
    assert reported_chunks(summary) == chunks


CUT = {
    "chunks": 2,
    "truncated": True,
    "streams": {"stdout": {"missing": 30}, "stderr": {"missing": 4}},
}
LATE = NOW + SHIPPING_PATIENCE


@pytest.mark.parametrize(
    ("of_it", "position", "expected"),
    [
        (job(JobState.RUNNING), Position(1), None),
        (job(JobState.SUCCEEDED, 2), Position(3), None),
        (
            job(JobState.LOST),
            Position(1),
            Missing(reason="The agent was lost; its last output may not have arrived."),
        ),
        (
            job(JobState.SUCCEEDED, 5),
            Position(3),
            Missing(chunks=3, reason="The agent has not delivered it yet."),
        ),
        (
            job(JobState.SUCCEEDED, 5),
            Position(5),
            Missing(chunks=1, reason="The agent has not delivered it yet."),
        ),
        (
            replace(job(JobState.SUCCEEDED, 2), log=CUT),
            Position(3),
            Missing(0, 30, 4, "The log's limit was reached."),
        ),
        (
            replace(job(JobState.SUCCEEDED, 2), log={**CUT, "reason": "Disk full."}),
            Position(2),
            Missing(1, 30, 4, "The agent has not delivered it yet."),
        ),
        (
            replace(job(JobState.SUCCEEDED, 2), log={**CUT, "reason": "Disk full.", "streams": {}}),
            Position(3),
            Missing(0, 0, 0, "Disk full."),
        ),
        (
            replace(
                job(JobState.SUCCEEDED), log={"chunks": 2, "truncated": True}, log_problem="Bad."
            ),
            Position(3),
            Missing(0, 0, 0, "Bad."),
        ),
        (
            replace(job(JobState.SUCCEEDED, 2), log_problem="Bad."),
            Position(3),
            Missing(0, 0, 0, "Bad."),
        ),
    ],
)
def test_a_reader_learns_what_an_incomplete_log_lacks(
    of_it: Job, position: Position, expected: Missing | None
) -> None:
    assert missing(of_it, position, LATE) == expected


def test_nothing_is_missed_while_it_may_come() -> None:
    assert missing(job(JobState.SUCCEEDED, 5), Position(3), NOW) is None


def test_damaged_parts_are_missing_beside_the_rest() -> None:
    assert damaged(None, 2) == Missing(2, 0, 0, "Parts of it are damaged: 2.")
    assert damaged(Missing(3, 4, 5, "Late."), 2) == Missing(
        5, 4, 5, "Parts of it are damaged: 2. Late."
    )


def summary(chunks: int) -> dict[str, object]:
    return {"chunks": chunks}


LONG, SHORT = summary(COMPACTED_FROM_CHUNKS), summary(COMPACTED_FROM_CHUNKS - 1)
SOON, LATER = NOW + COMPACTED_AFTER, NOW + SHIPPING_PATIENCE


@pytest.mark.parametrize(
    ("claimed_at", "log", "earlier", "expected"),
    [
        (NOW, LONG, None, SOON),
        (NOW, SHORT, None, None),
        (NOW, SHORT, LONG, SOON),
        (NOW, SHORT, SHORT, None),
        (NOW, None, None, LATER),
        (NOW, None, SHORT, LATER),
        (NOW, None, LONG, SOON),
        (None, None, None, None),
        (None, None, LONG, SOON),
    ],
)
def test_a_long_log_is_compacted_soon_and_one_of_unknown_length_later(
    claimed_at: datetime | None,
    log: dict[str, object] | None,
    earlier: dict[str, object] | None,
    expected: datetime | None,
) -> None:
    before = (Attempt(1, None, JobState.FAILED, log=earlier),) if earlier else ()
    of_it = Job(KEY, JobState.RUNNING, claimed_at=claimed_at, earlier=before)
    assert compaction_time(of_it, Ending(JobState.FAILED, log=log), NOW) == expected
