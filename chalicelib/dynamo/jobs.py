"""Jobs: each verb is one conditional update that names the state, and the lease, it leaves."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.agents.seat import UNNAMED
from chalicelib.dynamo.base import passed
from chalicelib.dynamo.run_items import (
    COMPACTION_SHARD,
    DEADLINE_SHARDS,
    QUEUED_SHARDS,
    JobItem,
    PartitionItem,
    deadline_shard,
    job_sort_key,
    jobs_sort_key,
    parse_job_sort_key,
    queued_shard,
)
from chalicelib.logs import log
from chalicelib.reader import Reader
from chalicelib.runs.job import (
    ACTIVE,
    Attempt,
    Deadlines,
    Ending,
    Job,
    JobKey,
    JobState,
    LateReport,
    leaves,
)

_ATTEMPTS = Reader(list[Attempt])
_LATE_REPORT = Reader(LateReport)
_IS_TO_BE_COMPACTED = JobItem.deadline_shard == COMPACTION_SHARD
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
        index=int(item.index),
        origin=_int(item.origin),
        successor=_int(item.successor),
        attempt=int(item.attempt),
        lease=item.lease,
        poll_seq=int(item.poll_seq),
        instance=item.instance,
        timeout_seconds=item.timeout_seconds,
        lost_after_seconds=item.lost_after_seconds,
        agent_name=item.agent_name,
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
        earlier=tuple(_ATTEMPTS.plain(item.earlier or [])),
        late=None if item.late is None else _LATE_REPORT.plain(item.late),
        not_before=item.not_before,
        give_up_at=item.give_up_at,
        deadline_at=None if _waits_for_compaction(item) else item.deadline_at,
        followed_until=item.followed_until,
        compact_at=item.deadline_at if _waits_for_compaction(item) else None,
        compaction_tries=int(item.compaction_tries or 0),
        log_compacted=bool(item.log_compacted),
        log_problem=item.log_problem,
    )


def _waits_for_compaction(item: JobItem) -> bool:
    return item.deadline_shard == COMPACTION_SHARD


def _move(key: JobKey, actions: list[Action], condition: Condition) -> Job | None:
    item = _item(key)
    if not passed(lambda: item.update(actions=actions, condition=condition)):
        return None
    return value(item)


def put(job: Job, now: datetime, deadline: datetime, expires_at: datetime) -> bool:
    """Puts a new job into its agent's inbox; False when it exists."""
    item = JobItem(
        job.key.run_id,
        job_sort_key(job.key),
        state=job.state.value,
        index=job.index,
        origin=job.origin,
        timeout_seconds=job.timeout_seconds,
        lost_after_seconds=job.lost_after_seconds,
        ttl=expires_at,
        inbox=job.key.agent_id,
        agent_id=job.key.agent_id,
        agent_name=job.agent_name,
        queued_at=now,
        deadline_at=deadline,
        deadline_shard=queued_shard(job.key.run_id),
    )
    return passed(lambda: item.save(condition=JobItem.run_id.does_not_exist()))


def put_ended(job: Job, now: datetime, expires_at: datetime) -> bool:
    """Writes a job that never will be put into an inbox; False when it exists."""
    item = JobItem(
        job.key.run_id,
        job_sort_key(job.key),
        state=job.state.value,
        index=job.index,
        reason=job.reason,
        lost_after_seconds=job.lost_after_seconds,
        ttl=expires_at,
        agent_id=job.key.agent_id,
        ended_at=now,
    )
    return passed(lambda: item.save(condition=JobItem.run_id.does_not_exist()))


def _deadline_actions(deadlines: Deadlines) -> list[Action]:
    if deadlines.give_up_at is None:
        return [JobItem.deadline_at.set(deadlines.look_at), JobItem.give_up_at.remove()]
    return [
        JobItem.deadline_at.set(deadlines.look_at),
        JobItem.give_up_at.set(deadlines.give_up_at),
    ]


def claim(
    key: JobKey,
    lease: str,
    poll_seq: int,
    now: datetime,
    deadlines: Deadlines,
    instance: str = UNNAMED,
) -> Job | None:
    """Leases a queued job to its agent; None when somebody was first or it has been ended."""
    is_due = JobItem.not_before.does_not_exist() | (JobItem.not_before <= now)
    return _move(
        key,
        [
            JobItem.state.set(JobState.CLAIMED.value),
            JobItem.lease.set(lease),
            JobItem.poll_seq.set(poll_seq),
            JobItem.instance.set(instance),
            JobItem.claimed_at.set(now),
            JobItem.deadline_shard.set(deadline_shard(key.run_id)),
            *_deadline_actions(deadlines),
        ],
        _state_in([JobState.QUEUED]) & is_due,
    )


def hand_out_again(job: Job, poll_seq: int, deadlines: Deadlines) -> Job | None:
    """Renews the claim of a job whose hand-out was lost; None when a newer poll had it."""
    is_same_attempt = (JobItem.lease == job.lease) & _state_in([JobState.CLAIMED])
    is_newer_poll = JobItem.poll_seq < poll_seq
    actions = [JobItem.poll_seq.set(poll_seq), *_deadline_actions(deadlines)]
    return _move(job.key, actions, is_same_attempt & is_newer_poll)


def start(key: JobKey, lease: str, started_at: datetime) -> Job | None:
    """Notes that the process runs; None when the lease is old or the start was noted before.

    The deadlines stay those of the claim: the grace after a time-out covers what lies between.
    """
    return _move(
        key,
        [JobItem.state.set(JobState.RUNNING.value), JobItem.started_at.set(started_at)],
        (JobItem.lease == lease) & _state_in(leaves(JobState.RUNNING)),
    )


def extend(key: JobKey, lease: str, give_up_at: datetime) -> Job | None:
    """Confirms the lease and moves the time of giving up, if there is one, to `give_up_at` at
    least; None when the lease is old."""
    is_held = (JobItem.lease == lease) & _state_in(ACTIVE)
    is_sooner = JobItem.give_up_at < give_up_at
    moved = _move(key, [JobItem.give_up_at.set(give_up_at)], is_held & is_sooner)
    if moved is not None:
        return moved
    job = get(key)
    return job if job and job.lease == lease and job.state in ACTIVE else None


def look_again(job: Job, at: datetime) -> bool:
    """Sets when the sweeper looks at an active job next; False when it has moved on."""
    is_same = (JobItem.lease == job.lease) & (JobItem.deadline_at == job.deadline_at)
    return _move(job.key, [JobItem.deadline_at.set(at)], is_same & _state_in(ACTIVE)) is not None


def _compaction_actions(at: datetime | None) -> list[Action]:
    """In place of the deadlines that the job had."""
    if at is None:
        return [JobItem.deadline_at.remove(), JobItem.deadline_shard.remove()]
    return [JobItem.deadline_at.set(at), JobItem.deadline_shard.set(COMPACTION_SHARD)]


def _ending_actions(job: Job, ending: Ending, successor: int | None, now: datetime) -> list[Action]:
    compact_at = log.compaction_time(job, ending, now)
    actions: list[Action] = [
        JobItem.state.set(ending.state.value),
        JobItem.ended_at.set(now),
        JobItem.reported.set(ending.reported),
        JobItem.inbox.remove(),
        *_compaction_actions(compact_at),
    ]
    optional: tuple[tuple[Any, Any], ...] = (
        (JobItem.failed_in, job.key.run_id if ending.has_failed else None),
        (JobItem.successor, successor),
        (JobItem.exit_code, ending.exit_code),
        (JobItem.reason, ending.reason),
        (JobItem.duration_ms, ending.duration_ms),
        (JobItem.started_at, ending.started_at),
        (JobItem.log, None if ending.log is None else dict(ending.log)),
    )
    return actions + [attribute.set(given) for attribute, given in optional if given is not None]


def _unchanged(job: Job) -> Condition:
    """The attempt is the same, in the same state, and no newer poll had it."""
    is_same: Condition = (JobItem.attempt == job.attempt) & (JobItem.state == job.state.value)
    if job.lease is None:
        return is_same
    is_same &= (JobItem.lease == job.lease) & (JobItem.poll_seq == job.poll_seq)
    return is_same


def finish(job: Job, ending: Ending, successor: int | None, now: datetime) -> Job | None:
    """The agent's report of the end; None when the lease is old or the job has ended."""
    is_held = (JobItem.lease == job.lease) & _state_in(ACTIVE)
    return _move(job.key, _ending_actions(job, ending, successor, now), is_held)


def end(job: Job, ending: Ending, successor: int | None, now: datetime) -> Job | None:
    """Ends a job without its agent's report; None when it has moved on meanwhile."""
    return _move(job.key, _ending_actions(job, ending, successor, now), _unchanged(job))


def retry(
    job: Job, ending: Ending, not_before: datetime, deadline: datetime, now: datetime
) -> Job | None:
    """Ends the attempt and puts the next one into the inbox; None when the job has moved on."""
    earlier = [*job.earlier, job.as_attempt(ending, now)]
    actions: list[Action] = [
        JobItem.state.set(JobState.QUEUED.value),
        JobItem.attempt.set(job.attempt + 1),
        JobItem.earlier.set(msgspec.to_builtins(earlier)),
        JobItem.queued_at.set(now),
        JobItem.not_before.set(not_before),
        JobItem.deadline_at.set(deadline),
        JobItem.deadline_shard.set(queued_shard(job.key.run_id)),
        JobItem.give_up_at.remove(),
        JobItem.lease.remove(),
        JobItem.claimed_at.remove(),
        JobItem.started_at.remove(),
    ]
    not_stopped = JobItem.job_stop.does_not_exist()
    is_same = (JobItem.attempt == job.attempt) & not_stopped
    is_same &= _state_in([JobState.QUEUED]) if job.lease is None else JobItem.lease == job.lease
    is_open = _state_in([JobState.QUEUED, *ACTIVE])
    return _move(job.key, actions, is_same & is_open)


def pass_slot(job: Job, successor: int) -> bool:
    """Gives the slot of a job that has ended to another one; False when it was given meanwhile."""
    is_parked = (
        JobItem.successor.does_not_exist()
        if job.successor is None
        else JobItem.successor == job.successor
    )
    return _move(job.key, [JobItem.successor.set(successor)], is_parked) is not None


def keep_late(key: JobKey, report: LateReport) -> bool:
    """Keeps what was reported of an attempt that had been given up; the first report counts."""
    kept = _move(
        key, [JobItem.late.set(msgspec.to_builtins(report))], JobItem.late.does_not_exist()
    )
    return kept is not None


def request_cancel(job: Job, becomes: JobState) -> Job | None:
    """Flags a job that its agent should end, and what it then is; None when it has ended."""
    return _move(job.key, [JobItem.job_stop.set(becomes.value)], _state_in(ACTIVE))


def note_follower(key: JobKey, until: datetime) -> bool:
    """Somebody reads the log; False when the job has ended."""
    return _move(key, [JobItem.followed_until.set(until)], _state_in(ACTIVE)) is not None


def compact_later(job: Job, at: datetime, tries: int) -> Job | None:
    """Sets when the log is looked at again, and how often it was tried by then; None when somebody
    else did."""
    is_same = (JobItem.deadline_at == job.compact_at) & _IS_TO_BE_COMPACTED
    return _move(job.key, [JobItem.compaction_tries.set(tries), *_compaction_actions(at)], is_same)


def give_up_compaction(job: Job, problem: str) -> bool:
    """The log stays as it is, and readers are told why."""
    actions = [JobItem.log_problem.set(problem), *_compaction_actions(None)]
    return _move(job.key, actions, _IS_TO_BE_COMPACTED) is not None


def mark_compacted(job: Job) -> bool:
    """Nothing is left to be done for the log."""
    actions = [JobItem.log_compacted.set(True), *_compaction_actions(None)]
    return _move(job.key, actions, _IS_TO_BE_COMPACTED) is not None


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


class Due(msgspec.Struct, frozen=True):
    """What the sweeper should look at: a job, or its run when `job` is None."""

    run_id: str
    job: JobKey | None


def due(now: datetime, limit: int) -> list[Due]:
    """Runs and jobs whose deadline has passed, at most `limit` a shard."""
    found: list[Due] = []
    for shard in (*DEADLINE_SHARDS, *QUEUED_SHARDS):
        passed_by = PartitionItem.deadline_at <= now
        for item in PartitionItem.deadlines.query(shard, passed_by, limit=limit):
            is_job = item.item.startswith(jobs_sort_key())
            key = parse_job_sort_key(item.run_id, item.item) if is_job else None
            found.append(Due(item.run_id, key))
    return found


def unfetched(after: datetime, until: datetime, limit: int) -> set[str]:
    """The agents of queued jobs whose time to be fetched ends so soon."""
    found: set[str] = set()
    for shard in QUEUED_SHARDS:
        is_soon = PartitionItem.deadline_at.between(after, until)
        items = PartitionItem.deadlines.query(shard, is_soon, limit=limit)
        found.update(parse_job_sort_key(item.run_id, item.item).agent_id for item in items)
    return found


def due_for_compaction(now: datetime, limit: int) -> list[JobKey]:
    """Jobs whose logs should be compacted by now."""
    passed_by = PartitionItem.deadline_at <= now
    found = PartitionItem.deadlines.query(COMPACTION_SHARD, passed_by, limit=limit)
    return [parse_job_sort_key(item.run_id, item.item) for item in found]
