"""The invariants of the design, under schedules that hypothesis makes up."""

import time
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.simulation.schedule import Laboratory, laboratory

BUDGET_SECONDS = 100.0  # for all schedules together
ACTIONS = 30


@pytest.fixture(scope="module")
def lab() -> Iterator[Laboratory]:
    with laboratory() as opened:
        yield opened


@pytest.fixture(scope="module")
def deadline() -> float:
    return time.monotonic() + BUDGET_SECONDS


@settings(
    max_examples=400,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_schedule_violates_an_invariant(lab: Laboratory, deadline: float, seed: int) -> None:
    if time.monotonic() < deadline:
        lab.run(Random(seed), ACTIONS)


def test_the_schedules_were_tried(lab: Laboratory) -> None:
    """Runs after the one above; a simulation that makes no faults would prove nothing."""
    assert lab.tried.schedules >= 20
    assert len(lab.tried.faults) >= 7
