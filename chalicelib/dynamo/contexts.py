"""Reading what stands around a job: the run, the step and the gates of its waves, in one call."""

from collections.abc import Iterable, Mapping

from chalicelib.dynamo import gates, jobs, runs, steps
from chalicelib.dynamo.run_items import (
    GateItem,
    JobItem,
    PartitionItem,
    RunItem,
    StepItem,
    gate_sort_key,
    job_sort_key,
    step_sort_key,
)
from chalicelib.runs.context import Context
from chalicelib.runs.job import Job, JobKey
from chalicelib.runs.wave import Gate, wave_of


def of_jobs(wanted: Iterable[Job]) -> dict[JobKey, Context]:
    """What stands around these jobs, in one call for up to 25; what is gone is left out."""
    found = list(wanted)
    by_key = _read_around([job.key for job in found])
    around = ((job.key, _context(job, by_key)) for job in found)
    return {key: context for key, context in around if context is not None}


def job_with_context(key: JobKey) -> tuple[Job, Context] | None:
    """A job with what stands around it, in one call; None when there is no such job."""
    by_key = _read_around([key])
    item = by_key.get((key.run_id, job_sort_key(key)))
    job = jobs.value(item) if isinstance(item, JobItem) else None
    context = None if job is None else _context(job, by_key)
    return None if job is None or context is None else (job, context)


def _read_around(wanted: Iterable[JobKey]) -> dict[tuple[str, str], PartitionItem]:
    keys: set[tuple[str, str]] = set()
    for key in wanted:
        items = (
            RunItem.ITEM,
            step_sort_key(key.step),
            gate_sort_key(key.step, 0),
            gate_sort_key(key.step, 1),
            job_sort_key(key),
        )
        keys |= {(key.run_id, item) for item in items}
    found = PartitionItem.batch_get(sorted(keys), consistent_read=True) if keys else ()
    return {(item.run_id, item.item): item for item in found}


def at_index(run_id: str, step: int, index: int) -> Context | None:
    """What stands around the job with this index, which need not be there, in one call; None when
    the run is gone, or the step has no such place."""
    items = (RunItem.ITEM, step_sort_key(step), gate_sort_key(step, 0), gate_sort_key(step, 1))
    found = PartitionItem.batch_get([(run_id, each) for each in items], consistent_read=True)
    return _context_at(run_id, step, index, {(run_id, item.item): item for item in found})


def _context(job: Job, by_key: Mapping[tuple[str, str], PartitionItem]) -> Context | None:
    return _context_at(job.key.run_id, job.key.step, job.index, by_key)


def _context_at(
    run_id: str, number: int, index: int, by_key: Mapping[tuple[str, str], PartitionItem]
) -> Context | None:
    run = by_key.get((run_id, RunItem.ITEM))
    frozen = by_key.get((run_id, step_sort_key(number)))
    if not isinstance(run, RunItem) or not isinstance(frozen, StepItem):
        return None
    step = steps.frozen(frozen)
    if index >= (step.size or 0):
        return None
    wave = wave_of(step.step, step.size or 0, index)
    gate = by_key.get((run_id, gate_sort_key(number, wave.number)))
    opened = gates.value(gate) if isinstance(gate, GateItem) else Gate()
    return Context(runs.value(run), step, wave, opened)
