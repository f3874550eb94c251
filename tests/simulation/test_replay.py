"""The simulation itself: handlers pass each other, indexes are late, and a seed says how."""

import os
from datetime import datetime, timedelta, timezone
from random import Random

import pytest

from chalicelib.dynamo import due, jobs
from chalicelib.runs.job import Ending, Job, JobKey, JobState
from tests.simulation.baton import Baton
from tests.simulation.faults import Faults, installed
from tests.simulation.invariants import Violation
from tests.simulation.late import CALLS, LateIndexes
from tests.simulation.schedule import Tried, laboratory

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def tried(seed: int) -> tuple[list[str], Tried]:
    with laboratory() as lab:
        return lab.run(Random(seed), 20).trace, lab.tried


def test_a_seed_gives_the_same_schedule_again() -> None:
    environment = os.environ
    seed = next(each for each in range(1, 30) if tried(each)[1].passes > 20)
    assert tried(seed) == tried(seed), "though its handlers pass each other"
    assert os.environ is environment, "and share that of the process"


def test_what_other_schedules_leave_behind_makes_no_difference() -> None:
    with laboratory() as lab:
        lab.run(Random(1), 20)
        after_another = lab.run(Random(2), 20).trace
    with laboratory() as lab:
        lab.before = 2
        assert lab.run(Random(2), 20).trace == after_another


def side_by_side(seed: int) -> str:
    baton, seen = Baton(Random(seed)), list[str]()

    def handler(name: str) -> None:
        for _ in range(5):
            baton.offer()
            seen.append(name)

    baton.together([lambda: handler("a"), lambda: handler("b")])
    return "".join(seen)


def test_chance_says_which_handler_goes_on() -> None:
    orders = [side_by_side(seed) for seed in range(50)]
    assert orders == [side_by_side(seed) for seed in range(50)]
    assert all(sorted(order) == list("aaaaabbbbb") for order in orders)
    assert len(set(orders)) > 25
    assert any("aaaaa" in order[1:-1] or "bbbbb" in order[1:-1] for order in orders)


def test_what_a_handler_raises_is_raised_when_all_have_ended() -> None:
    baton, ended = Baton(Random(1)), list[str]()

    def fails() -> None:
        raise Violation("seen")

    with pytest.raises(Violation, match="seen"):
        baton.together([fails, lambda: ended.append("other")])
    assert ended == ["other"]


@pytest.mark.usefixtures("store")
def test_an_index_is_late_and_never_makes_anything_up() -> None:
    now = [NOW]
    late = LateIndexes(Random(1), lambda: now[0])
    faults = Faults(Random(1), Baton(Random(1)), lambda: now[0])
    key = JobKey("01LATE", 1, "an agent")

    def seen() -> set[str]:
        return {"".join(job.state.value for job in jobs.inbox(key.agent_id, 9)) for _ in range(40)}

    with installed(faults, late):
        job = Job(key, JobState.QUEUED)
        jobs.put(job, NOW, NOW, NOW)
        late.is_on = True
        assert seen() == {"", "queued"}
        for _ in range(max(CALLS)):
            jobs.get(key)
        assert seen() == {"queued"}
        jobs.end(job, Ending(JobState.CANCELLED), None, NOW)
        assert seen() == {"", "queued"}
        assert {jobs.key_of(each) for each in jobs.due(due.QUEUED, NOW, 9)} <= {key}
        now[0] += timedelta(seconds=2)
        assert seen() == {""}, "what is a second old is everywhere"
    assert late.made > 0
