"""The planner: what should be written next for a run. Pure, see design §2.

May be asked at any time, by several callers at once: every action is a conditional write that
does nothing when it has been done before.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from chalicelib.runs.job import Job, JobState
from chalicelib.runs.run import (
    Progress,
    Run,
    RunState,
    RunStep,
    has_ended,
    has_run,
    is_acceptable,
    is_wanted,
    outcome,
)
from chalicelib.runs.wave import Wave

SKIP_REASON = "Too many jobs of this step failed before."


class TakeTurn(msgspec.Struct, frozen=True):
    """Start a run that was held, if it is its turn."""


class Resolve(msgspec.Struct, frozen=True):
    """Choose the agents of a step that is about to start."""

    step: RunStep


class Enqueue(msgspec.Struct, frozen=True):
    """Put the job with this index into its agent's inbox, on the slot of the job `origin`."""

    step: RunStep
    index: int
    origin: int | None


class Withhold(msgspec.Struct, frozen=True):
    """Write the job with this index as ended: whoever has planned to put it out comes too late."""

    step: RunStep
    index: int
    state: JobState
    reason: str | None


class PassSlot(msgspec.Struct, frozen=True):
    """Give the slot of a job that has ended to the job with this index."""

    job: Job
    successor: int


class EndQueued(msgspec.Struct, frozen=True):
    """End a job that no agent has claimed."""

    job: Job
    state: JobState
    reason: str | None


class RequestCancel(msgspec.Struct, frozen=True):
    """Ask the agent to end a job, which then is in `state`."""

    job: Job
    state: JobState


class EndRun(msgspec.Struct, frozen=True):
    """Bring the run to its terminal state."""

    state: RunState
    reason: str | None


Action = TakeTurn | Resolve | Enqueue | Withhold | PassSlot | EndQueued | RequestCancel


def plan(progress: Progress) -> list[Action] | EndRun:
    """What should be written next. Nothing, for a run that waits for its agents or has ended."""
    run = progress.run
    if run.state.is_terminal:
        return []
    if run.jobs_become is not None:
        return _plan_stop(progress, run.jobs_become)
    if run.is_held:
        return [TakeTurn()]
    failed: RunStep | None = None
    for step in progress.steps:
        jobs = progress.jobs_of(step)
        if not jobs and not is_wanted(step, failed is not None):
            continue
        actions = _of_step(step, jobs)
        # The first step that is not over is the only one that may do anything: no job of a later
        # one starts before it has ended.
        if actions or not has_ended(run, step, jobs):
            return actions
        if not is_acceptable(step, jobs.values(), None):
            failed = failed or step
    return _end(progress, failed)


def _plan_stop(progress: Progress, stop: JobState) -> list[Action] | EndRun:
    """Ends what is open. A run that had come to its end before ends as it would have."""
    run = progress.run
    open_jobs = [job for job in progress.jobs if not job.state.is_terminal]
    if actions := [*_stop_jobs(run, stop, open_jobs), *_withheld(progress, stop)]:
        return actions
    if open_jobs:
        return []
    # From here on nothing is open. Whether the stop made a difference is told by the jobs alone, so
    # that the end is the same for whoever plans it: the stop may have come when all was over.
    cut_short = EndRun(RunState(stop.value), run.stop_reason)
    if any(job.has_failed and job.state is stop for job in progress.jobs):
        return cut_short
    failed: RunStep | None = None
    for step in progress.steps:
        jobs = progress.jobs_of(step)
        if not jobs and not is_wanted(step, failed is not None):
            continue
        if step.size is None or not has_run(step, jobs):
            return cut_short  # this step was still to come
        if not is_acceptable(step, jobs.values(), stop):
            failed = failed or step
    return _end(progress, failed)


def _withheld(progress: Progress, stop: JobState) -> Iterator[Withhold]:
    """Jobs that somebody who does not know of the stop may just be putting out: those that are due
    where the run stood when it was stopped. A run that ended without them would not have ended."""
    run = progress.run
    if run.is_held:
        return
    failed = False
    for step in progress.steps:
        if step.number > run.step:
            return  # a step begins with a write that a stop forbids, see `runs.begin_step`
        jobs = progress.jobs_of(step)
        if not jobs and not is_wanted(step, failed):
            continue
        for wave in step.waves:
            of_wave = {index: job for index, job in jobs.items() if wave.holds(index)}
            for due in _missing(step, wave, of_wave):
                yield Withhold(step, due.index, stop, run.stop_reason)
            is_closed = wave.is_closed(sum(job.has_failed for job in of_wave.values()))
            is_cut = any(_is_stopped(job, run) for job in of_wave.values())
            if is_closed or is_cut or len(of_wave) < wave.size:
                break  # no wave after it has begun, though perhaps a step
        failed = failed or not is_acceptable(step, jobs.values(), None)


def _is_stopped(job: Job, run: Run) -> bool:
    """Whether the job had not ended when its run was stopped."""
    return (
        not job.state.is_terminal or job.becomes is run.jobs_become or job.reason == run.stop_reason
    )


def _stop_jobs(run: Run, stop: JobState, open_jobs: Iterable[Job]) -> Iterator[Action]:
    for job in open_jobs:
        if job.state is JobState.QUEUED:
            yield EndQueued(job, stop, run.stop_reason)
        elif not job.stop_requested:
            yield RequestCancel(job, stop)


def _of_step(step: RunStep, jobs: Mapping[int, Job]) -> list[Action]:
    """What is due in a step; nothing when it waits or has ended."""
    if step.size is None:
        return [Resolve(step)]
    for wave in step.waves:
        of_wave = {index: job for index, job in jobs.items() if wave.holds(index)}
        # Counted from the jobs and not asked of the gate: the gate may have counted a failure whose
        # job was not written any more, and the run's end must follow from the jobs alone.
        if wave.is_closed(sum(job.has_failed for job in of_wave.values())):
            queued = [job for job in of_wave.values() if job.state is JobState.QUEUED]
            return [
                *(EndQueued(job, JobState.SKIPPED, SKIP_REASON) for job in queued),
                # A slower handler may be about to put these out. Written as skipped first, its
                # write finds them there.
                *(
                    Withhold(step, due.index, JobState.SKIPPED, SKIP_REASON)
                    for due in _missing(step, wave, of_wave)
                ),
            ]
        actions = [*_missing(step, wave, of_wave), *_unpassed(wave, of_wave)]
        is_done = len(of_wave) == wave.size and all(
            job.state.is_terminal for job in of_wave.values()
        )
        if actions or not is_done:
            return actions
    return []


def _missing(step: RunStep, wave: Wave, jobs: Mapping[int, Job]) -> Iterator[Enqueue]:
    """Jobs that should have been put out: the first ones, and successors."""
    for index in wave.initial:
        if index not in jobs:
            yield Enqueue(step, index, None)
    asked = set(jobs)
    for job in jobs.values():
        successor = job.successor
        if successor is not None and wave.holds(successor) and successor not in asked:
            asked.add(successor)
            yield Enqueue(step, successor, job.index)


def _unpassed(wave: Wave, jobs: Mapping[int, Job]) -> Iterator[Action]:
    """Slots that were parked although something is left, because a handler died with its number."""
    # Whoever ends a job gets a number at the gate, and then writes it into the job as its
    # successor. If he dies in between, the gate has granted the number and no job bears it: nobody
    # would ever put that agent's job out. So what is left is found from the jobs, not the gate.
    promised = {job.successor for job in jobs.values()} | set(jobs) | set(wave.initial)
    left = [index for index in range(wave.first, wave.end) if index not in promised]
    parked = [job for job in jobs.values() if job.state.is_terminal and _is_parked(job, wave, jobs)]
    for job, index in zip(parked, left, strict=False):
        yield PassSlot(job, index)


def _is_parked(job: Job, wave: Wave, jobs: Mapping[int, Job]) -> bool:
    if job.successor is None or not wave.holds(job.successor):
        return True  # it ended when nothing was left
    # Two planners may give the same index to two slots. The job is put once and names the slot that
    # it came from; the other slot is free still.
    successor = jobs.get(job.successor)
    return successor is not None and successor.origin != job.index


def _end(progress: Progress, step: RunStep | None) -> EndRun:
    """As the first step says that did not end well, if there is one."""
    if step is None:
        return EndRun(RunState.SUCCEEDED, None)
    failed = [job for job in progress.jobs_of(step).values() if job.has_failed]
    if not failed:
        what = step.problem or f"no agent fits {step.step.targets.describe()}."
        return EndRun(RunState.FAILED, f"Step {step.number} '{step.step.name}': {what}")
    state = outcome(job.state for job in failed)
    cause = next(job for job in failed if outcome([job.state]) is state)
    name = step.agents.get(cause.key.agent_id, cause.key.agent_id)
    reason = cause.describe_end(step.step.name, name)
    if len(failed) > 1:
        others = len(failed) - 1
        reason += f" {others} more {'agent' if others == 1 else 'agents'} did not succeed either."
    return EndRun(state, reason)
