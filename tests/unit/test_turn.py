"""When a turn may be taken by another run."""

from datetime import datetime, timedelta, timezone

import pytest
from msgspec.structs import replace

from chalicelib.access.by import INSTALLATION
from chalicelib.runs.run import Run, RunState
from chalicelib.runs.turn import UNBORN_FOR, Turn

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
TURN = Turn("01R", NOW)
RUN = Run("01R", "T", "task", 1, 1, RunState.QUEUED, INSTALLATION, NOW, NOW)


@pytest.mark.parametrize("state", RunState)
def test_it_is_over_when_its_run_has_ended(state: RunState) -> None:
    later = NOW + 9 * UNBORN_FOR
    assert TURN.is_over(replace(RUN, state=state), later) is state.is_terminal


def test_a_run_that_is_not_there_may_still_come_for_a_while() -> None:
    assert not TURN.is_over(None, NOW + UNBORN_FOR)
    assert TURN.is_over(None, NOW + UNBORN_FOR + timedelta(milliseconds=1))
