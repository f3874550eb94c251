"""What the slices of a wide step read, and the mark of what was sent, on every backend."""

from datetime import datetime, timedelta, timezone

import pytest

from chalicelib.access.by import INSTALLATION
from chalicelib.dynamo import contexts, runs, steps
from chalicelib.runs.run import Run, RunState, RunStep
from chalicelib.tasks.target import Targets
from chalicelib.tasks.task import Amount, Step

pytestmark = pytest.mark.usefixtures("backend")

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
LATER = NOW + timedelta(minutes=2)
ALL = {f"agent-{number:03}": f"name {number}" for number in range(250)}


def make(size: int) -> RunStep:
    """A run with a step on so many agents, the first of which is a canary."""
    agents = dict(list(ALL.items())[:size])
    step = RunStep(Step(1, "s", Targets(), command="true", canary=Amount(1)), size, None, agents)
    run = Run("01R", "T", "t", 1, 1, RunState.QUEUED, INSTALLATION, NOW, NOW + timedelta(days=90))
    assert steps.freeze(run.id, [step], run.expires_at)
    assert runs.create(run)
    return step


def test_a_part_is_sent_by_one_at_a_time() -> None:
    make(1)
    assert runs.spread("01R", "1.1 put", LATER, NOW)
    assert not runs.spread("01R", "1.1 put", LATER, NOW)
    assert not runs.spread("01R", "1.1 put", LATER, LATER - timedelta(milliseconds=1))
    assert runs.spread("01R", "1.1 put", LATER + timedelta(minutes=2), LATER)
    assert not runs.spread("01R", "1.1 put", LATER, LATER), "it was sent anew"


def test_another_part_does_not_wait() -> None:
    make(1)
    assert runs.spread("01R", "1.1 put", LATER, NOW)
    assert runs.spread("01R", "stop", LATER, NOW)
    assert not runs.spread("01R", "stop", LATER, NOW)


def test_a_run_that_is_gone_gets_no_mark() -> None:
    assert not runs.spread("01R", "stop", LATER, NOW)
    assert runs.get("01R") is None


@pytest.mark.parametrize("size", [3, 250])
def test_agents_are_found_by_their_places(size: int) -> None:
    made = make(size)
    context = contexts.at_index("01R", 1, size - 1)
    assert context is not None
    for indexes in (range(size), range(1, 2), range(size - 2, size), range(size // 2, size)):
        found = steps.agents_between("01R", context.step, indexes)
        wanted = {at: (made.roster[at], made.agents[made.roster[at]]) for at in indexes}
        assert found == wanted


def test_what_stands_around_a_place_needs_no_job_there() -> None:
    make(3)
    around = [contexts.at_index("01R", 1, index) for index in range(3)]
    assert [each.wave.number for each in around if each is not None] == [0, 1, 1]
    assert contexts.at_index("01R", 1, 3) is None
    assert contexts.at_index("01R", 2, 0) is None
    assert contexts.at_index("01X", 1, 0) is None
