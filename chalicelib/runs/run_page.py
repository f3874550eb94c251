"""What is shown of a run: how far it and its steps have come, and some of its jobs. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from chalicelib.runs.job import Job, JobKey, JobState
from chalicelib.runs.run import (
    Progress,
    Run,
    RunState,
    RunStep,
    StepResult,
    all_jobs,
    outcome,
    result,
)
from chalicelib.runs.wave import Wave

ROOM = 300  # jobs on one page: a Lambda answers 6 MB at most, and a job takes some 1 KB


class Tally(msgspec.Struct, frozen=True):
    """Jobs that have ended, by state. `total` is None while a step has not chosen its agents;
    `known` are the jobs of those that have. `percent` is 100 at the end, and never before."""

    total: int | None
    known: int
    percent: int
    counts: Mapping[JobState, int]
    steps_ended: int = 0

    @property
    def ended(self) -> int:
        """How many jobs have ended."""
        return sum(self.counts.values())


def of_run(run: Run, counted: Mapping[JobState, int]) -> Tally:
    """`counted` are the jobs that have ended in the step that is under way.

    Every step is the same part of the way, however many jobs it has: how many that will be is not
    known before a step has chosen its agents. So the part that is behind never becomes less when
    one does.
    """
    ended: dict[JobState, int] = {}
    parts = [each.counts for each in run.results]
    for counts in parts if run.state.is_terminal else [*parts, counted]:
        for state, number in counts.items():
            ended[state] = ended.get(state, 0) + number
    if run.state.is_terminal:
        jobs = sum(ended.values())
        return Tally(jobs, jobs, 100, ended, run.step_count)
    under_way = _percent(sum(counted.values()), run.step_size)
    percent = (100 * len(run.results) + under_way) // run.step_count
    return Tally(run.size, run.known, percent, ended, len(run.results))


def of_step(step: RunStep, found: StepResult) -> Tally:
    """Of one step."""
    is_over = found.state.is_terminal
    percent = 100 if is_over else _percent(found.ended, step.size)
    return Tally(step.size, step.size or 0, percent, found.counts, int(is_over))


def _percent(ended: int, size: int | None) -> int:
    """Of what goes on: its last job may have ended, and what follows from that is still to come."""
    return min(99, 100 * ended // size) if size else 0


class WaveTally(msgspec.Struct, frozen=True):
    """What a wave has come to: its jobs that have ended, by state, and when. `ended_at` is None
    while it goes on, and where not all of its jobs were looked at."""

    wave: Wave
    counts: Mapping[JobState, int]
    started_at: datetime | None
    ended_at: datetime | None


class StepPage(msgspec.Struct, frozen=True):
    """A step with some of its jobs: where there is no room for all, those that failed first. `open`
    counts those that have not ended by state, None where not all of them were looked at."""

    step: RunStep
    result: StepResult
    jobs: Sequence[Job]
    open: Mapping[JobState, int] | None = None
    waves: Sequence[WaveTally] = ()

    @property
    def omitted(self) -> int:
        """How many jobs are not shown."""
        return (self.step.size or 0) - len(self.jobs)


class RunPage(msgspec.Struct, frozen=True):
    """A run with its steps. `counted` as in `of_run`."""

    run: Run
    counted: Mapping[JobState, int]
    steps: Sequence[StepPage]


def cause(page: RunPage) -> Job | None:
    """The job that a run's reason tells of: the first one, in the step at which it failed, that
    ended as the run did. None for a run that goes on, and where no job was at fault."""
    if not page.run.state.is_terminal or page.run.state is RunState.SUCCEEDED:
        return None
    for step in page.steps:
        if step.result.state in (JobState.SUCCEEDED, JobState.SKIPPED):
            continue
        failed = sorted((j for j in step.jobs if j.has_failed), key=lambda job: job.index)
        same = [job for job in failed if outcome([job.state]) is page.run.state]
        return next(iter(same or failed), None)
    return None


def ended_in_step(progress: Progress) -> Mapping[JobState, int]:
    """The jobs that have ended in the step that is under way, by state, as the jobs say."""
    step = progress.steps[progress.position(progress.run.step)]
    return result(progress.run, step, progress.jobs_of(step)).counts


def share(steps: Sequence[RunStep], room: int) -> int:
    """How many jobs of each step there is room for."""
    begun = sum(1 for step in steps if step.size)
    return max(1, room // max(1, begun))


def whole(progress: Progress) -> RunPage:
    """The page of a run of which everything is known."""
    most = share(progress.steps, ROOM)
    steps = [_whole_step(progress, step, most) for step in progress.steps]
    return RunPage(progress.run, ended_in_step(progress), steps)


def _whole_step(progress: Progress, step: RunStep, most: int) -> StepPage:
    jobs = all_jobs(progress, step)
    found = result(progress.run, step, progress.jobs_of(step))
    return StepPage(step, found, first(jobs, most), still_open(jobs), wave_tallies(step, jobs))


def wave_tallies(
    step: RunStep,
    jobs: Iterable[Job],
    counted: Mapping[int, Mapping[JobState, int]] | None = None,
) -> list[WaveTally]:
    """The step's waves. `counted` are the jobs that have ended by the wave's number and state, for
    a step of which `jobs` are only some."""
    known = list(jobs)
    return [
        _wave_tally(wave, [job for job in known if wave.holds(job.index)], counted)
        for wave in step.waves
    ]


def _wave_tally(
    wave: Wave, jobs: Sequence[Job], counted: Mapping[int, Mapping[JobState, int]] | None
) -> WaveTally:
    counts = Counter(job.state for job in jobs if job.state.is_terminal)
    is_over = len(jobs) == wave.size and counts.total() == wave.size
    started = [job.started_at for job in jobs if job.started_at is not None]
    ended = [job.ended_at for job in jobs if job.ended_at is not None]
    return WaveTally(
        wave,
        dict(counts) if counted is None else counted.get(wave.number, {}),
        min(started, default=None),
        max(ended, default=None) if is_over else None,
    )


def still_open(jobs: Iterable[Job]) -> dict[JobState, int]:
    """How many have not ended, by state."""
    return dict(Counter(job.state for job in jobs if not job.state.is_terminal))


def first(jobs: Sequence[Job], most: int) -> Sequence[Job]:
    """All in their order, or so many of them, those that failed first."""
    if len(jobs) <= most:
        return jobs
    return sorted(jobs, key=lambda job: not job.has_failed)[:most]


def known_result(head: Progress, step: RunStep, shown: Sequence[Job]) -> StepResult:
    """What a step has come to, of a run of which only the head and some jobs are known."""
    run = head.run
    if (position := head.position(step.number)) < len(run.results):
        return run.results[position]
    if step.number > run.step:
        return StepResult(JobState.WAITING, {})
    counted: dict[JobState, int] = {}
    for ended in counted_in_waves(head, step).values():
        for state, number in ended.items():
            counted[state] = counted.get(state, 0) + number
    has_begun = counted or any(job.claimed_at is not None for job in shown)
    state = JobState.RUNNING if has_begun else JobState.QUEUED if shown else JobState.WAITING
    started = [job.started_at for job in shown if job.started_at is not None]
    return StepResult(state, counted, min(started, default=None))


def counted_in_waves(head: Progress, step: RunStep) -> dict[int, Mapping[JobState, int]]:
    """The jobs of a step that have ended by the wave's number and state, as their gates say."""
    gates = {wave.number: head.gates.get((step.number, wave.number)) for wave in step.waves}
    return {number: gate.ended for number, gate in gates.items() if gate is not None}


def unwritten(run: Run, step: RunStep, index: int, agent_id: str, name: str) -> Job:
    """A job that has not been written: its turn has not come, or never will."""
    is_over = run.state.is_terminal or step.number < run.step
    state = JobState.SKIPPED if is_over else JobState.WAITING
    return Job(JobKey(run.id, step.number, agent_id), state, index, agent_name=name)


def has_failures(found: StepResult) -> bool:
    """Whether jobs of the step failed."""
    return bool(found.counts.keys() - {JobState.SUCCEEDED, JobState.SKIPPED})
