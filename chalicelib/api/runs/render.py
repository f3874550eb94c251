"""From runs and jobs to the API's shapes."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, cast

from chalicelib.agents.agent import AgentStatus
from chalicelib.api.access.render import by
from chalicelib.api.runs import shapes
from chalicelib.api.tasks import render as render_task
from chalicelib.operations.runs import commands
from chalicelib.runs import run_page, run_summary
from chalicelib.runs.job import Attempt, Job, JobState, LateReport
from chalicelib.runs.run import Run, RunState
from chalicelib.runs.run_page import RunPage, StepPage, Tally, WaveTally
from chalicelib.runs.statistics import Statistics
from chalicelib.tasks.param import MASK

RUN_CODES = {RunState.FAILED: 3001, RunState.TIMED_OUT: 3002}


def run(value: Run, counted: Mapping[JobState, int] | None = None) -> shapes.Run:
    """A run in a list. `counted`: what has ended in the step that is under way, if anything has."""
    return shapes.Run(
        id=value.id,
        task_id=value.task_id,
        task_name=value.task_name,
        revision=value.revision,
        state=value.state.value,
        code=RUN_CODES.get(value.state, 0),
        reason=value.reason,
        trigger=value.trigger.value,
        triggered_by=by(value.triggered_by),
        stopped_by=by(value.stopped_by) if value.stopped_by else None,
        parameters={**value.parameters, **dict.fromkeys(value.secrets, MASK)},
        secrets=list(value.secrets),
        concurrency=value.concurrency.value,
        is_held=value.is_held,
        retry_of=value.retry_of,
        step=value.step,
        step_count=value.step_count,
        progress=_run_progress(run_page.of_run(value, counted or {}), value.step_count),
        tolerated_failures=run_summary.tolerated_failures(value),
        retries=[each.value for each in run_summary.retries(value)],
        created_at=value.created_at,
        started_at=value.started_at,
        ended_at=value.ended_at,
        duration_seconds=value.seconds,
    )


def listed(found: Iterable[Run], counted: Mapping[str, Mapping[JobState, int]]) -> list[shapes.Run]:
    """Runs in a list, with what has ended in the steps that are under way, by run."""
    return [run(each, counted.get(each.id)) for each in found]


def _run_progress(tally: Tally, steps: int) -> shapes.RunProgress:
    return shapes.RunProgress(
        total=tally.total,
        ended=tally.ended,
        percent=tally.percent,
        counts=_counts(tally.counts),
        known=tally.known,
        steps=steps,
        steps_ended=tally.steps_ended,
    )


def _progress(tally: Tally) -> shapes.Progress:
    return shapes.Progress(tally.total, tally.ended, tally.percent, _counts(tally.counts))


def _counts(counts: Mapping[JobState, int]) -> dict[shapes.JobState, int]:
    return {state.value: counts[state] for state in JobState if counts.get(state)}


def _seconds(started_at: datetime | None, ended_at: datetime | None) -> float | None:
    if started_at is None or ended_at is None:
        return None
    return max(0.0, (ended_at - started_at).total_seconds())


def run_detail(page: RunPage, agents: Mapping[str, AgentStatus]) -> shapes.RunDetail:
    """A run with its steps and jobs, also those that have not been written yet. `agents` are those
    that queued jobs wait for, by id."""
    cause = run_page.cause(page)
    return shapes.RunDetail(
        run(page.run, page.counted),
        [_run_step(each, agents) for each in page.steps],
        None if cause is None else cause.key.job_id,
    )


def _run_step(page: StepPage, agents: Mapping[str, AgentStatus]) -> shapes.RunStep:
    step, found = page.step, page.result
    return shapes.RunStep(
        number=step.number,
        name=step.step.name,
        step=render_task.step(step.step),
        targets=step.step.targets.describe(),
        state=cast(shapes.StepState, found.state.value),
        progress=_progress(run_page.of_step(step, found)),
        open=None if page.open is None else _counts(page.open),
        waves=[_wave(each) for each in page.waves],
        tolerated_failures=run_summary.tolerated(found),
        started_at=found.started_at,
        ended_at=found.ended_at,
        duration_seconds=_seconds(found.started_at, found.ended_at),
        jobs=[
            job(each, step.agents.get(each.key.agent_id), agents.get(each.key.agent_id))
            for each in page.jobs
        ],
        jobs_omitted=page.omitted,
    )


def _wave(value: WaveTally) -> shapes.RunWave:
    return shapes.RunWave(
        first=value.wave.first,
        size=value.wave.size,
        at_once=value.wave.slots,
        counts=_counts(value.counts),
        started_at=value.started_at,
        ended_at=value.ended_at,
    )


def job(
    value: Job, agent_name: str | None = None, agent_status: AgentStatus | None = None
) -> shapes.Job:
    """One step of a run on one agent. `agent_status` is known where somebody has looked."""
    is_queued = value.state is JobState.QUEUED
    return shapes.Job(
        id=value.key.job_id,
        step=value.key.step,
        index=value.index,
        agent_id=value.key.agent_id,
        agent_name=value.agent_name or agent_name or value.key.agent_id,
        agent_status=agent_status.value if agent_status and is_queued else None,
        state=value.state.value,
        attempt=value.attempt,
        exit_code=value.exit_code,
        reason=value.reason,
        stop_requested=value.stop_requested,
        queued_at=value.queued_at,
        deliver_by=value.give_up_at if is_queued else None,
        not_before=value.not_before if is_queued else None,
        started_at=value.started_at,
        ended_at=value.ended_at,
        duration_seconds=None if value.duration_ms is None else value.duration_ms / 1000,
        log=None if value.log is None else _log_summary(value.log),
        earlier=[_attempt(each) for each in value.earlier],
        late=None if value.late is None else _late(value.late),
        stopped_by=by(value.stopped_by) if value.stopped_by else None,
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


def match(value: commands.Match) -> shapes.Match:
    """Whom targets fit."""
    first = [
        shapes.MatchingAgent(agent_id, value.agents[agent_id], status.value)
        for agent_id, status in value.statuses.items()
    ]
    return shapes.Match(
        agents=len(value.agents),
        not_online=sum(each.status != AgentStatus.ONLINE.value for each in first),
        first=first,
    )
