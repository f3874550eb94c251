"""Handing jobs to agents: a poll is one query of the inbox, and a conditional write per job."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.dynamo import jobs, runs
from chalicelib.job import ACTIVE, Job, JobState, report_deadline
from chalicelib.operations.advance import settle
from chalicelib.run import Run, RunState, RunStep

INBOX_AT_MOST = 1_000  # jobs looked at in one poll
LOST_REASON = "The agent no longer knows this job: its journal was lost, or the machine replaced."


@dataclass(frozen=True)
class Offer:
    """A job that the agent should run now."""

    job: Job
    step: RunStep


@dataclass(frozen=True)
class Work:
    """The answer to a poll. `cancels` are leases whose jobs should end."""

    offers: Sequence[Offer]
    cancels: Sequence[str]
    is_active: bool


def poll(
    agent_id: str,
    *,
    seq: int,
    capacity: int,
    held: frozenset[str],
    now: datetime,
    make_lease: Callable[[], str],
) -> Work:
    """What the agent should run and what it should end.

    A claimed job that the agent does not hold is handed out again: the answer was lost. A running
    one is lost. Neither is decided by a poll that is older than the one which claimed the job.
    """
    inbox = _look(jobs.inbox(agent_id, INBOX_AT_MOST), capacity, held)
    if not inbox:
        return Work((), (), is_active=False)
    forgotten = [job for job in inbox if _is_forgotten(job, held, seq)]
    for job in forgotten:
        if job.state is JobState.RUNNING:
            _lose(job, now)
    wanted = [job for job in forgotten if job.state is JobState.CLAIMED]
    wanted += [job for job in inbox if job.state is JobState.QUEUED]
    return Work(
        offers=_offer(wanted[: max(0, capacity)], seq, now, make_lease),
        cancels=[job.lease for job in inbox if job.cancel_requested and job.lease in held],
        is_active=True,
    )


def _look(inbox: Iterator[Job], capacity: int, held: frozenset[str]) -> list[Job]:
    """The inbox up to where there is enough to do and everything that the agent holds was seen."""
    found: list[Job] = []
    queued, unseen = 0, set(held)
    for job in inbox:
        found.append(job)
        queued += job.state is JobState.QUEUED
        unseen.discard(job.lease or "")
        if len(found) >= jobs.INBOX_PAGE and queued >= capacity and not unseen:
            break
    return found


def _is_forgotten(job: Job, held: frozenset[str], seq: int) -> bool:
    return job.state in ACTIVE and job.lease not in held and job.poll_seq < seq


def _lose(job: Job, now: datetime) -> None:
    ended = jobs.end_active(job, jobs.Ending(JobState.LOST, reason=LOST_REASON), now)
    if ended is not None:
        settle(ended, now)


def _offer(
    wanted: Sequence[Job], seq: int, now: datetime, make_lease: Callable[[], str]
) -> list[Offer]:
    found = runs.get_with_steps((job.key.run_id, job.key.step) for job in wanted)
    offers = []
    for job in wanted:
        context = found.get((job.key.run_id, job.key.step))
        if context is None:
            continue
        run, step = context
        claimed = _claim(job, run, seq, now, make_lease)
        if claimed is not None:
            offers.append(Offer(claimed, step))
    return offers


def _claim(
    job: Job, run: Run, seq: int, now: datetime, make_lease: Callable[[], str]
) -> Job | None:
    if run.stop is not None or run.state.is_terminal:
        _refuse(job, run, now)
        return None
    if job.state is JobState.CLAIMED:
        return jobs.hand_out_again(job, seq)
    deadline = report_deadline(now, job.timeout_seconds)
    claimed = jobs.claim(job.key, make_lease(), seq, now, deadline)
    if claimed is not None and run.state is RunState.QUEUED:
        runs.start(run.id, now)
    return claimed


def _refuse(job: Job, run: Run, now: datetime) -> None:
    """A stop came between the planner's look at the run and its jobs: nothing starts any more."""
    ending = jobs.Ending(run.stop or JobState.CANCELLED, reason=run.stop_reason)
    ended = (
        jobs.end_queued(job.key, ending, now)
        if job.state is JobState.QUEUED
        else jobs.end_active(job, ending, now)
    )
    if ended is not None:
        settle(ended, now)
