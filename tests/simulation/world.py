"""The simulated world: people, machines, sweepers, a clock, and what must always be true."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from botocore.exceptions import BotoCoreError
from chalice.test import Client
from pynamodb.exceptions import PynamoDBException

from chalicelib.dynamo import run_secrets, runs
from chalicelib.dynamo.runs import KEY_LIFETIME
from chalicelib.operations.runs.sweep import sweep
from chalicelib.operations.shift import Shift
from chalicelib.operations.tasks.schedules import fire_due
from chalicelib.runs.canonical import canonical
from chalicelib.runs.run import Progress, Run, RunState
from tests.api.conftest import People, rpc
from tests.simulation.baton import Baton, Deed
from tests.simulation.definitions import (
    ANY_POLICY,
    EXCLUDING,
    SECRET,
    ZONES,
    is_secret,
    random_definition,
)
from tests.simulation.faults import Faults, Killed
from tests.simulation.invariants import (
    Violation,
    check_deadlines,
    check_gate,
    check_run,
    check_turns,
)
from tests.simulation.late import LateIndexes
from tests.simulation.machines import Machine
from tests.simulation.shown import Heard, position, stuck
from tests.simulation.wire import Wire
from tests.simulation.work_queue import WorkQueue

CLONES = 2
QUICK_ROUNDS, MACHINES_COME_BACK = 8, 20  # of the end: how many, and after how many
ROUNDS_WITHOUT_CHANGE = 16  # two days: nothing waits for longer than one
ROUNDS_TO_THE_END = 200
RUNS_AT_MOST = 100  # of one task
STEP_OF_THE_END = timedelta(seconds=45)
LATER_STEP_OF_THE_END = timedelta(hours=3)  # jobs that wait a day for their machine


@dataclass
class Trigger:
    """A call of a person that is repeated until it is answered, for as long as its key is kept."""

    task: str
    path: str
    key: str
    parameters: dict[str, str]
    run_id: str | None = None
    sent_at: datetime | None = None


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
        self._focus: dict[str, Any] | None = None  # the job that most of them have to do with
        self._admin = admin
        self._triggers: list[Trigger] = []
        self._schedules: list[str] = []
        self._tasks: list[str] = []
        self._found: dict[str, None] = {}  # runs that there are, also those that nobody knows of
        self._fired: dict[str, str] = {}  # idempotency keys, each for a due time, and their runs
        self._seen_to_be_wrong = ""
        self._cancelled: set[str] = set()
        self._ended: dict[str, RunState] = {}
        self._seen: dict[str, Progress] = {}
        self._seen_after_writes = -1
        self._claimed: dict[tuple[str, str, int], str] = {}
        self._offered: dict[tuple[str, str, int], bytes] = {}
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
            (self._repeat_trigger, 8),
            (self._late_calls, 5),
            (self._cancel_run, 3),
            (self._cancel_job, 6),
            (self._retry_run, 2),
            (self._move_machine, 3),
            (self._work_off, 12),
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
                others = [self._poll, self._sweep, self._end_and_report, self._cancel_job]
                others += [] if self.queue.is_empty else [self._work_off] * 3
                deeds = [
                    self._end_and_report,
                    self.chance.choice([self._cancel_job, self._cancel_run]),
                    self.chance.choice(others),
                ]
                self._side_by_side(deeds)
                self.check()

    def _line_up(self) -> None:
        """A short life in which runs of one task wait for each other, and calls of those who want
        them are cut short."""
        self.faults.rate = 0.2
        self._make_task(3, EXCLUDING)
        others: list[tuple[Deed, int]] = [
            (self._repeat_trigger, 4),
            (self._sweep, 4),
            (self._end_and_report, 2),
            (self._cancel_run, 1),
        ]
        for _ in range(12):
            self.now += timedelta(seconds=self.chance.choice([0, 1, 15, 40, 120]))
            self._repeat_trigger()
            self._side_by_side([self._poll, self._one_of(others)])
            self.check()

    def _happen(
        self, handlers: list[tuple[Deed, int]], alone: list[tuple[Deed, int]], crowd: int
    ) -> int:
        """One thing, or several that handlers do side by side; answers how many."""
        first = self._one_of(handlers + alone)
        if not self._going_on() and self.chance.random() < 0.5:
            first = self._new_task
        if crowd == 1 or first in [deed for deed, _ in alone]:
            first()
            return 1
        # More of what changes runs than there is one after the other: calls that are repeated while
        # the first one is on its way, and people who change their minds.
        hasty = [self._cancel_job, self._cancel_run, self._end_and_report, self._sweep, first]
        hasty += [] if self.queue.is_empty else [self._work_off] * 2
        others = [
            self.chance.choice(hasty) if self.chance.random() < 0.6 else self._one_of(handlers)
            for _ in range(crowd - 1)
        ]
        self._side_by_side([first, *others])
        return crowd

    def _side_by_side(self, deeds: Sequence[Deed]) -> None:
        held = [offer for machine in self.machines if machine.is_up for offer in machine.held()]
        self._focus = self.chance.choice(held) if held else None
        self.note(f"{len(deeds)} side by side")
        self.baton.together(deeds)
        self._focus = None

    def _one_of(self, happenings: list[tuple[Deed, int]]) -> Deed:
        deeds, weights = zip(*happenings, strict=True)
        chosen: Deed = self.chance.choices(deeds, weights)[0]
        return chosen

    def _machine(self) -> Machine | None:
        up = [machine for machine in self.machines if machine.is_up]
        near = [machine for machine in up if self._focus in machine.held()]
        return self.chance.choice(near or up) if up else None

    def _poll(self) -> None:
        machine = self._machine()
        if machine is not None and not machine.is_polling:
            self._poll_of(machine)

    def _poll_of(self, machine: Machine) -> None:
        before, cancelled = self._seen, frozenset(self._cancelled)
        offers = machine.poll()
        self.note(f"{machine.id[-1]} polls: {[(o['job_id'], o['attempt']) for o in offers]}")
        for offer in offers:
            self._check_offer(offer, machine, before, cancelled)

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
                function(self._shift())
            except Killed:
                self.note(f"{function.__name__} died")
            except (PynamoDBException, BotoCoreError) as error:
                self.note(f"{function.__name__} failed: {type(error).__name__}")

    def _shift(self) -> Shift:
        """With one hand: who goes on is for the baton to say."""
        return Shift(lambda: self.now, self.now + timedelta(minutes=1), hands=1)

    def _work_off(self) -> None:
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
        self._ask(f"/agents/{machine.id}", {"labels": {"zone": zone}}, method="PATCH")
        self.note(f"{machine.id[-1]} is moved to {zone}")

    def _late_calls(self) -> None:
        for machine in self.machines:
            machine.wire.deliver_late()

    # --- people

    def _ask(
        self, path: str, body: Any = None, key: str | None = None, method: str = "POST"
    ) -> Any:
        """The data of a call, or None when it was refused, failed or died."""
        headers = {} if key is None else {"Idempotency-Key": key}
        try:
            status, envelope = self._admin.send(method, path, body, headers)
        except Killed:
            return None
        return envelope["data"] if status < 400 else None

    def _new_task(self) -> None:
        self._make_task(self.chance.choice([1, 1, 2]))
        if self._crowd == (1,):
            self._repeat_trigger()
        else:  # by a client that waits for no answer, while machines come and go
            impatient = [partial(self._send, self._triggers[-1])] * 2
            self.baton.together([*impatient, self._move_machine, self._move_machine])

    def _make_task(self, callers: int, concurrency: Sequence[str] = ANY_POLICY) -> None:
        """A task, which so many will trigger."""
        name = f"task {self.chance.getrandbits(64)}"
        agent_ids = list(dict.fromkeys(machine.id for machine in self.machines))
        source = random_definition(self.chance, name, agent_ids, concurrency)
        with self.faults.apart():
            created = self._ask("/tasks", {"definition": source})
        self.note(f"task:\n{source}")
        self._tasks.append(created["task"]["id"])
        path = f"/tasks/{created['task']['id']}/execute"
        for _ in range(callers):
            key = f"k{self.chance.getrandbits(64)}"
            self._triggers.append(Trigger(name, path, key, SECRET if is_secret(name) else {}))
        if self.chance.random() < 0.2 and not is_secret(name):
            self._schedule(created["task"]["id"])

    def _schedule(self, task_id: str) -> None:
        body = {
            "task_id": task_id,
            "cron": self.chance.choice(["*/5 * * * *", "*/15 * * * *"]),
            "overlap": self.chance.choice(["skip", "queue", "replace"]),
            "catch_up": self.chance.choice(["none", "one"]),
        }
        with self.faults.apart():
            self._schedules.append(self._ask("/schedules", body)["id"])
        self.note(f"schedule {body}")

    def fired(self, key: str, run_id: str) -> None:
        """A sweeper is about to trigger a run for a due time. It would swallow what is raised."""
        self.note(f"fires {key} as {run_id[-6:]}")
        if self._fired.setdefault(key, run_id) != run_id:
            self._seen_to_be_wrong = f"10: two runs for one due time: {key}"
        if list(self._fired.values()).count(run_id) > 1:
            self._seen_to_be_wrong = f"10: one run for two due times: {run_id}"

    def _repeat_trigger(self) -> None:
        kept = [each for each in self._triggers if self._is_kept(each)]
        if not kept:
            return
        self._send(self.chance.choice([*kept, kept[-1], kept[-1]]))

    def _send(self, trigger: Trigger) -> None:
        once_more = "" if trigger.sent_at is None else " once more"
        trigger.sent_at = trigger.sent_at or self.now
        run = self._ask(trigger.path, {"parameters": trigger.parameters}, trigger.key)
        came_to = "no answer" if run is None else run["id"][-6:]
        self.note(f"triggered{once_more}: {trigger.task}: {came_to}")
        if run is None:
            return
        if trigger.run_id not in (None, run["id"]):
            raise Violation("11: the same idempotency key made a second run")
        trigger.run_id = run["id"]

    def _is_kept(self, trigger: Trigger) -> bool:
        return trigger.sent_at is None or self.now - trigger.sent_at < KEY_LIFETIME

    def _known(self) -> list[str]:
        asked = [trigger.run_id for trigger in self._triggers if trigger.run_id is not None]
        return asked + list(self._fired.values())

    def _some_run(self) -> str:
        """Mostly one that goes on."""
        if self.chance.random() < 0.2:
            return self.chance.choice(self._known())
        if self._focus is not None:
            return str(self._focus["run_id"])
        return self.chance.choice(self._going_on() or self._known())

    def _going_on(self) -> list[str]:
        return [run_id for run_id in self._known() if run_id not in self._ended]

    def _cancel_run(self) -> None:
        if self._known():
            run_id = self._some_run()
            if self._ask(f"/runs/{run_id}/cancel") is not None:
                self._cancelled.add(run_id)
                self.note(f"cancelled {run_id[-6:]}")

    def _cancel_job(self) -> None:
        if self._focus is not None and self.chance.random() < 0.7:
            run_id, job_id = self._focus["run_id"], self._focus["job_id"]
            self._ask(f"/runs/{run_id}/jobs/{job_id}/cancel")
            self.note(f"cancelled job {job_id}")
            return
        progress = self._some_progress()
        if progress is not None and progress.jobs:
            going_on = [job for job in progress.jobs if not job.state.is_terminal]
            job = self.chance.choice(going_on or progress.jobs)
            self._ask(f"/runs/{job.key.run_id}/jobs/{job.key.job_id}/cancel")
            self.note(f"cancelled job {job.key.job_id}")

    def _retry_run(self) -> None:
        if self._known():
            run_id = self.chance.choice(self._known())
            what = self.chance.choice(["all", "failed_step", "failed_agents"])
            known = self._progress(run_id)
            secret = SECRET if known is not None and known.run.secrets else {}
            key = f"k{self.chance.getrandbits(64)}"
            trigger = Trigger(f"retry of {run_id[-6:]}", f"/runs/{run_id}/retry", key, secret)
            made = self._ask(trigger.path, {"what": what, "parameters": secret}, trigger.key)
            if made is not None:
                self._triggers.append(replace(trigger, run_id=made["id"], sent_at=self.now))
                self.note(f"retried {run_id[-6:]} ({what}) as {made['id'][-6:]}")

    def _some_progress(self) -> Progress | None:
        return self._progress(self._some_run()) if self._known() else None

    # --- what must be true

    def _progress(self, run_id: str) -> Progress | None:
        with self.faults.apart():
            return runs.progress(run_id)

    def _snapshot(self) -> dict[str, Progress]:
        self._look_for_runs()
        there = dict.fromkeys([*self._known(), *self._found])
        going_on = [run_id for run_id in there if run_id not in self._ended]
        found = ((run_id, self._progress(run_id)) for run_id in going_on)
        return {run_id: progress for run_id, progress in found if progress is not None}

    def _look_for_runs(self) -> None:
        """Also such as were made by calls that nobody was answered."""
        with self.faults.apart():
            for task_id in self._tasks:
                self._found.update(dict.fromkeys(runs.active_ids(task_id, RUNS_AT_MOST)))

    def _check_offer(
        self,
        offer: dict[str, Any],
        machine: Machine,
        before: dict[str, Progress],
        cancelled: Collection[str],
    ) -> None:
        """`before` and `cancelled` are of when the agent asked."""
        name = offer["run_id"], offer["job_id"], offer["attempt"]
        offered = {key: value for key, value in offer.items() if key != "urls"}
        if self._offered.setdefault(name, canonical(offered)) != canonical(offered):
            raise Violation(f"the attempt {name} was offered in two ways")
        if offer["env"] not in ({}, SECRET):
            raise Violation(f"the job {name} was offered with the environment {offer['env']}")
        if machine.started[name] > 1:
            raise Violation(f"1: the attempt {name} was started twice")
        if self._claimed.setdefault(name, offer["lease"]) != offer["lease"]:
            raise Violation(f"1: the attempt {name} has had two leases")
        if offer["run_id"] in cancelled:
            raise Violation(f"8: the job {name} was handed out after its run was cancelled")
        if (progress := before.get(offer["run_id"])) is not None:
            check_gate(offer, progress)

    def check(self) -> None:
        """Everything that the tables must satisfy at any time."""
        if self._seen_to_be_wrong:
            raise Violation(self._seen_to_be_wrong)
        if self._seen_after_writes == self.faults.writes:
            return
        self._seen = self._snapshot()
        self._seen_after_writes = self.faults.writes
        for progress in self._seen.values():
            check_run(progress)
            self._check_state(progress.run)
        check_turns(progress.run for progress in self._seen.values())

    def _check_state(self, run: Run) -> None:
        if run.state.is_terminal and self._ended.setdefault(run.id, run.state) is not run.state:
            raise Violation(f"3: the run {run.id} ended twice")

    # --- the end

    def settle(self) -> None:
        """Without faults everything comes to its end, by sweeps and polls alone."""
        self.faults.rate = 0.0
        self.late.is_on = False
        for machine in self.machines:
            machine.wire.rate = 0.0
        self._late_calls()
        self.faults.deliver_late()
        if self.chance.random() < 0.3:
            self.queue.lose_all()
        self.queue.rate = self.chance.choice([0.0, 0.5])
        for schedule_id in self._schedules:
            self._admin.data("DELETE", f"/schedules/{schedule_id}")
        for machine in self.machines[1:]:
            machine.is_up = self.chance.random() < 0.8
        with Heard(self.note):
            self._go_on_to_the_end()
        self._check_for_good()

    def _go_on_to_the_end(self) -> None:
        stands, since = "", 0
        for number in range(ROUNDS_TO_THE_END):
            late = number >= QUICK_ROUNDS
            if number == MACHINES_COME_BACK:  # runs that wait for each other, a day each
                for machine in self.machines:
                    machine.is_up = True
            self._round_of_the_end(LATER_STEP_OF_THE_END if late else STEP_OF_THE_END)
            left = [each for each in self._seen.values() if self._is_open(each)]
            if not left:
                return
            before, stands = stands, position(left)
            since = number if stands != before else since
            if number - max(since, MACHINES_COME_BACK) > ROUNDS_WITHOUT_CHANGE:
                break
        with self.faults.apart():
            raise Violation(f"12: these did not end: {stuck(left, self.now)}")

    def _round_of_the_end(self, step: timedelta) -> None:
        self.now += step
        for machine in self.machines:
            if machine.is_up:
                machine.beat()
                for offer in machine.poll():
                    self._check_offer(offer, machine, {}, self._cancelled)
                for attempt in machine.journal.values():
                    if attempt.result is None:
                        machine.end(attempt)
                machine.report_ends()
        sweep(self._shift())
        while not self.queue.is_empty:
            self._work_off()
        self.check()
        for progress in self._seen.values():
            check_deadlines(progress, self.now)

    def _is_open(self, progress: Progress) -> bool:
        return not progress.run.state.is_terminal

    def _check_for_good(self) -> None:
        for run_id, state in self._ended.items():
            progress = self._progress(run_id)
            if progress is None or progress.run.state is not state:
                raise Violation(f"3: the run {run_id} left its end {state}")
            with self.faults.apart():
                if run_secrets.get(run_id) is not None:
                    raise Violation(f"the run {run_id} has ended, and its secrets are there")
