"""Batches of cases: so many of one seed, one after the other."""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.asking import Asker, Fuzzer
from tests.fuzz.judge import Trial

Ended = Callable[[], bool]


def batch(fuzzer: Fuzzer, asker: Asker, number: int, examples: int, has_ended: Ended) -> None:
    """Tries `examples` cases of a seed, or fewer when the time is over. Nothing is raised for an
    answer: the judge keeps what is wrong, and nothing is made smaller, since the stack remembers.
    """
    asker.trial = Trial(fuzzer.name, number, None)
    with judged(asker):
        fuzzer.prepare(asker)

    @seed(number)
    @settings(
        max_examples=examples, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(fuzzer.cases())
    def tried(case: object) -> None:
        if not has_ended():
            try_case(fuzzer, asker, number, case)

    tried()


def try_case(fuzzer: Fuzzer, asker: Asker, number: int, case: object) -> None:
    """And looks whether all processes still live."""
    asker.trial = Trial(fuzzer.name, number, case)
    asker.judge.tried[fuzzer.name] += 1
    with judged(asker):
        fuzzer.try_one(asker, case)
    for name in asker.stage.dead():
        asker.judge.fail(asker.trial, f"the process {name} ended")


@contextmanager
def judged(asker: Asker) -> Iterator[None]:
    """An answer with which a fuzzer cannot go on is a failure like any other."""
    try:
        yield
    except Exception as error:
        told = traceback.format_exc()
        asker.judge.fail(asker.trial, f"cannot go on: {error!r}"[:120], told=told)
