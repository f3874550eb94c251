"""A function that is killed in the middle of its work, as Lambda does at its time-out."""

import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from chalicelib.dynamo import jobs
from chalicelib.dynamo.due import LOG
from infra.local import ticker
from infra.local.ticker import Invocations
from tests.api.conftest import Clock
from tests.api.logs.conftest import Logged, data_of, due, fill

SECONDS = 30  # for a cold start on a busy machine
LONG_AGO = timedelta(days=2)  # in whose past this test plays: the function has a clock of its own


@pytest.fixture(autouse=True)
def begin(travel: Clock) -> None:
    travel.now -= LONG_AGO


@pytest.fixture
def silent_s3() -> Iterator[str]:
    """A server that takes calls, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def tries(logged: Logged) -> int:
    job = jobs.get(logged.key)
    assert job is not None
    return job.due_tries


def test_a_log_whose_function_was_killed_is_compacted_by_a_later_one(
    logged: Logged, travel: Clock, silent_s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fill(logged)
    logged.finish()
    made: list[subprocess.Popen[bytes]] = []

    def spawn(name: str, time_out: timedelta) -> "subprocess.Popen[bytes]":
        with monkeypatch.context() as environment:
            environment.setenv("AWS_ENDPOINT_URL_S3", silent_s3)
            made.append(ticker.spawn(name, time_out))
        return made[-1]

    calls = Invocations(spawn, {"compact": timedelta(minutes=15)})
    began = travel.now + LONG_AGO
    calls.begin(began)
    give_up_at = time.monotonic() + SECONDS
    while tries(logged) == 0 and time.monotonic() < give_up_at:
        assert made[0].poll() is None, "it has ended by itself"
    assert tries(logged) == 1, "claimed, and in the middle of its work"
    calls.end_overdue(began + timedelta(minutes=14))
    assert made[0].poll() is None
    calls.end_overdue(began + timedelta(minutes=15))
    assert made[0].poll() == -9
    assert b"".join(map(data_of, logged.pages())) == whole
    after = LONG_AGO + LOG.patience.wait(1) + timedelta(seconds=SECONDS)
    assert due(travel, after.total_seconds()) == 1
    assert b"".join(map(data_of, logged.pages())) == whole
