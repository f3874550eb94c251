"""Handing jobs to agents: a poll is one query of the inbox, and a conditional write per job."""

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from math import ceil

import msgspec

from chalicelib.dynamo import contexts, jobs, runs
from chalicelib.kms.data_keys import KeyAway, KeyProblem
from chalicelib.operations.runs import secret_values
from chalicelib.operations.runs.ending import end_job, end_unstarted
from chalicelib.runs.context import Context
from chalicelib.runs.job import ACTIVE, Ending, Job, JobState, deadlines
from chalicelib.runs.offer import PROTOCOL, Offer, not_understood, offer
from chalicelib.runs.planner import SKIP_REASON
from chalicelib.runs.run import RunState

INBOX_AT_MOST = 1_000  # jobs looked at in one poll
LEFT_MS = 500  # until who got less than it can take polls for what is left
ROUNDS = 2  # so that jobs which wait for their secrets keep no others from the agent
CANCEL_REASON = "It was cancelled before it began."
LOST_REASON = "The agent no longer knows this job: its journal was lost, or the machine replaced."

log = logging.getLogger("plumber.dispatch")


class Work(msgspec.Struct, frozen=True):
    """The answer to a poll. `cancels` are leases whose jobs should end, `followed` those whose
    output somebody waits for."""

    offers: Sequence[tuple[Job, Offer]]
    cancels: Sequence[str]
    followed: Sequence[str]
    is_active: bool
    due_in_ms: int | None = None  # when the first of the retries that wait may start


def poll(
    agent_id: str,
    *,
    instance: str,
    seq: int,
    capacity: int,
    held: frozenset[str],
    protocol: int,
    now: datetime,
    make_lease: Callable[[], str],
) -> Work:
    """What the agent should run and what it should end.

    `protocol` is the newest one that the agent knows. To one that is too old nothing is offered: it
    would run the job wrongly, or not notice. What it would have got ends, and says why.
    A claimed job that the agent does not hold is handed out again: the answer was lost. A running
    one is lost, and one that another instance claimed, which may have started it. None of it is
    decided by a poll that is older than the one which claimed the job: of another instance there is
    none, once this one has its seat.
    """
    inbox = _look(jobs.inbox(agent_id, INBOX_AT_MOST), capacity, held, now)
    if not inbox:
        return Work((), (), (), is_active=False)
    forgotten = [job for job in inbox if _is_forgotten(job, held, instance, seq)]
    again = [job for job in forgotten if job.state is JobState.CLAIMED and job.instance == instance]
    for job in forgotten:
        if job not in again:
            _lose(job, now)
    if not capacity:  # nothing is claimed, so this is the only place that can end them
        for job in again:
            if job.becomes is not None:
                _end_as_seen(job, Ending(job.becomes, reason=CANCEL_REASON), now)
    wanted = list(again)
    wanted += [job for job in inbox if _is_due(job, now)]
    if protocol < PROTOCOL:
        for job in wanted[:capacity]:
            _refuse(job, protocol, now)
        wanted = []
    claim = partial(_claim, instance=instance, seq=seq, now=now, make_lease=make_lease)
    offers, is_left = _offer(wanted, capacity, claim, now)
    due_in_ms = LEFT_MS if is_left and len(offers) < capacity else _due_in_ms(inbox, now)
    return Work(
        offers=offers,
        cancels=[job.lease for job in inbox if job.stop_requested and job.lease in held],
        followed=[job.lease for job in inbox if job.lease in held and _is_followed(job, now)],
        is_active=True,
        due_in_ms=due_in_ms,
    )


def _look(inbox: Iterator[Job], capacity: int, held: frozenset[str], now: datetime) -> list[Job]:
    """The inbox up to where there is enough to do and everything that the agent holds was seen."""
    found: list[Job] = []
    due, unseen = 0, set(held)
    for job in inbox:
        found.append(job)
        due += _is_due(job, now)
        unseen.discard(job.lease or "")
        if len(found) >= jobs.INBOX_PAGE and due >= capacity and not unseen:
            break
    return found


def _is_followed(job: Job, now: datetime) -> bool:
    return job.followed_until is not None and job.followed_until > now


def _is_due(job: Job, now: datetime) -> bool:
    return job.state is JobState.QUEUED and (job.not_before is None or job.not_before <= now)


def _due_in_ms(inbox: Sequence[Job], now: datetime) -> int | None:
    waiting = [job.not_before for job in inbox if job.state is JobState.QUEUED and job.not_before]
    later = [instant for instant in waiting if instant > now]
    return ceil((min(later) - now) / timedelta(milliseconds=1)) if later else None


def _is_forgotten(job: Job, held: frozenset[str], instance: str, seq: int) -> bool:
    is_newer = job.poll_seq < seq or job.instance != instance
    return job.state in ACTIVE and job.lease not in held and is_newer


def _lose(job: Job, now: datetime) -> None:
    _end_as_seen(job, Ending(JobState.LOST, reason=LOST_REASON), now)


def _refuse(job: Job, protocol: int, now: datetime) -> None:
    state = JobState.UNDELIVERED if job.state is JobState.QUEUED else JobState.FAILED
    _end_as_seen(job, Ending(state, reason=not_understood(protocol)), now)


def _end_as_seen(seen: Job, ending: Ending, now: datetime) -> None:
    """Read afresh: the inbox may show a job that has just ended, and its failure must not be noted
    at the gate."""
    found = contexts.job_with_context(seen.key)
    if found is None:
        return
    job, context = found
    is_same = (job.state, job.lease, job.poll_seq) == (seen.state, seen.lease, seen.poll_seq)
    if is_same:
        end_job(context, job, ending, jobs.end, now)


def _offer(
    wanted: Sequence[Job], capacity: int, claim: Callable[[Job], Job | None], now: datetime
) -> tuple[list[tuple[Job, Offer]], bool]:
    """What the agent gets, and whether more is wanted than was claimed.

    Claims first and looks at the runs then: a stop or a closed gate that came before the claim is
    seen, and whoever stops a run afterwards sees the claim.
    """
    offers: list[tuple[Job, Offer]] = []
    left, is_key_away = list(wanted), False
    for _ in range(ROUNDS):
        claimed: list[Job] = []
        while left and len(claimed) < capacity - len(offers):
            if (taken := claim(left.pop(0))) is not None:
                claimed.append(taken)
        around = contexts.of_jobs(claimed)
        for job in claimed:
            context = around.get(job.key)
            if context is None:
                continue
            if _may_start(context, job, now) and not (is_key_away and context.run.secrets):
                try:
                    offers += _made_offer(context, job, now)
                except KeyAway as problem:
                    # A call that hangs takes seconds: who does not answer for one job is not asked
                    # for the next. The jobs wait for a later poll, which does not name them.
                    log.warning("Jobs wait for their secrets: %s", problem)
                    is_key_away = True
            if context.run.state is RunState.QUEUED:
                runs.start(context.run.id, now)
        if not is_key_away:
            break
    return offers, is_key_away or bool(left)


def _made_offer(context: Context, job: Job, now: datetime) -> list[tuple[Job, Offer]]:
    """Nothing where the run's secrets cannot be read: the job ends, and says why. Raises KeyAway
    where that may pass."""
    try:
        secrets = secret_values.opened(context.run)
    except KeyAway:
        raise
    except KeyProblem as problem:
        end_job(context, job, Ending(JobState.FAILED, reason=problem.message), jobs.end, now)
        return []
    return [(job, offer(job, context.step.step, context.run.parameters, secrets))]


def _claim(
    job: Job, *, instance: str, seq: int, now: datetime, make_lease: Callable[[], str]
) -> Job | None:
    if job.state is JobState.CLAIMED:
        return jobs.hand_out_again(job, seq, deadlines(job, now, now))
    return jobs.claim(job.key, make_lease(), seq, now, deadlines(job, now, now), instance)


def _may_start(context: Context, job: Job, now: datetime) -> bool:
    """Ends a job that was cancelled, whose run was stopped, or whose wave has failed too often."""
    run = context.run
    if job.becomes is not None and run.jobs_become is None:
        end_job(context, job, Ending(job.becomes, reason=CANCEL_REASON), jobs.end, now)
        return False
    if run.jobs_become is not None or run.state.is_terminal:
        ending = Ending(run.jobs_become or JobState.CANCELLED, reason=run.stop_reason)
    elif context.is_closed:
        ending = Ending(JobState.SKIPPED, reason=SKIP_REASON)
    else:
        return True
    end_unstarted(context, job, ending, now)
    return False
