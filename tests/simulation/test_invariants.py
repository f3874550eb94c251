"""The invariants of the design, under schedules that hypothesis makes up."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.simulation.schedule import Laboratory, laboratory
from tests.stack.backends import endpoints_of, open_tables

# Seconds for all schedules together. Most are tried on the default store, which is the fastest; on
# the others enough to see that the engine needs nothing that only one of them gives.
BUDGETS = {"local": 62.0, "durable": 25.0, "moto in this process": 25.0}
ACTIONS = 24


@dataclass(frozen=True)
class Trial:
    """Where schedules are tried, and until when: longer on a machine that has no time for us."""

    lab: Laboratory
    deadline: float

    @property
    def proves_something(self) -> bool:
        """Without faults, and with one handler after the other, everything may look well."""
        tried = self.lab.tried
        return (
            tried.schedules >= 5
            and len(tried.faults) >= 7
            and tried.passes >= 100
            and tried.late_answers >= 3
            and "message put_jobs" in tried.work
            and len(tried.work) >= 3  # it was lost as well, or came twice, or something else did
            and tried.refused >= 3
        )


@pytest.fixture(scope="module", params=BUDGETS)
def trial(request: pytest.FixtureRequest) -> Iterator[Trial]:
    name = request.param
    where = None if name.startswith("moto") else endpoints_of(name, request)
    if where is not None:  # other suites have left their agents there
        with pytest.MonkeyPatch.context() as patch:
            open_tables(name, where, patch).empty()
    with laboratory(where) as lab:
        yield Trial(lab, time.monotonic() + BUDGETS[name])


@settings(
    max_examples=400,
    derandomize=True,  # the same schedules each time; `make soak` tries others
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_schedule_violates_an_invariant(trial: Trial, seed: int) -> None:
    if time.monotonic() < trial.deadline or not trial.proves_something:
        trial.lab.run(Random(seed), ACTIONS)


def test_the_schedules_were_tried(trial: Trial) -> None:
    """Runs after the one above."""
    assert trial.proves_something
