"""Reports: alone they go at once, together they go in one request, each with its own answer."""

import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from plumber_agent.jobs.reports import AT_ONCE, Reports
from plumber_agent.machine.wire import Refused, Unreachable

SECONDS = 20


class Wire:
    """Holds requests up until the test lets them through."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self.arrived = threading.Semaphore(0)
        self.let_through = threading.Semaphore(0)
        self.fault: Exception | None = None

    def batch(self, calls: list[tuple[str, dict[str, Any]]]) -> list[Any]:
        self.batches.append(calls)
        self.arrived.release()
        assert self.let_through.acquire(timeout=SECONDS)
        if self.fault is not None:
            raise self.fault
        return [
            Refused(-32003, "old lease") if params.get("is_old") else {"n": params["n"]}
            for _, params in calls
        ]


def call(reports: Reports, method: str, params: dict[str, Any]) -> Any:
    """Sends a report and waits for its answer, which is raised when it is an error."""
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    reports.send(method, params, answers.put)
    answer = answers.get(timeout=SECONDS)
    if isinstance(answer, Exception):
        raise answer
    return answer


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def reports(wire: Wire) -> Reports:
    made = Reports(wire)  # type: ignore[arg-type]
    made.start()
    return made


def test_what_comes_while_a_request_is_on_its_way_goes_with_the_next(
    wire: Wire, reports: Reports
) -> None:
    with ThreadPoolExecutor(AT_ONCE + 6) as callers:
        first = callers.submit(call, reports, "job.finish", {"n": 0})
        assert wire.arrived.acquire(timeout=SECONDS)
        more = [
            callers.submit(call, reports, "job.finish", {"n": n}) for n in range(1, AT_ONCE + 5)
        ]
        while reports._waiting.qsize() < len(more):
            threading.Event().wait(0.005)
        wire.let_through.release(3)
        assert [each.result(SECONDS) for each in (first, *more)] == [
            {"n": n} for n in range(AT_ONCE + 5)
        ]
    assert [len(batch) for batch in wire.batches] == [1, AT_ONCE, 4]


def test_one_that_is_refused_does_not_touch_the_others(wire: Wire, reports: Reports) -> None:
    wire.let_through.release(10)
    with pytest.raises(Refused, match="old lease"):
        call(reports, "job.finish", {"n": 1, "is_old": True})
    assert call(reports, "job.finish", {"n": 2}) == {"n": 2}


@pytest.mark.parametrize("fault", [Unreachable("away"), ValueError("odd")])
def test_a_request_that_fails_fails_all_of_it_and_the_next_is_sent(
    wire: Wire, reports: Reports, fault: Exception
) -> None:
    wire.let_through.release(10)
    wire.fault = fault
    with pytest.raises(Unreachable):
        call(reports, "job.finish", {"n": 1})
    wire.fault = None
    assert call(reports, "job.finish", {"n": 2}) == {"n": 2}
