"""The invariants of the design, under schedules that hypothesis makes up."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.simulation.schedule import Laboratory, laboratory
from tests.stack.backends import endpoints_of

# Seconds for all schedules together. Most are tried on the default store, which is the fastest; on
# the others enough to see that the engine needs nothing that only one of them gives.
BUDGETS = {"local": 62.0, "durable": 25.0, "moto in this process": 25.0}
ACTIONS = 30


@dataclass(frozen=True)
class Trial:
    """Where schedules are tried, and until when."""

    lab: Laboratory
    deadline: float


@pytest.fixture(scope="module", params=BUDGETS)
def trial(request: pytest.FixtureRequest) -> Iterator[Trial]:
    name = request.param
    where = None if name.startswith("moto") else endpoints_of(name, request)
    with laboratory(where) as lab:
        yield Trial(lab, time.monotonic() + BUDGETS[name])


@settings(
    max_examples=400,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_schedule_violates_an_invariant(trial: Trial, seed: int) -> None:
    if time.monotonic() < trial.deadline:
        trial.lab.run(Random(seed), ACTIONS)


def test_the_schedules_were_tried(trial: Trial) -> None:
    """Runs after the one above; a simulation that makes no faults would prove nothing."""
    assert trial.lab.tried.schedules >= 5
    assert len(trial.lab.tried.faults) >= 7
    assert trial.lab.tried.passes >= 100
    assert trial.lab.tried.late_answers >= 5
