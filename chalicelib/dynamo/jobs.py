"""Jobs: each verb is one conditional update that names the state, and the lease, it leaves."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.access.by import By
from chalicelib.agents.seat import UNNAMED
from chalicelib.dynamo import due as due_queue
from chalicelib.dynamo.base import passed
from chalicelib.dynamo.run_items import (
    JobItem,
    PartitionItem,
    job_sort_key,
    parse_job_sort_key,
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
INBOX_PAGE = 100  # jobs read with one query


def _state_in(states: Iterable[JobState]) -> Condition:
    return JobItem.state.is_in(*(state.value for state in states))


def _item(key: JobKey) -> JobItem:
    return JobItem(key.run_id, job_sort_key(key))


def _due_key(key: JobKey) -> due_queue.Key:
    return (key.run_id, job_sort_key(key))


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
        becomes=JobState(item.becomes) if item.becomes else None,
        stop_by=item.stop_by,
        stop_told=bool(item.stop_told),
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
        due_at=item.due_at,
        due_tries=int(item.due_tries or 0),
        followed_until=item.followed_until,
        log_compacted=bool(item.log_compacted),
        log_problem=item.log_problem,
        stopped_by=item.stopped_by,
    )


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
        inbox_of=job.key.agent_id,
        agent_id=job.key.agent_id,
        agent_name=job.agent_name,
        queued_at=now,
        give_up_at=deadline,
        **due_queue.stands(due_queue.QUEUED, _due_key(job.key), deadline),
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


def _deadline_actions(key: JobKey, deadlines: Deadlines) -> list[Action]:
    stand = due_queue.stand(due_queue.CLAIMED, _due_key(key), deadlines.look_at)
    if deadlines.give_up_at is None:
        return [*stand, JobItem.give_up_at.remove()]
    return [*stand, JobItem.give_up_at.set(deadlines.give_up_at)]


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
            *_deadline_actions(key, deadlines),
        ],
        _state_in([JobState.QUEUED]) & is_due,
    )


def hand_out_again(job: Job, poll_seq: int, deadlines: Deadlines) -> Job | None:
    """Renews the claim of a job whose hand-out was lost; None when a newer poll had it."""
    is_same_attempt = (JobItem.lease == job.lease) & _state_in([JobState.CLAIMED])
    is_newer_poll = JobItem.poll_seq < poll_seq
    actions = [JobItem.poll_seq.set(poll_seq), *_deadline_actions(job.key, deadlines)]
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


def claim_due(entry: due_queue.Entry, now: datetime) -> Job | None:
    """Puts off the look at a job, for whoever looks at it now; None when it is not due any more,
    or somebody else looks. May be of any kind that stands on a job."""
    item = _item(key_of(entry))
    return value(item) if due_queue.claim(item, entry, now) else None


def look_again(job: Job, at: datetime) -> bool:
    """Sets when the sweeper looks at an active job next; False when it has moved on."""
    is_same = due_queue.stands_at(due_queue.CLAIMED, _due_key(job.key), job.due_at)
    return _move(job.key, due_queue.again(at), is_same) is not None


def allow_to_end(job: Job, stop_by: datetime) -> bool:
    """Its agent was heard of after the time by which it should have ended the job, perhaps for the
    first time since it was to be told: it gets a last one. False when the job has moved on."""
    is_same = due_queue.stands_at(due_queue.CLAIMED, _due_key(job.key), job.due_at)
    told = [JobItem.stop_told.set(True), JobItem.stop_by.set(stop_by)]
    return _move(job.key, [*told, *due_queue.again(stop_by)], is_same) is not None


def _compaction_actions(key: JobKey, at: datetime | None) -> list[Action]:
    """In place of the deadlines that the job had."""
    if at is None:
        return due_queue.leave()
    return due_queue.stand(due_queue.LOG, _due_key(key), at)


def _ending_actions(job: Job, ending: Ending, successor: int | None, now: datetime) -> list[Action]:
    compact_at = log.compaction_time(job, ending, now)
    actions: list[Action] = [
        JobItem.state.set(ending.state.value),
        JobItem.ended_at.set(now),
        JobItem.reported.set(ending.reported),
        JobItem.inbox_of.remove(),
        *_compaction_actions(job.key, compact_at),
        *_stopped_by(ending.by),
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
        JobItem.give_up_at.set(deadline),
        *due_queue.stand(due_queue.QUEUED, _due_key(job.key), deadline),
        JobItem.lease.remove(),
        JobItem.claimed_at.remove(),
        JobItem.started_at.remove(),
    ]
    not_stopped = JobItem.becomes.does_not_exist()
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


def _stopped_by(by: By | None) -> list[Action]:
    return [] if by is None else [JobItem.stopped_by.becomes(by)]


def request_cancel(
    job: Job, becomes: JobState, stop_by: datetime, by: By | None = None
) -> Job | None:
    """Flags a job that its agent should end, and what it then is; None when it has ended. The first
    `stop_by` counts, and the job is looked at then, if not before."""
    actions = [
        JobItem.becomes.set(becomes.value),
        JobItem.stop_by.set(JobItem.stop_by | stop_by),
        *_stopped_by(by),
    ]
    if job.stop_by is None and job.due_at is not None and job.due_at > stop_by:
        actions += due_queue.stand(due_queue.CLAIMED, _due_key(job.key), stop_by)
    return _move(job.key, actions, _state_in(ACTIVE))


def note_follower(key: JobKey, until: datetime) -> bool:
    """Somebody reads the log; False when the job has ended."""
    return _move(key, [JobItem.followed_until.set(until)], _state_in(ACTIVE)) is not None


def compact_later(job: Job, at: datetime) -> bool:
    """Sets when the log is looked at again: nothing is wrong with it. False when somebody else
    did."""
    is_same = due_queue.stands_at(due_queue.LOG, _due_key(job.key), job.due_at)
    return _move(job.key, due_queue.again(at), is_same) is not None


def give_up_compaction(job: Job, problem: str, now: datetime) -> bool:
    """The log stays as it is, and readers are told why; `logs_given_up` finds it. False when it
    waits for nothing more."""
    noted = due_queue.stand(due_queue.GIVEN_UP_LOG, _due_key(job.key), now)
    actions = [JobItem.log_problem.set(problem), *noted]
    return _move(job.key, actions, _waits_for_compaction(job.key)) is not None


def mark_compacted(job: Job) -> bool:
    """Nothing is left to be done for the log; False when it waits for nothing more."""
    actions = [JobItem.log_compacted.set(True), *due_queue.leave()]
    return _move(job.key, actions, _waits_for_compaction(job.key)) is not None


def _waits_for_compaction(key: JobKey) -> Condition:
    return JobItem.due_queue == due_queue.LOG.queue(_due_key(key))


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


def due(kind: due_queue.Kind, until: datetime, limit: int) -> list[due_queue.Entry]:
    """Jobs of the kind whose time comes until then, at most `limit` a shard: `QUEUED`, `CLAIMED`
    or `LOG`. Milliseconds late on AWS."""
    return due_queue.found(PartitionItem.due_index, kind, until, limit)


def logs_given_up(since: datetime, limit: int) -> list[due_queue.Entry]:
    """The logs that were given up since then, the latest first; one query."""
    return due_queue.latest(PartitionItem.due_index, due_queue.GIVEN_UP_LOG, since, limit)


def key_of(entry: due_queue.Entry) -> JobKey:
    """The job that an entry stands on."""
    return parse_job_sort_key(*entry.key)
