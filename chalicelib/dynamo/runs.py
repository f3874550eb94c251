"""Runs and their frozen steps: each verb is one conditional write, or one read."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model

from chalicelib.dynamo import jobs
from chalicelib.dynamo.base import decode_cursor, encode_cursor, page, passed
from chalicelib.dynamo.run_items import (
    JobItem,
    KeyItem,
    PartitionItem,
    RunItem,
    StepItem,
    deadline_shard,
    month_of,
    step_sort_key,
)
from chalicelib.job import JobState
from chalicelib.run import Progress, Run, RunState, RunStep, leaves

CHECK_EVERY = timedelta(seconds=30)  # how often the sweeper looks at a run that has not ended
KEY_LIFETIME = timedelta(days=1)  # how long an idempotency key stands for its run


def _state_in(states: Iterable[RunState]) -> Condition:
    return RunItem.state.is_in(*(state.value for state in states))


def _value(item: RunItem) -> Run:
    return Run(
        id=item.run_id,
        task_id=item.task_id,
        task_name=item.task_name,
        revision=int(item.revision),
        step_count=int(item.step_count),
        state=RunState(item.state),
        triggered_by=item.triggered_by,
        created_at=item.created_at,
        expires_at=item.ttl,
        timeout_at=item.timeout_at,
        stop=JobState(item.stop) if item.stop else None,
        stop_reason=item.stop_reason,
        reason=item.reason,
        started_at=item.started_at,
        ended_at=item.ended_at,
    )


def _step_value(item: StepItem) -> RunStep:
    return RunStep(
        number=int(item.number),
        name=item.name,
        agents=item.agents,
        path=item.path,
        command=item.command,
        env=item.env,
        timeout_seconds=item.timeout_seconds,
    )


def reserve_key(
    task_id: str, key: str, run_id: str, revision: int, now: datetime
) -> tuple[str, int]:
    """The run and revision that the idempotency key stands for: these, or those that came first."""
    digest = hashlib.sha256(f"{task_id}\n{key}".encode()).hexdigest()
    item = KeyItem(
        f"KEY#{digest}", "KEY", names_run=run_id, names_revision=revision, ttl=now + KEY_LIFETIME
    )
    is_free = KeyItem.names_run.does_not_exist() | (KeyItem.ttl < now)
    if passed(lambda: item.save(condition=is_free)):
        return run_id, revision
    found = KeyItem.get(f"KEY#{digest}", "KEY", consistent_read=True)
    return str(found.names_run), int(found.names_revision)


def freeze_steps(run: Run, steps: Sequence[RunStep]) -> None:
    """Writes what the run's steps are, before the run itself exists; may be repeated."""
    with StepItem.batch_write() as batch:
        for step in steps:
            batch.save(
                StepItem(
                    run.id,
                    step_sort_key(step.number),
                    number=step.number,
                    name=step.name,
                    agents=dict(step.agents),
                    path=step.path,
                    command=step.command,
                    env=dict(step.env),
                    timeout_seconds=step.timeout_seconds,
                    ttl=run.expires_at,
                )
            )


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
        created_at=run.created_at,
        timeout_at=run.timeout_at,
        ttl=run.expires_at,
        month=month_of(run.created_at),
        active_task=run.task_id,
        deadline_shard=deadline_shard(run.id),
        deadline_at=_next_check(run, run.created_at),
    )
    return passed(lambda: item.save(condition=RunItem.run_id.does_not_exist()))


def _next_check(run: Run, now: datetime) -> datetime:
    regular = now + CHECK_EVERY
    return min(regular, run.timeout_at) if run.timeout_at and run.timeout_at > now else regular


def start(run_id: str, now: datetime) -> bool:
    """`running`, with the first claim; False when it was so already or has ended."""
    return passed(
        lambda: RunItem(run_id, RunItem.ITEM).update(
            actions=[RunItem.state.set(RunState.RUNNING.value), RunItem.started_at.set(now)],
            condition=_state_in(leaves(RunState.RUNNING)),
        )
    )


def stop(run_id: str, jobs_become: JobState, reason: str) -> bool:
    """`cancelling`: what has not started never will. False when it was so already or has ended."""
    return passed(
        lambda: RunItem(run_id, RunItem.ITEM).update(
            actions=[
                RunItem.state.set(RunState.CANCELLING.value),
                RunItem.stop.set(jobs_become.value),
                RunItem.stop_reason.set(reason),
            ],
            condition=_state_in(leaves(RunState.CANCELLING)),
        )
    )


def end(run_id: str, state: RunState, reason: str | None, now: datetime) -> bool:
    """The terminal state, entered once; False when another was."""
    actions: list[Action] = [
        RunItem.state.set(state.value),
        RunItem.ended_at.set(now),
        RunItem.active_task.remove(),
        RunItem.deadline_shard.remove(),
        RunItem.deadline_at.remove(),
    ]
    if reason is not None:
        actions.append(RunItem.reason.set(reason))
    return passed(
        lambda: RunItem(run_id, RunItem.ITEM).update(
            actions=actions, condition=_state_in(leaves(state))
        )
    )


def check_later(run: Run, now: datetime) -> None:
    """Sets when the sweeper looks at the run next."""
    passed(
        lambda: RunItem(run.id, RunItem.ITEM).update(
            actions=[RunItem.deadline_at.set(_next_check(run, now))],
            condition=RunItem.deadline_at.exists(),
        )
    )


def get(run_id: str) -> Run | None:
    """The run alone, or None."""
    try:
        return _value(RunItem.get(run_id, RunItem.ITEM, consistent_read=True))
    except RunItem.DoesNotExist:
        return None


def progress(run_id: str) -> Progress | None:
    """The run with its steps and jobs, in one query; None when there is no such run."""
    run: Run | None = None
    steps: list[RunStep] = []
    found = []
    for item in PartitionItem.query(run_id, consistent_read=True):
        if isinstance(item, RunItem):
            run = _value(item)
        elif isinstance(item, StepItem):
            steps.append(_step_value(item))
        elif isinstance(item, JobItem):
            found.append(jobs.value(item))
    return None if run is None else Progress(run, tuple(steps), tuple(found))


def get_with_steps(
    wanted: Iterable[tuple[str, int]],
) -> dict[tuple[str, int], tuple[Run, RunStep]]:
    """Runs with one step each, in one call for up to 50; what is gone is left out."""
    pairs = sorted(set(wanted))
    keys = {(run_id, RunItem.ITEM) for run_id, _ in pairs}
    keys |= {(run_id, step_sort_key(step)) for run_id, step in pairs}
    runs: dict[str, Run] = {}
    steps: dict[tuple[str, int], RunStep] = {}
    for item in PartitionItem.batch_get(sorted(keys), consistent_read=True) if keys else ():
        if isinstance(item, RunItem):
            runs[item.run_id] = _value(item)
        elif isinstance(item, StepItem):
            steps[item.run_id, int(item.number)] = _step_value(item)
    return {
        pair: (runs[pair[0]], steps[pair]) for pair in pairs if pair[0] in runs and pair in steps
    }


def history_of_task(task_id: str, limit: int, cursor: str | None) -> tuple[list[Run], str | None]:
    """A page of a task's runs, newest first."""
    found, following = page(
        RunItem.by_task.query(
            task_id,
            limit=limit,
            last_evaluated_key=decode_cursor(cursor),
            scan_index_forward=False,
        )
    )
    return [_value(item) for item in found], following


def has_active(task_id: str) -> bool:
    """Whether a run of the task has not ended."""
    return next(iter(_keys_of_active(task_id)), None) is not None


def _keys_of_active(task_id: str) -> Iterable[Model]:
    return RunItem.active_by_task.query(task_id, limit=1)


def history(
    limit: int, cursor: str | None, now: datetime, days: int
) -> tuple[list[Run], str | None]:
    """A page of all runs, newest first, back to `days` ago.

    The index is cut by months; a cursor is the key of the last run, or names a month to begin.
    """
    key = decode_cursor(cursor)
    month = key["month"]["S"] if key and "month" in key else month_of(now)
    oldest = month_of(now - timedelta(days=days))
    found: list[Run] = []
    while True:
        start_key = key if key and "run_id" in key else None
        items, _ = page(
            query := RunItem.by_month.query(
                month,
                limit=limit - len(found),
                last_evaluated_key=start_key,
                scan_index_forward=False,
            )
        )
        found += [_value(item) for item in items]
        if query.last_evaluated_key is not None:
            return found, encode_cursor(query.last_evaluated_key)
        month, key = _month_before(month), None
        if month < oldest:
            return found, None
        if len(found) >= limit:
            return found, encode_cursor({"month": {"S": month}})


def _month_before(month: str) -> str:
    year, number = (int(part) for part in month.split("-"))
    return f"{year - 1}-12" if number == 1 else f"{year}-{number - 1:02d}"
