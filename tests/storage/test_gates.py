"""Slots that were parked, and when somebody looks, on every backend."""

from datetime import datetime, timezone

import pytest

from chalicelib.dynamo import gates
from chalicelib.dynamo.run_items import GateItem, gate_sort_key
from chalicelib.runs.job import JobState

pytestmark = pytest.mark.usefixtures("backend")

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def park() -> bool:
    gate = gates.park("01R", 1, 0, ends=JobState.SUCCEEDED, expires_at=NOW)
    return gate.is_time_to_look(3)


def test_somebody_looks_when_all_slots_of_a_wave_are_parked() -> None:
    assert [park() for _ in range(4)] == [False, False, True, True]


def test_or_when_so_many_are_as_was_set_meanwhile() -> None:
    assert not park()
    assert not gates.look_at("01R", 1, 0, 2, NOW).is_time_to_look(3)
    assert [park(), park()] == [True, True]
    assert not gates.look_at("01R", 1, 0, 5, NOW).is_time_to_look(3)
    assert [park(), park()] == [False, True]
    assert gates.look_at("01R", 1, 0, 5, NOW).is_time_to_look(3), "they have come meanwhile"


def test_a_gate_that_is_made_by_such_a_note_expires_with_its_run() -> None:
    gates.look_at("01R", 1, 1, 2, NOW)
    assert GateItem.get("01R", gate_sort_key(1, 1)).ttl == NOW
