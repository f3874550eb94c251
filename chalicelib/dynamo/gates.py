"""Gates: what the jobs of a wave share. One atomic update answers how many have failed and which
job comes next, so that no job is put out on a slot after the wave has closed."""

import msgspec
from pynamodb.expressions.update import Action

from chalicelib.dynamo.run_items import GateItem, gate_sort_key


class Gate(msgspec.Struct, frozen=True):
    """`granted` successors were promised; `failures` are agents whose jobs failed."""

    granted: int = 0
    failures: int = 0


def value(item: GateItem) -> Gate:
    """The gate that an item holds."""
    return Gate(int(item.granted), len(item.failed or ()))


def pass_through(
    run_id: str, step: int, wave: int, *, failed: str | None, wants_successor: bool
) -> Gate:
    """Before a job ends: notes the agent when its job failed, and promises a successor.

    A failure counts once, however often it is noted. A promise whose answer was lost is found by
    the planner: no job has that index as its successor then.
    """
    item = GateItem(run_id, gate_sort_key(step, wave))
    actions: list[Action] = [GateItem.kind.set(GateItem)]
    if failed is not None:
        actions.append(GateItem.failed.add({failed}))
    if wants_successor:
        actions.append(GateItem.granted.add(1))
    item.update(actions=actions)
    return value(item)


def park(run_id: str, step: int, wave: int) -> int:
    """Counts a slot that is not needed any more; answers how many. A hint when to look."""
    item = GateItem(run_id, gate_sort_key(step, wave))
    item.update(actions=[GateItem.kind.set(GateItem), GateItem.parked.add(1)])
    return int(item.parked)
