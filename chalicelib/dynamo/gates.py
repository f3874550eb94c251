"""Gates: what the jobs of a wave share. One atomic update answers how many have failed and which
job comes next, so that no job is put out on a slot after the wave has closed. The same update
counts the job that ends, for whoever looks at the run.

Which jobs have failed stands in items beside the gate, a part of the wave in each: those grow, and
are written only when a job fails. The gate holds how many they name (ADR 23).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from pynamodb.attributes import NumberAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.dynamo.base import passed
from chalicelib.dynamo.run_items import (
    FailuresItem,
    GateItem,
    PartitionItem,
    failures_sort_key,
    gate_sort_key,
)
from chalicelib.runs.job import JobState
from chalicelib.runs.run import Run
from chalicelib.runs.wave import Gate

ENDS = tuple(state for state in JobState if state.is_terminal)
WAVES = (0, 1)
PARTS = range(8)  # of a wave's failures: 5,000 jobs that all fail are 2 KB in each


def _counter(state: JobState) -> NumberAttribute:
    attribute: NumberAttribute = getattr(GateItem, f"ended_{state.value}")
    return attribute


def _failures(part: int) -> NumberAttribute:
    attribute: NumberAttribute = getattr(GateItem, f"failed_{part}")
    return attribute


def value(item: GateItem) -> Gate:
    """The gate that an item holds."""
    counted = {state: int(getattr(item, f"ended_{state.value}") or 0) for state in ENDS}
    ended = {state: number for state, number in counted.items() if number}
    failures = sum(int(getattr(item, f"failed_{part}") or 0) for part in PARTS)
    look_at = None if item.look_at is None else int(item.look_at)
    return Gate(int(item.granted), failures, ended, int(item.parked), look_at)


def _actions(expires_at: datetime, ends: JobState | None) -> list[Action]:
    actions: list[Action] = [GateItem.kind.set(GateItem), GateItem.ttl.set(expires_at)]
    return actions if ends is None else [*actions, _counter(ends).add(1)]


def pass_through(
    run_id: str,
    step: int,
    wave: int,
    *,
    failed: int | None,
    wants_successor: bool,
    ends: JobState,
    expires_at: datetime,
) -> Gate:
    """Before a job ends: notes its index when it failed, promises a successor, and counts.

    A failure counts once, however often it is noted. A promise whose answer was lost is found by
    the planner: no job has that index as its successor then.
    """
    item = GateItem(run_id, gate_sort_key(step, wave))
    actions = _actions(expires_at, ends)
    if wants_successor:
        actions.append(GateItem.granted.add(1))
    if failed is not None:
        part = failed % len(PARTS)
        noted, number = _failures(part), _note(run_id, step, wave, part, failed, expires_at)
        # A part's count only grows, and says how many were noted at some time. A repeated or late
        # update finds as many or more: what it wanted to say has been said.
        is_more = noted.does_not_exist() | (noted < number)
        with_failure = [*actions, noted.set(number)]
        if passed(lambda: item.update(actions=with_failure, condition=is_more)):
            return value(item)
    item.update(actions=actions)
    return value(item)


def _note(run_id: str, step: int, wave: int, part: int, index: int, expires_at: datetime) -> int:
    """Notes the job among those of its part that failed; answers how many they are with it."""
    item = FailuresItem(run_id, failures_sort_key(step, wave, part))
    actions: list[Action] = [
        FailuresItem.kind.set(FailuresItem),
        FailuresItem.ttl.set(expires_at),
        FailuresItem.failed.add({index}),
    ]
    item.update(actions=actions)
    return len(item.failed)


def park(run_id: str, step: int, wave: int, *, ends: JobState | None, expires_at: datetime) -> Gate:
    """Counts a slot that is not needed any more. A hint when to look.

    `ends` counts the job as well, None one that was counted before.
    """
    item = GateItem(run_id, gate_sort_key(step, wave))
    item.update(actions=[*_actions(expires_at, ends), GateItem.parked.add(1)])
    return value(item)


def look_at(run_id: str, step: int, wave: int, parked: int, expires_at: datetime) -> Gate:
    """Sets at how many parked slots somebody looks. They may be so many by now: whoever sets it
    looks then."""
    item = GateItem(run_id, gate_sort_key(step, wave))
    item.update(actions=[*_actions(expires_at, None), GateItem.look_at.set(parked)])
    return value(item)


def recount(
    run_id: str,
    step: int,
    wave: int,
    counted: Gate,
    ended: Mapping[JobState, int],
    expires_at: datetime,
) -> bool:
    """Sets the counters to what the jobs say; False when one has moved since they were read."""
    item = GateItem(run_id, gate_sort_key(step, wave))
    actions = _actions(expires_at, None)
    is_same: Condition | None = None
    for state in ENDS:
        counter, before = _counter(state), counted.ended.get(state)
        clause = counter.does_not_exist() if before is None else counter == before
        is_same = clause if is_same is None else is_same & clause
        if ended.get(state, 0) != (before or 0):
            actions.append(counter.set(ended[state]) if ended.get(state) else counter.remove())
    return passed(lambda: item.update(actions=actions, condition=is_same))


def counted(runs: Iterable[Run]) -> dict[str, dict[JobState, int]]:
    """The jobs that have ended in the steps that are under way, by run: a call for 50 runs that go
    on. Those of a single job have no gate, and runs that have ended no such step."""
    wide = [run for run in runs if run.step_size > 1 and not run.state.is_terminal]
    keys = [(run.id, gate_sort_key(run.step, wave)) for run in wide for wave in WAVES]
    found: dict[str, dict[JobState, int]] = {}
    for item in PartitionItem.batch_get(keys) if keys else ():
        if not isinstance(item, GateItem):
            continue
        of_run = found.setdefault(item.run_id, {})
        for state, number in value(item).ended.items():
            of_run[state] = of_run.get(state, 0) + number
    return found
