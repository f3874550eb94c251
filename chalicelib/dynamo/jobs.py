"""Jobs: each verb is one conditional update that names the state, and the lease, it leaves."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.dynamo.base import passed
from chalicelib.dynamo.run_items import (
    DEADLINE_SHARDS,
    EndedItem,
    JobItem,
    PartitionItem,
    deadline_shard,
    ended_sort_key,
    job_sort_key,
    parse_job_sort_key,
)
from chalicelib.job import ACTIVE, Job, JobKey, JobState, leaves

INBOX_PAGE = 100  # jobs read with one query


def _state_in(states: Iterable[JobState]) -> Condition:
    return JobItem.state.is_in(*(state.value for state in states))


def _item(key: JobKey) -> JobItem:
    return JobItem(key.run_id, job_sort_key(key))


def _int(value: float | None) -> int | None:
    return None if value is None else int(value)


def value(item: JobItem) -> Job:
    """The job that an item holds."""
    return Job(
        key=parse_job_sort_key(item.run_id, item.item),
        state=JobState(item.state),
        step_size=int(item.step_size),
        attempt=int(item.attempt),
        lease=item.lease,
        poll_seq=int(item.poll_seq),
        timeout_seconds=item.timeout_seconds,
        stop=JobState(item.job_stop) if item.job_stop else None,
        exit_code=_int(item.exit_code),
        reason=item.reason,
        reported=item.reported,
        queued_at=item.queued_at,
        claimed_at=item.claimed_at,
        started_at=item.started_at,
        ended_at=item.ended_at,
        duration_ms=_int(item.duration_ms),
        log=item.log,
        deadline_at=item.deadline_at,
    )


def _move(key: JobKey, actions: list[Action], condition: Condition) -> Job | None:
    item = _item(key)
    if not passed(lambda: item.update(actions=actions, condition=condition)):
        return None
    return value(item)


def put(job: Job, now: datetime, deadline: datetime | None, expires_at: datetime) -> bool:
    """Creates a job: queued in its agent's inbox, or ended at once; False when it exists."""
    item = JobItem(
        job.key.run_id,
        job_sort_key(job.key),
        state=job.state.value,
        step_size=job.step_size,
        timeout_seconds=job.timeout_seconds,
        reason=job.reason,
        ttl=expires_at,
        inbox=None if job.state.is_terminal else job.key.agent_id,
        queued_at=None if job.state.is_terminal else now,
        ended_at=now if job.state.is_terminal else None,
        deadline_at=deadline,
        deadline_shard=None if deadline is None else deadline_shard(job.key.run_id),
    )
    return passed(lambda: item.save(condition=JobItem.run_id.does_not_exist()))


def _deadline_actions(key: JobKey, deadline: datetime | None) -> list[Action]:
    if deadline is None:
        return [JobItem.deadline_at.remove(), JobItem.deadline_shard.remove()]
    return [
        JobItem.deadline_at.set(deadline),
        JobItem.deadline_shard.set(deadline_shard(key.run_id)),
    ]


def claim(
    key: JobKey, lease: str, poll_seq: int, now: datetime, deadline: datetime | None
) -> Job | None:
    """Leases a queued job to its agent; None when somebody was first or it has been ended."""
    return _move(
        key,
        [
            JobItem.state.set(JobState.CLAIMED.value),
            JobItem.lease.set(lease),
            JobItem.poll_seq.set(poll_seq),
            JobItem.claimed_at.set(now),
            *_deadline_actions(key, deadline),
        ],
        _state_in(leaves(JobState.CLAIMED)),
    )


def hand_out_again(job: Job, poll_seq: int) -> Job | None:
    """Renews the claim of a job whose hand-out was lost; None when a newer poll had it."""
    is_same_attempt = (JobItem.lease == job.lease) & _state_in([JobState.CLAIMED])
    is_newer_poll = JobItem.poll_seq < poll_seq
    return _move(job.key, [JobItem.poll_seq.set(poll_seq)], is_same_attempt & is_newer_poll)


def start(key: JobKey, lease: str, started_at: datetime, deadline: datetime | None) -> Job | None:
    """Notes that the process runs; None when the lease is old or the start was noted before."""
    return _move(
        key,
        [
            JobItem.state.set(JobState.RUNNING.value),
            JobItem.started_at.set(started_at),
            *_deadline_actions(key, deadline),
        ],
        (JobItem.lease == lease) & _state_in(leaves(JobState.RUNNING)),
    )


def extend(key: JobKey, lease: str, deadline: datetime) -> Job | None:
    """Confirms the lease and moves the deadline, if there is one, out to `deadline` at least."""
    is_held = (JobItem.lease == lease) & _state_in(ACTIVE)
    is_sooner = JobItem.deadline_at < deadline
    moved = _move(key, _deadline_actions(key, deadline), is_held & is_sooner)
    if moved is not None:
        return moved
    job = get(key)
    return job if job and job.lease == lease and job.state in ACTIVE else None


@dataclass(frozen=True)
class Ending:
    """How a job ended. `log` is the wire's summary of its output."""

    state: JobState
    exit_code: int | None = None
    reason: str | None = None
    reported: bool = False
    duration_ms: int | None = None
    started_at: datetime | None = None
    log: Mapping[str, Any] | None = None


def _ending_actions(ending: Ending, now: datetime) -> list[Action]:
    actions: list[Action] = [
        JobItem.state.set(ending.state.value),
        JobItem.ended_at.set(now),
        JobItem.reported.set(ending.reported),
        JobItem.inbox.remove(),
        JobItem.deadline_at.remove(),
        JobItem.deadline_shard.remove(),
    ]
    optional: tuple[tuple[Any, Any], ...] = (
        (JobItem.exit_code, ending.exit_code),
        (JobItem.reason, ending.reason),
        (JobItem.duration_ms, ending.duration_ms),
        (JobItem.started_at, ending.started_at),
        (JobItem.log, None if ending.log is None else dict(ending.log)),
    )
    return actions + [attribute.set(given) for attribute, given in optional if given is not None]


def finish(key: JobKey, lease: str, ending: Ending, now: datetime) -> Job | None:
    """The agent's report of the end; None when the lease is old or the job has ended."""
    is_held = (JobItem.lease == lease) & _state_in(ACTIVE)
    return _move(key, _ending_actions(ending, now), is_held)


def end_queued(key: JobKey, ending: Ending, now: datetime) -> Job | None:
    """Ends a job that nobody has claimed; None when somebody has."""
    return _move(key, _ending_actions(ending, now), _state_in([JobState.QUEUED]))


def end_active(job: Job, ending: Ending, now: datetime) -> Job | None:
    """Ends a job without its agent's report; None when it has moved on meanwhile."""
    is_unchanged = (JobItem.lease == job.lease) & (JobItem.state == job.state.value)
    is_same_poll = JobItem.poll_seq == job.poll_seq
    return _move(job.key, _ending_actions(ending, now), is_unchanged & is_same_poll)


def request_cancel(job: Job, becomes: JobState) -> Job | None:
    """Flags a job that its agent should end, and what it then is; None when it has ended."""
    return _move(job.key, [JobItem.job_stop.set(becomes.value)], _state_in(ACTIVE))


def count_ended(key: JobKey) -> int:
    """How many jobs of the step have ended, this one included.

    A hint only: a lost answer may count twice, a killed handler not at all.
    """
    item = EndedItem(key.run_id, ended_sort_key(key.step))
    item.update(actions=[EndedItem.ended.add(1), EndedItem.kind.set(EndedItem)])
    return int(item.ended)


def get(key: JobKey) -> Job | None:
    """The job, or None."""
    try:
        return value(JobItem.get(key.run_id, job_sort_key(key), consistent_read=True))
    except DoesNotExist:
        return None


def inbox(agent_id: str, limit: int) -> Iterator[Job]:
    """The agent's jobs that have not ended, oldest run first. Milliseconds late on AWS.

    Read as far as it is asked for, `INBOX_PAGE` with a query.
    """
    items = JobItem.inbox_index.query(agent_id, limit=limit, page_size=min(limit, INBOX_PAGE))
    return (value(item) for item in items)


@dataclass(frozen=True)
class Due:
    """What the sweeper should look at: a job, or its run when `job` is None."""

    run_id: str
    job: JobKey | None


def due(now: datetime, limit: int) -> list[Due]:
    """Runs and jobs whose deadline has passed, at most `limit` a shard."""
    found: list[Due] = []
    for shard in range(DEADLINE_SHARDS):
        passed_by = PartitionItem.deadline_at <= now
        for item in PartitionItem.deadlines.query(shard, passed_by, limit=limit):
            is_job = item.item.startswith("JOB#")
            key = parse_job_sort_key(item.run_id, item.item) if is_job else None
            found.append(Due(item.run_id, key))
    return found
