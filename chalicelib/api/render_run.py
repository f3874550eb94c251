"""From runs and jobs to the API's shapes."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, cast

from chalicelib import run as runs_core
from chalicelib.api import render_task
from chalicelib.api import run_shapes as shapes
from chalicelib.dynamo import runs
from chalicelib.job import Attempt, Job, JobKey, JobState, LateReport
from chalicelib.param import hidden
from chalicelib.run import Progress, Run, RunState, RunStep
from chalicelib.statistics import Statistics

RUN_CODES = {RunState.FAILED: 3001, RunState.TIMED_OUT: 3002}
JOBS_SHOWN = 1_000  # in one answer; a Lambda answers 6 MB at most, and a job takes some 1 KB


def run(value: Run, progress: Progress | None = None) -> shapes.Run:
    """A run in a list. One that goes on is looked up for its jobs, unless they are given."""
    return shapes.Run(
        id=value.id,
        task_id=value.task_id,
        task_name=value.task_name,
        revision=value.revision,
        state=value.state.value,
        code=RUN_CODES.get(value.state, 0),
        reason=value.reason,
        trigger=value.trigger.value,
        triggered_by=value.triggered_by,
        parameters=hidden(value.parameters, value.secrets),
        concurrency=value.concurrency.value,
        is_held=value.is_held,
        retry_of=value.retry_of,
        step_count=value.step_count,
        progress=_progress(_counts(value, progress)),
        created_at=value.created_at,
        started_at=value.started_at,
        ended_at=value.ended_at,
        duration_seconds=_seconds(value.started_at, value.ended_at),
    )


def _counts(value: Run, progress: Progress | None) -> Mapping[JobState, int]:
    if value.counts is not None:
        return {JobState(state): number for state, number in value.counts.items()}
    total: Counter[JobState] = Counter()
    known = progress or runs.progress(value.id)
    if known is not None:
        for step in known.steps:
            total.update(runs_core.counts(value, step, known.jobs_of(step)))
    return total


def _progress(counts: Mapping[JobState, int]) -> shapes.Progress:
    total = sum(counts.values())
    ended = sum(number for state, number in counts.items() if state.is_terminal)
    return shapes.Progress(
        total=total,
        ended=ended,
        percent=100 * ended // total if total else 0,
        counts={state.value: counts[state] for state in JobState if counts.get(state)},
    )


def _seconds(started_at: datetime | None, ended_at: datetime | None) -> float | None:
    if started_at is None or ended_at is None:
        return None
    return max(0.0, (ended_at - started_at).total_seconds())


def run_detail(progress: Progress) -> shapes.RunDetail:
    """A run with its steps and jobs, also those that have not been written yet."""
    room = JOBS_SHOWN
    steps = []
    for step in progress.steps:
        steps.append(_run_step(progress, step, room))
        room -= len(steps[-1].jobs)
    return shapes.RunDetail(run=run(progress.run, progress), steps=steps)


def jobs_of(progress: Progress, step: RunStep) -> list[Job]:
    """All jobs of a step in the order of its agents, also those that have not been written yet."""
    written = progress.jobs_of(step)
    has_ended = runs_core.has_ended(progress.run, step, written)
    state = JobState.SKIPPED if has_ended else JobState.WAITING
    return [
        written.get(index) or Job(JobKey(progress.run.id, step.number, agent_id), state, index)
        for index, agent_id in enumerate(step.roster)
    ]


def _run_step(progress: Progress, step: RunStep, room: int) -> shapes.RunStep:
    written = progress.jobs_of(step)
    state = runs_core.step_state(progress.run, step, written)
    jobs = jobs_of(progress, step)
    started_at = min(_present(job.started_at for job in jobs), default=None)
    ended_at = max(_present(job.ended_at for job in jobs), default=None)
    return shapes.RunStep(
        number=step.number,
        name=step.step.name,
        step=render_task.step(step.step),
        targets=step.step.targets.describe(),
        state=cast(shapes.StepState, state.value),
        progress=_progress(runs_core.counts(progress.run, step, written)),
        started_at=started_at,
        ended_at=ended_at if state.is_terminal else None,
        duration_seconds=_seconds(started_at, ended_at) if state.is_terminal else None,
        jobs=[job(each, step.agents[each.key.agent_id]) for each in jobs[:room]],
        jobs_omitted=len(jobs[room:]),
    )


def _present(instants: Iterable[datetime | None]) -> list[datetime]:
    return [instant for instant in instants if instant is not None]


def job(value: Job, agent_name: str) -> shapes.Job:
    """One step of a run on one agent."""
    is_queued = value.state is JobState.QUEUED
    return shapes.Job(
        id=value.key.job_id,
        step=value.key.step,
        agent_id=value.key.agent_id,
        agent_name=agent_name,
        state=value.state.value,
        attempt=value.attempt,
        exit_code=value.exit_code,
        reason=value.reason,
        cancel_requested=value.cancel_requested,
        queued_at=value.queued_at,
        deliver_by=value.deadline_at if is_queued else None,
        not_before=value.not_before if is_queued else None,
        started_at=value.started_at,
        ended_at=value.ended_at,
        duration_seconds=None if value.duration_ms is None else value.duration_ms / 1000,
        log=None if value.log is None else _log_summary(value.log),
        earlier=[_attempt(each) for each in value.earlier],
        late=None if value.late is None else _late(value.late),
    )


def _attempt(value: Attempt) -> shapes.Attempt:
    return shapes.Attempt(
        number=value.number,
        state=value.state.value,
        exit_code=value.exit_code,
        reason=value.reason,
        started_at=value.started_at,
        ended_at=value.ended_at,
        duration_seconds=None if value.duration_ms is None else value.duration_ms / 1000,
    )


def _late(value: LateReport) -> shapes.LateReport:
    return shapes.LateReport(
        attempt=value.attempt,
        outcome=value.outcome.value,
        exit_code=value.exit_code,
        reason=value.reason,
        received_at=value.received_at,
    )


def _log_summary(summary: Mapping[str, Any]) -> shapes.LogSummary:
    return shapes.LogSummary(
        chunks=summary["chunks"],
        streams={
            name: shapes.StreamSummary(
                bytes=stream["bytes"], sha256=stream["sha256"], missing=stream.get("missing") or 0
            )
            for name, stream in summary["streams"].items()
        },
        truncated=summary["truncated"],
    )


def statistics(value: Statistics) -> shapes.Statistics:
    """Of a task's runs."""
    return shapes.Statistics(
        ended=value.ended,
        succeeded=value.succeeded,
        success_rate=value.success_rate,
        duration_p50=value.duration_p50,
        duration_p95=value.duration_p95,
        last_failures=[run(each) for each in value.last_failures],
    )
