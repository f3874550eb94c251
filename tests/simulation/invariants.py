"""What must be true of a run at any time. The numbers are those of the design's invariants."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from chalicelib.dynamo.due import CLAIMED
from chalicelib.runs.job import Job, JobKey, JobState
from chalicelib.runs.planner import EndRun, plan
from chalicelib.runs.run import (
    Progress,
    Run,
    RunState,
    RunStep,
    has_ended,
    is_acceptable,
    is_wanted,
)
from chalicelib.runs.wave import wave_of
from chalicelib.tasks.task import Concurrency


class Violation(AssertionError):
    """An invariant of the design does not hold."""


def check_run(progress: Progress) -> None:
    """Raises Violation where the run's items contradict each other."""
    _check_order(progress)
    _check_counts(progress)
    if progress.run.state.is_terminal:
        _check_end(progress)


def _check_order(progress: Progress) -> None:
    run = progress.run
    failed = False
    for step in progress.steps:
        found = progress.jobs_of(step)
        later = [s for s in progress.steps if s.number > step.number]
        if found and not is_wanted(step, failed):
            raise Violation(f"2: step {step.number} of {run.id} ran although {failed=}")
        if not found and not is_wanted(step, failed):
            continue
        if not has_ended(run, step, found):
            if any(progress.jobs_of(each) for each in later):
                raise Violation(f"2: a step after {step.number} of {run.id} began too early")
            _check_slots(step, found.values())
            return
        # A stop that came later makes nothing of what ran before it unacceptable.
        failed = failed or not is_acceptable(step, found.values(), None)


def _check_counts(progress: Progress) -> None:
    """What is kept of steps that are over is what their jobs say."""
    run = progress.run
    if any(job.key.step > run.step for job in progress.jobs):
        raise Violation(f"a job of {run.id} is beyond step {run.step}, which is under way")
    for step, kept in zip(progress.steps, run.results, strict=False):
        jobs = progress.jobs_of(step)
        written = Counter(job.state for job in jobs.values() if job.state.is_terminal)
        found = written + Counter({JobState.SKIPPED: (step.size or 0) - len(jobs)})
        # Who came too late may have chosen agents for a step when its end had been kept already.
        if Counter(kept.counts) not in (found, written):
            raise Violation(f"step {step.number} of {run.id} is kept as {kept}, its jobs: {found}")


def _check_slots(step: RunStep, found: Iterable[Job]) -> None:
    for wave in step.waves:
        active = [j for j in found if wave.holds(j.index) and not j.state.is_terminal]
        if len(active) > wave.slots:
            raise Violation(f"7: {len(active)} jobs active at once, {wave.slots} allowed")


def _check_end(progress: Progress) -> None:
    run = progress.run
    still_open = [job.key.job_id for job in progress.jobs if not job.state.is_terminal]
    if still_open:
        raise Violation(f"3: the run {run.id} ended while {still_open} go on")
    again = replace(progress, run=replace(run, state=RunState.RUNNING))
    due = plan(again)
    if not isinstance(due, EndRun) or due.state is not run.state:
        raise Violation(f"4: {run.id} is {run.state}, its jobs say {due}")


def check_deadlines(progress: Progress, now: datetime) -> None:
    """Raises Violation where a sweep has left something that was due. What a sweeper claimed and
    did not come to an end with waits until its try counts as failed, and no longer."""
    for job in progress.jobs:
        if job.state.is_terminal:
            continue
        if job.due_at is None or job.due_at <= now:
            raise Violation(f"6: due and left by a sweep: {job.key} at {job.due_at}")
        wait = CLAIMED.patience.wait(job.due_tries)
        is_overdue = job.give_up_at is not None and job.give_up_at <= now
        if is_overdue and (job.due_tries == 0 or job.due_at > now + wait):
            raise Violation(f"6: overdue, and nobody tries: {job.key} until {job.due_at}")


def check_turns(found: Iterable[Run]) -> None:
    """Raises Violation where two runs of a task go on that exclude each other."""
    begun: dict[str, str] = {}
    for run in found:
        is_alone = run.concurrency is not Concurrency.ALLOW
        if not is_alone or run.is_held or run.state.is_terminal:
            continue
        if (other := begun.setdefault(run.task_id, run.id)) != run.id:
            raise Violation(f"the runs {other} and {run.id} go on, and exclude each other")


def check_gate(offer: dict[str, Any], before: Progress) -> None:
    """Raises Violation when a job is handed out whose wave had failed too often before."""
    key = JobKey.parse(offer["run_id"], offer["job_id"])
    job = next((each for each in before.jobs if each.key == key), None)
    if key is None or job is None:
        return
    step = next(each for each in before.steps if each.number == key.step)
    wave = wave_of(step.step, step.size or 0, job.index)
    jobs_of = before.jobs_of(step)
    failures = sum(each.has_failed for i, each in jobs_of.items() if wave.holds(i))
    if wave.is_closed(failures):
        raise Violation(f"7: the job {key} was handed out after {failures} failures")
