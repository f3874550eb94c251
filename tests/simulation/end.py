"""The end of a schedule in the simulated world, in which everything has to come to its end."""

from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.dynamo import run_secrets
from chalicelib.operations.runs.sweep import sweep
from tests.simulation.invariants import Violation, check_deadlines
from tests.simulation.shown import Heard, position, stuck

if TYPE_CHECKING:
    from tests.simulation.world import World

QUICK_ROUNDS, MACHINES_COME_BACK = 8, 20  # how many, and after how many
ROUNDS_WITHOUT_CHANGE = 16  # two days: nothing waits for longer than one
ROUNDS = 200
STEP = timedelta(seconds=45)
LATER_STEP = timedelta(hours=3)  # jobs that wait a day for their machine


def settle(world: "World") -> None:
    """Without faults everything ends, by sweeps and polls alone. Raises Violation for what does
    not, or not for good."""
    world.faults.rate = 0.0
    world.late.is_on = False
    for machine in world.machines:
        machine.wire.rate = 0.0
    world.late_calls()
    world.faults.deliver_late()
    if world.chance.random() < 0.3:
        world.queue.lose_all()
    world.queue.rate = world.chance.choice([0.0, 0.5])
    world.callers.remove_schedules()
    for machine in world.machines[1:]:
        machine.is_up = world.chance.random() < 0.8
    with Heard(world.note):
        _go_on(world)
    _check_for_good(world)


def _go_on(world: "World") -> None:
    stands, since = "", 0
    for number in range(ROUNDS):
        late = number >= QUICK_ROUNDS
        if number == MACHINES_COME_BACK:  # runs that wait for each other, a day each
            for machine in world.machines:
                machine.is_up = True
        _go_round(world, LATER_STEP if late else STEP)
        left = [each for each in world.seen.values() if not each.run.state.is_terminal]
        if not left:
            return
        before, stands = stands, position(left)
        since = number if stands != before else since
        if number - max(since, MACHINES_COME_BACK) > ROUNDS_WITHOUT_CHANGE:
            break
    with world.faults.apart():
        raise Violation(f"12: these did not end: {stuck(left, world.now)}")


def _go_round(world: "World", step: timedelta) -> None:
    world.now += step
    for machine in world.machines:
        if machine.is_up:
            machine.beat()
            for offer in machine.poll():
                world.ledger.check_offer(offer, machine, {}, world.callers.cancelled)
            for attempt in machine.journal.values():
                if attempt.result is None:
                    machine.end(attempt)
            machine.report_ends()
    sweep(world.shift())
    while not world.queue.is_empty:
        world.work_off()
    world.check()
    for progress in world.seen.values():
        check_deadlines(progress, world.now)


def _check_for_good(world: "World") -> None:
    for run_id, state in world.ledger.ended.items():
        progress = world.progress(run_id)
        if progress is None or progress.run.state is not state:
            raise Violation(f"3: the run {run_id} left its end {state}")
        with world.faults.apart():
            if run_secrets.get(run_id) is not None:
                raise Violation(f"the run {run_id} has ended, and its secrets are there")
