"""Runs and their frozen steps: each verb is one conditional write, or one read."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.access.by import By
from chalicelib.access.scope import EVERYTHING, NOWHERE, Reach
from chalicelib.dynamo import due as due_queue
from chalicelib.dynamo import gates, jobs, steps
from chalicelib.dynamo.base import instant, milliseconds, passed
from chalicelib.dynamo.run_items import (
    GateItem,
    JobItem,
    KeyItem,
    PartitionItem,
    RosterItem,
    RunItem,
    StepItem,
    history_shard,
    parse_gate_sort_key,
    state_shard,
)
from chalicelib.runs.job import JobState
from chalicelib.runs.run import Progress, Run, RunState, RunStep, StepResult, Trigger, leaves
from chalicelib.runs.wave import Gate
from chalicelib.tasks.task import Concurrency

CHECK_EVERY = timedelta(seconds=30)  # how often the sweeper looks at a run that has not ended
KEY_LIFETIME = timedelta(days=1)  # how long an idempotency key stands for its run


def _state_in(states: Iterable[RunState]) -> Condition:
    return RunItem.state.is_in(*(state.value for state in states))


def value(item: RunItem) -> Run:
    """The run that an item holds."""
    return Run(
        id=item.run_id,
        task_id=item.task_id,
        task_name=item.task_name,
        revision=int(item.revision),
        step_count=int(item.step_count),
        state=RunState(item.state),
        triggered_by=item.triggered_by,
        scope=item.scope or EVERYTHING,
        reach=item.reach or NOWHERE,
        created_at=item.created_at,
        expires_at=item.ttl,
        trigger=Trigger(item.trigger),
        parameters=item.parameters or {},
        concurrency=Concurrency(item.concurrency),
        is_held=item.is_held,
        retry_of=item.retry_of,
        secrets=tuple(item.secrets or ()),
        timeout_seconds=item.timeout_seconds,
        timeout_at=item.timeout_at,
        jobs_become=JobState(item.jobs_become) if item.jobs_become else None,
        stop_reason=item.stop_reason,
        stopped_by=item.stopped_by,
        reason=item.reason,
        started_at=item.started_at,
        ended_at=item.ended_at,
        step=int(item.step),
        step_size=int(item.step_size),
        known=int(item.known),
        size=None if item.size is None else int(item.size),
        results=tuple(_result(each) for each in item.results or ()),
    )


def _result(stored: list[Any]) -> StepResult:
    state, counts, started_at, ended_at = stored
    return StepResult(
        JobState(state),
        {JobState(name): number for name, number in counts.items()},
        instant(started_at),
        instant(ended_at),
    )


def _stored(results: Iterable[StepResult]) -> list[list[Any]]:
    """As lists, instants as numbers: every claim reads them."""
    return [
        [
            each.state.value,
            {state.value: number for state, number in each.counts.items()},
            milliseconds(each.started_at),
            milliseconds(each.ended_at),
        ]
        for each in results
    ]


def reserve_key(
    task_id: str, by: By, key: str, run_id: str, revision: int, now: datetime
) -> tuple[str, int]:
    """The run and revision that the idempotency key stands for: these, or those that came first. A
    key is its caller's own: others can neither take it beforehand nor be answered its run."""
    digest = hashlib.sha256(f"{task_id}\n{by.kind.value}\n{by.id}\n{key}".encode()).hexdigest()
    item = KeyItem(
        f"KEY#{digest}", "KEY", names_run=run_id, names_revision=revision, ttl=now + KEY_LIFETIME
    )
    is_free = KeyItem.names_run.does_not_exist() | (KeyItem.ttl < now)
    if passed(lambda: item.save(condition=is_free)):
        return run_id, revision
    found = KeyItem.get(f"KEY#{digest}", "KEY", consistent_read=True)
    return str(found.names_run), int(found.names_revision)


def create(run: Run) -> bool:
    """Brings the run into being; False when it is there already."""
    item = RunItem(
        run.id,
        RunItem.ITEM,
        task_id=run.task_id,
        task_name=run.task_name,
        revision=run.revision,
        step_count=run.step_count,
        state=run.state.value,
        triggered_by=run.triggered_by,
        scope=None if run.scope.is_everything else run.scope,
        reach=None if run.reach == NOWHERE else run.reach,
        trigger=run.trigger.value,
        parameters=dict(run.parameters) or None,
        concurrency=run.concurrency.value,
        is_held=run.is_held,
        retry_of=run.retry_of,
        secrets=list(run.secrets) or None,
        timeout_seconds=run.timeout_seconds,
        step=run.step,
        step_size=run.step_size,
        known=run.known,
        size=run.size,
        created_at=run.created_at,
        timeout_at=run.timeout_at,
        ttl=run.expires_at,
        history_shard=history_shard(run.id),
        run_state=state_shard(run.state.value, run.id),
        active_task=run.task_id,
        **due_queue.stands(due_queue.RUN, _due_key(run.id), _next_check(run, run.created_at)),
    )
    return passed(lambda: item.save(condition=RunItem.run_id.does_not_exist()))


def _state_actions(run_id: str, state: RunState) -> list[Action]:
    shard = state_shard(state.value, run_id)
    return [RunItem.state.set(state.value), RunItem.run_state.set(shard)]


def _next_check(run: Run, now: datetime) -> datetime:
    regular = now + CHECK_EVERY
    return min(regular, run.timeout_at) if run.timeout_at and run.timeout_at > now else regular


def start(run_id: str, now: datetime) -> bool:
    """`running`, with the first claim; False when it was so already or has ended."""
    return passed(
        lambda: RunItem(run_id, RunItem.ITEM).update(
            actions=[*_state_actions(run_id, RunState.RUNNING), RunItem.started_at.set(now)],
            condition=_state_in(leaves(RunState.RUNNING)),
        )
    )


def stop(run_id: str, jobs_become: JobState, reason: str, by: By | None = None) -> bool:
    """`cancelling`: what has not started never will. False when it was so already or has ended.
    `by` is who wanted it, if somebody did."""
    whose = [] if by is None else [RunItem.stopped_by.becomes(by)]
    return passed(
        lambda: RunItem(run_id, RunItem.ITEM).update(
            actions=[
                *_state_actions(run_id, RunState.CANCELLING),
                RunItem.jobs_become.set(jobs_become.value),
                RunItem.stop_reason.set(reason),
                *whose,
            ],
            condition=_state_in(leaves(RunState.CANCELLING)),
        )
    )


def begin(run: Run, now: datetime) -> bool:
    """Lets a held run begin; False when it has begun or ended."""
    actions: list[Action] = [RunItem.is_held.set(False)]
    if run.timeout_seconds is not None:  # what it waited does not count
        actions.append(RunItem.timeout_at.set(now + timedelta(seconds=run.timeout_seconds)))
    is_waiting = (RunItem.is_held == True) & RunItem.jobs_become.does_not_exist()  # noqa: E712
    return passed(
        lambda: RunItem(run.id, RunItem.ITEM).update(actions=actions, condition=is_waiting)
    )


def begin_step(run: Run) -> bool:
    """Before the first job of a step is put: that it is under way, and what came before it; False
    when it was so already, or the run was stopped. `run` is as `at_step` answers it."""
    actions: list[Action] = [
        RunItem.step.set(run.step),
        RunItem.step_size.set(run.step_size),
        RunItem.known.set(run.known),
        RunItem.results.set(_stored(run.results)),
    ]
    actions += [] if run.reach == NOWHERE else [RunItem.reach.set(run.reach)]
    actions += [] if run.size is None else [RunItem.size.set(run.size)]
    is_new = (RunItem.step < run.step) & RunItem.jobs_become.does_not_exist()
    return passed(lambda: RunItem(run.id, RunItem.ITEM).update(actions=actions, condition=is_new))


def end(
    run_id: str,
    state: RunState,
    reason: str | None,
    results: Sequence[StepResult],
    now: datetime,
    *,
    stop: JobState | None = None,
    reach: Reach = NOWHERE,
) -> Run | None:
    """The terminal state, entered once; None when another was, or the run was stopped by others
    than by `stop`, which whoever decided on the end knew of. `reach` is that of all agents that
    were chosen, also for steps that have not begun."""
    actions: list[Action] = [
        *_state_actions(run_id, state),
        RunItem.ended_at.set(now),
        RunItem.results.set(_stored(results)),
        RunItem.active_task.remove(),
        *due_queue.leave(),
    ]
    if reason is not None:
        actions.append(RunItem.reason.set(reason))
    if reach != NOWHERE:
        actions.append(RunItem.reach.set(reach))
    item, is_open = RunItem(run_id, RunItem.ITEM), _state_in(leaves(state))
    # A stop may come between the look and this write, and make another end of the same jobs. It has
    # been acknowledged then: the end is decided anew.
    is_same = (
        RunItem.jobs_become.does_not_exist() if stop is None else RunItem.jobs_become == stop.value
    )
    is_ended = passed(lambda: item.update(actions=actions, condition=is_open & is_same))
    return value(item) if is_ended else None


def due(now: datetime, limit: int) -> list[due_queue.Entry]:
    """Runs that the sweeper should look at, at most `limit` a shard. Milliseconds late on AWS."""
    return due_queue.found(PartitionItem.due_index, due_queue.RUN, now, limit)


def claim_due(entry: due_queue.Entry, now: datetime) -> Run | None:
    """Puts off the look at a run, for whoever looks at it now; None when it is not due any more,
    or somebody else looks."""
    item = RunItem(entry.key[0], RunItem.ITEM)
    return value(item) if due_queue.claim(item, entry, now) else None


def check_later(run: Run, claimed: due_queue.Entry, now: datetime) -> bool:
    """Sets when the sweeper looks next at a run that it has claimed; False when the run has ended,
    or somebody else has claimed it since."""
    actions = due_queue.again(_next_check(run, now))
    is_same = due_queue.stands_at(due_queue.RUN, claimed.key, claimed.at)
    return passed(lambda: RunItem(run.id, RunItem.ITEM).update(actions=actions, condition=is_same))


def _due_key(run_id: str) -> due_queue.Key:
    return (run_id, RunItem.ITEM)


def spread(run_id: str, part: str, until: datetime, now: datetime) -> bool:
    """Before a part of the run is sent to the work queue: nobody else sends it until then. False
    when somebody has just done so."""
    is_run = RunItem.run_id.exists()
    is_another = RunItem.spread_part != part  # or none was: what is absent equals nothing
    is_over = RunItem.spread_until <= now
    actions: list[Action] = [RunItem.spread_part.set(part), RunItem.spread_until.set(until)]
    return passed(
        lambda: RunItem(run_id, RunItem.ITEM).update(
            actions=actions, condition=is_run & (is_another | is_over)
        )
    )


def get(run_id: str) -> Run | None:
    """The run alone, or None."""
    try:
        return value(RunItem.get(run_id, RunItem.ITEM, consistent_read=True))
    except RunItem.DoesNotExist:
        return None


def get_many(run_ids: Sequence[str]) -> list[Run]:
    """Those of the runs that there are, in the given order, in one call for up to 100."""
    items = PartitionItem.batch_get([(run_id, RunItem.ITEM) for run_id in run_ids])
    found = {item.run_id: value(item) for item in items if isinstance(item, RunItem)}
    return [found[run_id] for run_id in run_ids if run_id in found]


def progress(run_id: str) -> Progress | None:
    """The run with its steps and jobs, in one query; None when there is no such run.

    For whoever has to decide: it reads the whole partition. See `run_pages` for showing it.
    """
    return assembled(PartitionItem.query(run_id, consistent_read=True))


def assembled(items: Iterable[PartitionItem]) -> Progress | None:
    """What items of one partition hold; None when the run itself is not among them."""
    run: Run | None = None
    frozen: list[RunStep] = []
    parts: list[RosterItem] = []
    found = []
    opened: dict[tuple[int, int], Gate] = {}
    for item in items:
        if isinstance(item, RunItem):
            run = value(item)
        elif isinstance(item, StepItem):
            frozen.append(steps.frozen(item))
        elif isinstance(item, RosterItem):
            parts.append(item)
        elif isinstance(item, GateItem):
            opened[parse_gate_sort_key(item.item)] = gates.value(item)
        elif isinstance(item, JobItem):
            found.append(jobs.value(item))
    if run is None:
        return None
    known = tuple(steps.with_agents(step, parts) for step in frozen)
    return Progress(run, known, tuple(found), opened)


def has_active(task_id: str) -> bool:
    """Whether a run of the task has not ended."""
    return next(active_ids(task_id, 1), None) is not None


def active_ids(task_id: str, limit: int) -> Iterator[str]:
    """The task's runs that have not ended, oldest first. Milliseconds late on AWS."""
    return (item.run_id for item in RunItem.active_by_task.query(task_id, limit=limit))
