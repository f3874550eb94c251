"""What goes wrong in the simulation does so as it would, and what it looks for it finds."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from random import Random

import pytest
from msgspec.structs import replace
from pynamodb.exceptions import PynamoDBException

from chalicelib.access.by import INSTALLATION
from chalicelib.dynamo import runs, turns
from chalicelib.runs.run import Progress, Run, RunState
from chalicelib.tasks.task import Concurrency
from tests.simulation import faults as faults_module
from tests.simulation.baton import Baton
from tests.simulation.faults import LATE_AT_MOST, Faults, installed
from tests.simulation.invariants import Violation, check_turns
from tests.simulation.late import LateIndexes
from tests.simulation.shown import position, stuck

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
LATER = NOW + timedelta(days=1)
RUN = Run("01R", "T", "task", 1, 1, RunState.QUEUED, INSTALLATION, NOW, LATER)
HELD = replace(RUN, concurrency=Concurrency.QUEUE, is_held=True)


@dataclass
class Late:
    """Calls that are done late, and a clock."""

    faults: Faults
    now: datetime = NOW

    def sends(self, run_id: str) -> bool:
        """A run's try to take the turn, which goes wrong."""
        self.faults.rate = 1.0
        try:
            return turns.take("T", run_id, instead_of=None, now=NOW)
        finally:
            self.faults.rate = 0.0

    def holder(self) -> str | None:
        with self.faults.apart():
            turn = turns.get("T")
        return None if turn is None else turn.run_id


@pytest.fixture
def late(store: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Late]:
    monkeypatch.setattr(faults_module, "KINDS", ("done late",))
    faults = Faults(Random(1), Baton(Random(1)), lambda: made.now)
    made = Late(faults)
    with installed(faults, LateIndexes(Random(1), lambda: made.now)):
        yield made


def test_a_late_call_is_lost_for_its_caller_and_is_done_all_the_same(late: Late) -> None:
    with pytest.raises(PynamoDBException):
        late.sends("01A")
    assert late.holder() is None
    late.faults.deliver_late()
    assert late.holder() == "01A"


def test_a_late_call_is_judged_by_what_there_is_when_it_arrives(late: Late) -> None:
    with pytest.raises(PynamoDBException):
        late.sends("01A")
    with late.faults.apart():
        assert turns.take("T", "01B", instead_of=None, now=NOW)
    late.faults.deliver_late()
    assert late.holder() == "01B"


def test_a_call_may_be_done_a_second_time_long_after_it_was_answered(
    late: Late, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults_module, "KINDS", ("done late too",))
    assert late.sends("01A")
    with late.faults.apart():
        assert turns.release("T", "01A")
    late.faults.deliver_late()
    assert late.holder() == "01A"


def test_no_call_arrives_when_its_signature_is_too_old(late: Late) -> None:
    with pytest.raises(PynamoDBException):
        late.sends("01A")
    late.now += LATE_AT_MOST + timedelta(seconds=1)
    late.faults.deliver_late()
    assert late.holder() is None
    assert late.faults.made["came too late"] == 1


def test_of_runs_that_exclude_each_other_one_may_go_on() -> None:
    begun = replace(HELD, is_held=False)
    others = [
        replace(HELD, id="01S"),
        replace(begun, id="01S", state=RunState.SUCCEEDED),
        replace(begun, id="01S", concurrency=Concurrency.ALLOW),
        replace(begun, id="01S", task_id="U"),
    ]
    for other in others:
        check_turns([begun, other])
    with pytest.raises(Violation, match="01R and 01S"):
        check_turns([begun, replace(begun, id="01S", concurrency=Concurrency.FORBID)])


def test_a_run_that_hangs_is_shown_with_its_turn_and_with_when_it_is_due(store: object) -> None:
    assert runs.create(HELD)
    assert turns.take("T", "01S", instead_of=None, now=NOW)
    said = stuck([Progress(HELD, ())], NOW)
    for part in ('"held": true', "run_id='01S'", "2026-01-01 00:00:30", '".RUN": "run#'):
        assert part in said


def test_a_run_gets_on_when_anything_of_it_changes() -> None:
    begun = Progress(replace(HELD, is_held=False), ())
    assert position([Progress(HELD, ())]) == position([Progress(HELD, ())])
    assert position([begun]) != position([Progress(HELD, ())])
