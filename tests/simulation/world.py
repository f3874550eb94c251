"""The simulated world: people, machines, sweepers, a clock, and what must always be true."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from botocore.exceptions import BotoCoreError
from chalice.test import Client
from pynamodb.exceptions import PynamoDBException

from chalicelib.dynamo import runs
from chalicelib.operations.runs.sweep import sweep
from chalicelib.operations.shift import Shift
from chalicelib.operations.tasks.schedules import fire_due
from chalicelib.runs.run import Progress
from tests.api.conftest import People, rpc
from tests.simulation import end
from tests.simulation.baton import Baton, Deed
from tests.simulation.callers import Callers
from tests.simulation.definitions import (
    EXCLUDING,
    ZONES,
)
from tests.simulation.faults import Faults, Killed
from tests.simulation.invariants import (
    Violation,
    check_run,
    check_turns,
)
from tests.simulation.late import LateIndexes
from tests.simulation.ledger import Ledger
from tests.simulation.machines import Machine
from tests.simulation.wire import Wire
from tests.simulation.work_queue import WorkQueue

CLONES = 2
RUNS_AT_MOST = 100  # of one task


class World:
    """One schedule: chance decides what happens next; `check` after everything that does."""

    def __init__(
        self, client: Client, admin: People, tokens: dict[str, str], chance: Random, now: datetime
    ) -> None:
        self.chance = chance
        self.now = now
        self.baton = Baton(chance)
        self.faults = Faults(chance, self.baton, lambda: self.now)
        self.late = LateIndexes(chance, lambda: self.now)
        self.queue = WorkQueue(chance, self.faults, lambda: self.now)
        self.wire_faults: Counter[str] = Counter()
        self.trace: list[str] = []
        self._crowd: tuple[int, ...] = (1,)  # so many handlers at once
        self.ledger = Ledger()
        self.callers = Callers(
            admin,
            chance,
            self.faults,
            self.note,
            lambda: self.now,
            self.progress,
            lambda run_id: run_id not in self.ledger.ended,
        )
        self._found: dict[str, None] = {}  # runs that there are, also those that nobody knows of
        self._seen_to_be_wrong = ""
        self.seen: dict[str, Progress] = {}
        self._seen_after_writes = -1
        failing = chance.choice([0.0, 0.3, 0.6])
        self.machines = [
            Machine(
                agent_id,
                Wire(self._sender(client, token), chance, self.wire_faults),
                chance,
                failing,
            )
            for agent_id, token in tokens.items()
        ]

    def _sender(self, client: Client, token: str) -> Callable[[str, dict[str, Any]], Any]:
        def send(method: str, params: dict[str, Any]) -> Any:
            body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            return rpc(client, body, token)[1]

        return send

    def note(self, what: str) -> None:
        self.trace.append(f"{self.now:%H:%M:%S} {what}")

    # --- what may happen

    def live(self, actions: int) -> None:
        """So many things happen, with faults, one after the other or side by side."""
        self.faults.rate = self.chance.choice([0.0, 0.02, 0.1])
        self.late.is_on = self.chance.random() < 0.7
        self.queue.rate = self.chance.choice([0.0, 0.1, 0.4])
        self._crowd = self.chance.choice([(1,), (1, 1, 2, 3), (2, 2, 3, 4)])
        for machine in self.machines:
            machine.wire.rate = self.chance.choice([0.0, 0.1, 0.3])
        self._move_machines()
        if self.chance.random() < 0.3:
            self.chance.choice([self._collide, self._line_up])()
            return
        self._new_task()
        handlers: list[tuple[Deed, int]] = [
            (self._poll, 40),
            (self._end_and_report, 35),
            (self._report_start, 10),
            (self._beat, 8),
            (self._sweep, 12),
            (self._fire, 6),
            (self.callers.repeat_trigger, 8),
            (self.late_calls, 5),
            (self.callers.cancel_run, 3),
            (self.callers.cancel_job, 6),
            (self.callers.retry_run, 2),
            (self._move_machine, 3),
            (self.work_off, 12),
        ]
        alone: list[tuple[Deed, int]] = [
            (self._new_task, 6),
            (self._crash_or_come_back, 6),
            (self._replace_machine, 1),
            (self._clone_machine, 2),
        ]
        while actions > 0:
            self.now += timedelta(seconds=self.chance.choice([0, 0, 1, 2, 5, 15, 60]))
            if self.chance.random() < 0.01:
                self.now += timedelta(minutes=self.chance.choice([3, 20, 600]))
            actions -= self._happen(handlers, alone, self.chance.choice(self._crowd))
            self.check()

    def _collide(self) -> None:
        """A short life in which those meet who could get in each other's way."""
        self._crowd = (2, 3)
        for machine in self.machines:
            machine.wire.rate, machine.failing = 0.0, 0.7
        for _ in range(2):
            self._new_task()
            self.check()
            for machine in self.machines:
                self._poll_of(machine)
            for _ in range(3):
                self.now += timedelta(seconds=self.chance.choice([0, 1, 15]))
                others = [self._poll, self._sweep, self._end_and_report, self.callers.cancel_job]
                others += [] if self.queue.is_empty else [self.work_off] * 3
                deeds = [
                    self._end_and_report,
                    self.chance.choice([self.callers.cancel_job, self.callers.cancel_run]),
                    self.chance.choice(others),
                ]
                self._side_by_side(deeds)
                self.check()

    def _line_up(self) -> None:
        """A short life in which runs of one task wait for each other, and calls of those who want
        them are cut short."""
        self.faults.rate = 0.2
        self.callers.make_task(3, self._agent_ids(), EXCLUDING)
        others: list[tuple[Deed, int]] = [
            (self.callers.repeat_trigger, 4),
            (self._sweep, 4),
            (self._end_and_report, 2),
            (self.callers.cancel_run, 1),
        ]
        for _ in range(12):
            self.now += timedelta(seconds=self.chance.choice([0, 1, 15, 40, 120]))
            self.callers.repeat_trigger()
            self._side_by_side([self._poll, self._one_of(others)])
            self.check()

    def _happen(
        self, handlers: list[tuple[Deed, int]], alone: list[tuple[Deed, int]], crowd: int
    ) -> int:
        """One thing, or several that handlers do side by side; answers how many."""
        first = self._one_of(handlers + alone)
        if not self.callers.going_on() and self.chance.random() < 0.5:
            first = self._new_task
        if crowd == 1 or first in [deed for deed, _ in alone]:
            first()
            return 1
        # More of what changes runs than there is one after the other: calls that are repeated while
        # the first one is on its way, and people who change their minds.
        hasty = [
            self.callers.cancel_job,
            self.callers.cancel_run,
            self._end_and_report,
            self._sweep,
            first,
        ]
        hasty += [] if self.queue.is_empty else [self.work_off] * 2
        others = [
            self.chance.choice(hasty) if self.chance.random() < 0.6 else self._one_of(handlers)
            for _ in range(crowd - 1)
        ]
        self._side_by_side([first, *others])
        return crowd

    def _side_by_side(self, deeds: Sequence[Deed]) -> None:
        held = [offer for machine in self.machines if machine.is_up for offer in machine.held()]
        self.callers.focus = self.chance.choice(held) if held else None
        self.note(f"{len(deeds)} side by side")
        self.baton.together(deeds)
        self.callers.focus = None

    def _one_of(self, happenings: list[tuple[Deed, int]]) -> Deed:
        deeds, weights = zip(*happenings, strict=True)
        chosen: Deed = self.chance.choices(deeds, weights)[0]
        return chosen

    def _machine(self) -> Machine | None:
        up = [machine for machine in self.machines if machine.is_up]
        near = [machine for machine in up if self.callers.focus in machine.held()]
        return self.chance.choice(near or up) if up else None

    def _poll(self) -> None:
        machine = self._machine()
        if machine is not None and not machine.is_polling:
            self._poll_of(machine)

    def _poll_of(self, machine: Machine) -> None:
        before, cancelled = self.seen, frozenset(self.callers.cancelled)
        offers = machine.poll()
        self.note(f"{machine.id[-1]} polls: {[(o['job_id'], o['attempt']) for o in offers]}")
        for offer in offers:
            self.ledger.check_offer(offer, machine, before, cancelled)

    def _end_and_report(self) -> None:
        machine = self._machine()
        if machine is not None:
            machine.end_some_process()
            machine.report_ends()
            self.note(f"{machine.id[-1]} reports ends")

    def _report_start(self) -> None:
        machine = self._machine()
        if machine is not None:
            machine.report_start()

    def _beat(self) -> None:
        machine = self._machine()
        if machine is not None:
            machine.beat()

    def _sweep(self) -> None:
        self._call(sweep)

    def _fire(self) -> None:
        self._call(fire_due)

    def _call(self, function: Callable[[Shift], Any]) -> None:
        """A scheduled function, once or twice; it may die in the middle of its work, and be called
        again at once."""
        for _ in range(self.chance.choice([1, 1, 2])):
            try:
                function(self.shift())
            except Killed:
                self.note(f"{function.__name__} died")
            except (PynamoDBException, BotoCoreError) as error:
                self.note(f"{function.__name__} failed: {type(error).__name__}")

    def shift(self) -> Shift:
        """With one hand: who goes on is for the baton to say."""
        return Shift(lambda: self.now, self.now + timedelta(minutes=1), hands=1)

    def work_off(self) -> None:
        if (body := self.queue.deliver()) is not None:
            self.note(f"works off {body}")

    def _crash_or_come_back(self) -> None:
        machine = self.chance.choice(self.machines)
        machine.is_up = not machine.is_up
        self.note(f"{machine.id[-1]} is {'up' if machine.is_up else 'down'}")

    def _replace_machine(self) -> None:
        machine = self.chance.choice(self.machines)
        machine.lose_everything()
        self.note(f"{machine.id[-1]} lost its journal")

    def _clone_machine(self) -> None:
        """A second machine comes up under an identity, and neither knows of the other."""
        originals = {machine.id: machine for machine in reversed(self.machines)}
        machine = self.chance.choice(list(originals.values()))
        if len(self.machines) < len(originals) + CLONES:
            self.machines.append(machine.clone(f"clone {len(self.machines)}"))
            self.note(f"{machine.id[-1]} is cloned")

    def _move_machines(self) -> None:
        """All of them, to where this schedule begins."""
        with self.faults.apart():
            for machine in self.machines:
                self._move(machine, self.chance.choice(ZONES))

    def _move_machine(self) -> None:
        """Another set of agents is chosen from now on."""
        machine = self.chance.choice(self.machines)
        self._move(machine, next(zone for zone in ZONES if zone != machine.zone))

    def _move(self, machine: Machine, zone: str) -> None:
        machine.zone = zone
        self.callers.ask(f"/agents/{machine.id}", {"labels": {"zone": zone}}, method="PATCH")
        self.note(f"{machine.id[-1]} is moved to {zone}")

    def late_calls(self) -> None:
        for machine in self.machines:
            machine.wire.deliver_late()

    # --- people

    def _new_task(self) -> None:
        self.callers.make_task(self.chance.choice([1, 1, 2]), self._agent_ids())
        if self._crowd == (1,):
            self.callers.repeat_trigger()
        else:  # by a client that waits for no answer, while machines come and go
            impatient = [partial(self.callers.send, self.callers.triggers[-1])] * 2
            self.baton.together([*impatient, self._move_machine, self._move_machine])

    def _agent_ids(self) -> list[str]:
        return list(dict.fromkeys(machine.id for machine in self.machines))

    def fired(self, key: str, run_id: str) -> None:
        """A sweeper is about to trigger a run for a due time. It would swallow what is raised."""
        self.note(f"fires {key} as {run_id[-6:]}")
        known = self.callers.fired
        if known.setdefault(key, run_id) != run_id:
            self._seen_to_be_wrong = f"10: two runs for one due time: {key}"
        if list(known.values()).count(run_id) > 1:
            self._seen_to_be_wrong = f"10: one run for two due times: {run_id}"

    # --- what must be true

    def progress(self, run_id: str) -> Progress | None:
        with self.faults.apart():
            return runs.progress(run_id)

    def _snapshot(self) -> dict[str, Progress]:
        self._look_for_runs()
        there = dict.fromkeys([*self.callers.known(), *self._found])
        going_on = [run_id for run_id in there if run_id not in self.ledger.ended]
        found = ((run_id, self.progress(run_id)) for run_id in going_on)
        return {run_id: progress for run_id, progress in found if progress is not None}

    def _look_for_runs(self) -> None:
        """Also such as were made by calls that nobody was answered."""
        with self.faults.apart():
            for task_id in self.callers.tasks:
                self._found.update(dict.fromkeys(runs.active_ids(task_id, RUNS_AT_MOST)))

    def check(self) -> None:
        """Everything that the tables must satisfy at any time."""
        if self._seen_to_be_wrong:
            raise Violation(self._seen_to_be_wrong)
        if self._seen_after_writes == self.faults.writes:
            return
        self.seen = self._snapshot()
        self._seen_after_writes = self.faults.writes
        for progress in self.seen.values():
            check_run(progress)
            self.ledger.check_state(progress.run)
        check_turns(progress.run for progress in self.seen.values())

    def settle(self) -> None:
        """See `end`."""
        end.settle(self)
