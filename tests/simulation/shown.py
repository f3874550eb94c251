"""What there is in a few lines, for whoever looks into a violation."""

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from chalicelib.dynamo import due, turns
from chalicelib.dynamo.run_items import PartitionItem
from chalicelib.runs.job import Job
from chalicelib.runs.run import Progress


def described(progress: Progress) -> dict[str, Any]:
    """States, and for each job: its slot's origin, its successor, and when it is looked at."""
    return {
        "run": progress.run.id,
        "state": progress.run.state.value,
        "held": progress.run.is_held,
        "jobs": {
            step.number: [_shown(job) for job in progress.jobs_of(step).values()]
            for step in progress.steps
        },
    }


def _shown(job: Job) -> str:
    return f"{job.index} {job.state.value} {job.origin}>{job.successor} {job.due_at}"


def position(left: Iterable[Progress]) -> str:
    """How far runs are: it changes whenever one of them gets on."""
    return " ".join(
        f"{run.id} {run.state.value} {run.is_held} {run.step} "
        + " ".join(f"{job.state.value} {job.attempt}" for job in progress.jobs)
        for progress in left
        for run in [progress.run]
    )


def stuck(left: Sequence[Progress], now: datetime) -> str:
    """Runs that do not end: each with its own item, its task's turn, and whatever of it is due: as
    the index has it, and as its item does."""
    entries = _entries(now)
    return json.dumps([_all_of(each, entries) for each in left], indent=1, default=str)


def _entries(now: datetime) -> list[due.Entry]:
    until = now + timedelta(days=365)
    kinds = (due.RUN, due.CLAIMED, due.QUEUED)
    return [e for kind in kinds for e in due.found(PartitionItem.due_index, kind, until, 1_000)]


def _all_of(progress: Progress, entries: Sequence[due.Entry]) -> dict[str, Any]:
    run = progress.run
    items = {item.item: item for item in PartitionItem.query(run.id, consistent_read=True)}
    mine = {entry.key[1]: entry for entry in entries if entry.key[0] == run.id}
    return {
        **described(progress),
        "item": items[".RUN"].attribute_values,
        "turn": turns.get(run.task_id),
        "due by the index": {name: f"{each.at} {each.tries}" for name, each in mine.items()},
        "due by the item": {
            name: f"{item.due_queue} {item.due_at} {item.due_tries}"
            for name, item in items.items()
            if item.due_queue is not None
        },
    }


class Heard(logging.Handler):
    """While it is entered, notes whatever the product complains about."""

    def __init__(self, note: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._note = note
        self._log = logging.getLogger("plumber")

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage()
        if record.exc_info:
            said += f": {record.exc_info[1]!r}"
        self._note(said)

    def __enter__(self) -> None:
        self._was = logging.root.manager.disable, self._log.propagate
        logging.disable(logging.NOTSET)
        self._log.propagate = False
        self._log.addHandler(self)

    def __exit__(self, *_: object) -> None:
        self._log.removeHandler(self)
        self._log.propagate = self._was[1]
        logging.disable(self._was[0])
