"""Logs: the chunk format, positions, and what a reader may expect."""

import contextlib
from collections import Counter
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.logs.log import (
    MAGIC,
    SHIPPING_PATIENCE,
    CorruptChunk,
    LogState,
    Position,
    Record,
    Stream,
    chunk_key,
    encode,
    records,
    state,
)
from chalicelib.runs.job import Job, JobKey, JobState

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
KEY = JobKey("01R", 2, "agent")


def job(job_state: JobState, chunks: int | None = None) -> Job:
    log = None if chunks is None else {"chunks": chunks, "streams": {}, "truncated": False}
    return Job(KEY, job_state, 1, claimed_at=NOW, ended_at=NOW, log=log)


_INSTANTS = st.integers(0, 2**40).map(lambda ms: NOW + timedelta(milliseconds=ms))
_RECORDS = st.lists(st.builds(Record, st.sampled_from(Stream), _INSTANTS, st.binary(max_size=100)))


@given(_RECORDS)
def test_records_read_back_as_they_were_written(chunk: list[Record]) -> None:
    assert list(records(encode(chunk))) == chunk


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


@pytest.mark.parametrize("text", ["1", "0.0", "a.b", "1.", ".1", "1.2.3", "-1.0", "123456789.0"])
def test_what_is_no_position_is_none(text: str) -> None:
    assert Position.parse(text) is None


def test_the_empty_position_is_the_beginning() -> None:
    assert Position.parse("") == Position(1, 0)


@pytest.mark.parametrize(
    ("job_state", "chunks", "seq", "expected"),
    [
        (JobState.RUNNING, None, 1, LogState.STREAMING),
        (JobState.SUCCEEDED, 2, 1, LogState.SHIPPING),
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
