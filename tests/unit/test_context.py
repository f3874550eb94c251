"""What stands around a job."""

import pytest

from chalicelib.runs.context import Context
from chalicelib.runs.run import RunStep
from chalicelib.runs.wave import Gate, Wave
from chalicelib.tasks.target import Targets
from chalicelib.tasks.task import Step
from tests.storage.test_runs import make


@pytest.mark.parametrize(("granted", "is_all"), [(0, False), (6, False), (7, True), (8, True)])
def test_all_is_granted_when_what_began_without_a_slot_has_been_promised_one(
    granted: int, is_all: bool
) -> None:
    step = RunStep(Step(1, "one", Targets(everybody=True), command="true"), 10, None, {})
    wave = Wave(number=0, first=0, end=10, slots=3, max_failures=None)
    assert Context(make("01R"), step, wave, Gate(granted=granted)).is_all_granted is is_all
