"""What the control plane is told of one attempt, whatever it answers."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from plumber_agent.jobs import reporting
from plumber_agent.jobs.reporting import Reporting
from plumber_agent.machine.loop import Loop
from plumber_agent.machine.wire import Refused, Unreachable

SECONDS = 20
OLD_LEASE = Refused(-32003, "old lease")


class Far:
    """Answers each report as the test wants, in its order; then that all is well."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.said: list[str] = []

    def send(self, method: str, params: dict[str, Any], take: Callable[[Any], None]) -> None:
        assert params["lease"] == "l"
        self.said.append(method)
        take(self.answers.pop(0) if self.answers else {"state": "succeeded"})


class Told:
    """A reporting, and what came of it."""

    def __init__(self, *answers: Any) -> None:
        self.far, self.loop = Far(*answers), Loop()
        self.taken: list[Any] = []
        self.refused: list[Refused] = []
        self.reporting = Reporting(
            self.far,  # type: ignore[arg-type]
            {"run_id": "r", "job_id": "j", "lease": "l"},
            self.loop,
            self.refused.append,
        )

    def run(self, is_over: Callable[[], Any], seconds: float = SECONDS) -> None:
        deadline = time.monotonic() + seconds
        self.loop.later(seconds, lambda: None)
        self.loop.run(lambda: bool(is_over()) or time.monotonic() > deadline)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "START_REPORT_SECONDS", 0.02)
    monkeypatch.setattr("plumber_agent.machine.wire.FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr("plumber_agent.machine.wire.REFUSED_SECONDS", 0.02)


def test_that_a_job_runs_is_said_until_it_is_heard() -> None:
    told = Told(Unreachable("away"), Refused(-32603, "throttled"))
    told.reporting.start(lambda: 5)
    told.reporting.start(lambda: 5)
    told.run(lambda: len(told.far.said) > 3, 0.5)
    assert told.far.said == ["job.start"] * 3


def test_of_a_job_that_ends_at_once_only_the_end_is_said() -> None:
    told = Told()
    told.reporting.start(lambda: 5)
    told.reporting.end({}, told.taken.append)
    told.run(lambda: len(told.far.said) > 1, 0.2)
    assert told.far.said == ["job.finish"]
    assert told.taken == [{"state": "succeeded"}]


def test_an_end_is_said_until_it_is_accepted() -> None:
    told = Told(Unreachable("away"), Refused(-32603, "throttled"), Unreachable("away"))
    told.reporting.end({"exit_code": 0}, told.taken.append)
    told.run(lambda: told.taken)
    assert told.far.said == ["job.finish"] * 4


def test_an_end_that_no_repetition_mends_is_said_once() -> None:
    told = Told(OLD_LEASE)
    told.reporting.end({}, told.taken.append)
    told.run(lambda: told.taken)
    assert told.taken == [{"state": "refused", "message": "old lease"}]
    assert told.far.said == ["job.finish"]


@pytest.mark.parametrize("method", ["start", "confirm"])
def test_who_hears_that_the_lease_is_lost_says_so(method: str) -> None:
    told = Told(OLD_LEASE)
    if method == "start":
        told.reporting.start(lambda: 5)
    else:
        told.reporting.confirm(told.taken.append)
    told.run(lambda: told.refused)
    assert told.refused == [OLD_LEASE]
    assert told.taken == []


def test_a_confirmation_is_not_insisted_on() -> None:
    told = Told(Unreachable("away"))
    told.reporting.confirm(told.taken.append)
    told.run(lambda: len(told.far.said) > 1, 0.2)
    assert (told.far.said, told.taken, told.refused) == (["job.extend"], [], [])


def test_who_has_left_says_and_hears_nothing_more() -> None:
    told = Told(Unreachable("away"))
    told.reporting.end({}, told.taken.append)
    told.reporting.leave()
    told.reporting.confirm(told.taken.append)
    told.run(lambda: len(told.far.said) > 1, 0.2)
    assert (told.far.said, told.taken) == (["job.finish"], [])
