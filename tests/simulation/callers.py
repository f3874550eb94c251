"""The people of the simulated world, and programs that call as they do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Any

from chalicelib.dynamo.runs import KEY_LIFETIME
from chalicelib.runs.run import Progress
from tests.api.conftest import People
from tests.simulation.definitions import ANY_POLICY, SECRET, is_secret, random_definition
from tests.simulation.faults import Faults, Killed
from tests.simulation.invariants import Violation


@dataclass
class Trigger:
    """A call of a person that is repeated until it is answered, for as long as its key is kept."""

    task: str
    path: str
    key: str
    parameters: dict[str, str]
    run_id: str | None = None
    sent_at: datetime | None = None


class Callers:
    """Those who make tasks and schedules, trigger, cancel and retry, and what they were answered.
    `progress` reads a run, `goes_on` says whether it was not seen to have ended."""

    def __init__(
        self,
        admin: People,
        chance: Random,
        faults: Faults,
        note: Callable[[str], None],
        now: Callable[[], datetime],
        progress: Callable[[str], Progress | None],
        goes_on: Callable[[str], bool],
    ) -> None:
        self.triggers: list[Trigger] = []
        self.schedules: list[str] = []
        self.tasks: list[str] = []
        self.cancelled: set[str] = set()
        self.focus: dict[str, Any] | None = None  # the job that most of them have to do with
        self.fired: dict[str, str] = {}  # idempotency keys, each for a due time, and their runs
        self._admin = admin
        self._chance = chance
        self._faults = faults
        self._note = note
        self._now = now
        self._progress = progress
        self._goes_on = goes_on

    def ask(self, path: str, body: Any = None, key: str | None = None, method: str = "POST") -> Any:
        """The data of a call, or None when it was refused, failed or died."""
        headers = {} if key is None else {"Idempotency-Key": key}
        try:
            status, envelope = self._admin.send(method, path, body, headers)
        except Killed:
            return None
        return envelope["data"] if status < 400 else None

    def make_task(
        self, callers: int, agent_ids: list[str], concurrency: Sequence[str] = ANY_POLICY
    ) -> None:
        """A task, which so many will trigger."""
        name = f"task {self._chance.getrandbits(64)}"
        source = random_definition(self._chance, name, agent_ids, concurrency)
        with self._faults.apart():
            created = self.ask("/tasks", {"definition": source})
        self._note(f"task:\n{source}")
        self.tasks.append(created["task"]["id"])
        path = f"/tasks/{created['task']['id']}/execute"
        for _ in range(callers):
            key = f"k{self._chance.getrandbits(64)}"
            self.triggers.append(Trigger(name, path, key, SECRET if is_secret(name) else {}))
        if self._chance.random() < 0.2 and not is_secret(name):
            self._schedule(created["task"]["id"])

    def _schedule(self, task_id: str) -> None:
        body = {
            "task_id": task_id,
            "cron": self._chance.choice(["*/5 * * * *", "*/15 * * * *"]),
            "overlap": self._chance.choice(["skip", "queue", "replace"]),
            "catch_up": self._chance.choice(["none", "one"]),
        }
        with self._faults.apart():
            self.schedules.append(self.ask("/schedules", body)["id"])
        self._note(f"schedule {body}")

    def remove_schedules(self) -> None:
        """All of them, without faults."""
        for schedule_id in self.schedules:
            self._admin.data("DELETE", f"/schedules/{schedule_id}")

    def repeat_trigger(self) -> None:
        kept = [each for each in self.triggers if self._is_kept(each)]
        if not kept:
            return
        self.send(self._chance.choice([*kept, kept[-1], kept[-1]]))

    def send(self, trigger: Trigger) -> None:
        once_more = "" if trigger.sent_at is None else " once more"
        trigger.sent_at = trigger.sent_at or self._now()
        run = self.ask(trigger.path, {"parameters": trigger.parameters}, trigger.key)
        came_to = "no answer" if run is None else run["id"][-6:]
        self._note(f"triggered{once_more}: {trigger.task}: {came_to}")
        if run is None:
            return
        if trigger.run_id not in (None, run["id"]):
            raise Violation("11: the same idempotency key made a second run")
        trigger.run_id = run["id"]

    def _is_kept(self, trigger: Trigger) -> bool:
        return trigger.sent_at is None or self._now() - trigger.sent_at < KEY_LIFETIME

    def known(self) -> list[str]:
        asked = [trigger.run_id for trigger in self.triggers if trigger.run_id is not None]
        return asked + list(self.fired.values())

    def _some_run(self) -> str:
        """Mostly one that goes on."""
        if self._chance.random() < 0.2:
            return self._chance.choice(self.known())
        if self.focus is not None:
            return str(self.focus["run_id"])
        return self._chance.choice(self.going_on() or self.known())

    def going_on(self) -> list[str]:
        return [run_id for run_id in self.known() if self._goes_on(run_id)]

    def cancel_run(self) -> None:
        if self.known():
            run_id = self._some_run()
            if self.ask(f"/runs/{run_id}/cancel") is not None:
                self.cancelled.add(run_id)
                self._note(f"cancelled {run_id[-6:]}")

    def cancel_job(self) -> None:
        if self.focus is not None and self._chance.random() < 0.7:
            run_id, job_id = self.focus["run_id"], self.focus["job_id"]
            self.ask(f"/runs/{run_id}/jobs/{job_id}/cancel")
            self._note(f"cancelled job {job_id}")
            return
        progress = self._some_progress()
        if progress is not None and progress.jobs:
            going_on = [job for job in progress.jobs if not job.state.is_terminal]
            job = self._chance.choice(going_on or progress.jobs)
            self.ask(f"/runs/{job.key.run_id}/jobs/{job.key.job_id}/cancel")
            self._note(f"cancelled job {job.key.job_id}")

    def retry_run(self) -> None:
        if self.known():
            run_id = self._chance.choice(self.known())
            what = self._chance.choice(["all", "failed_step", "failed_agents"])
            known = self._progress(run_id)
            secret = SECRET if known is not None and known.run.secrets else {}
            key = f"k{self._chance.getrandbits(64)}"
            trigger = Trigger(f"retry of {run_id[-6:]}", f"/runs/{run_id}/retry", key, secret)
            made = self.ask(trigger.path, {"what": what, "parameters": secret}, trigger.key)
            if made is not None:
                self.triggers.append(replace(trigger, run_id=made["id"], sent_at=self._now()))
                self._note(f"retried {run_id[-6:]} ({what}) as {made['id'][-6:]}")

    def _some_progress(self) -> Progress | None:
        return self._progress(self._some_run()) if self.known() else None
