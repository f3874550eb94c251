"""The sweeper: finds what went silent, what is overdue and what a killed handler left undone.

Runs every minute on AWS and every few seconds on the local stack. It claims what it looks at, each
of its writes is conditional, and any number of sweepers may run at once.
"""

import logging
from collections import Counter
from datetime import datetime, timedelta
from functools import partial

import msgspec

from chalicelib.access.scope import together
from chalicelib.agents.agent import Presence
from chalicelib.dynamo import due, jobs, presences, run_pages, runs, sweeps
from chalicelib.dynamo.due import Entry
from chalicelib.operations.runs import secret_values
from chalicelib.operations.runs.advance import advance, replace_earlier
from chalicelib.operations.runs.ending import context_of, end_job
from chalicelib.operations.shift import Shift, try_once
from chalicelib.runs.job import LAST_PATIENCE, Ending, Job, JobState
from chalicelib.runs.run import Run, RunState
from chalicelib.settings import settings
from chalicelib.sqs import doorbells

AT_ONCE = 50  # read with one query: of each shard, so that no kind keeps another waiting
UNDELIVERED_REASON = "The agent is offline, or did not fetch the job in time."
OVERDUE_REASON = "The time-out passed, and the agent did not report the end."
NOT_ENDED_REASON = "The agent was asked to end it, and has not said that it did."
GIVEN_UP_REASON = "Given up by the sweeper: {}."
RING_AHEAD = timedelta(seconds=75)  # of a job's deadline, so that a sweep falls into that time
WATCH_GAP = timedelta(minutes=3)  # without a sweep for so long nobody was watching

log = logging.getLogger("plumber.sweep")


class Swept(msgspec.Struct, frozen=True):
    """What a sweep has done, for the log."""

    went_offline: int = 0
    ended: int = 0
    checked: int = 0


def sweep(shift: Shift) -> Swept:
    """Until nothing is due or the shift is over. A fault of one agent, run or job is logged and
    leaves it to a later sweep, which comes the later the more often it failed.

    Agents that have not fetched a job are rung once more before it is too late: a ring may be lost.
    """
    watching_since = sweeps.watch(shift.read(), WATCH_GAP)
    offline = shift.side_by_side(_mark_offline, presences.silent(shift.read()))
    done = Counter(shift.work(_Finder(), partial(_see_to, watching_since)))
    return Swept(sum(offline), done["ended"], done["checked"])


class _Finder:
    """What is due; rings, once each, the agents of jobs that soon will be."""

    def __init__(self) -> None:
        self._rung: set[str] = set()

    def __call__(self, now: datetime) -> list[Entry]:
        # One query shows what was not fetched in time and what may not be: the oldest come first.
        queued = jobs.due(due.QUEUED, now + RING_AHEAD, AT_ONCE)
        soon = {jobs.key_of(entry).agent_id for entry in queued if entry.at > now}
        doorbells.ring(*soon - self._rung)
        self._rung |= soon
        overdue = [entry for entry in queued if entry.at <= now]
        return [*overdue, *jobs.due(due.CLAIMED, now, AT_ONCE), *runs.due(now, AT_ONCE)]


def _mark_offline(presence: Presence, _: datetime) -> bool:
    return presences.mark_offline(presence)


def _see_to(watching_since: datetime, entry: Entry, now: datetime) -> str:
    """One that is due, if nobody else does: a run or a job. Whatever the index said, its claim
    answers what is; answers what was done, for the count."""
    if entry.kind == due.RUN:
        return "checked" if _check_run(entry, now) else ""
    return "ended" if _look_at_job(entry, watching_since, now) else ""


def _look_at_job(entry: Entry, watching_since: datetime, now: datetime) -> bool:
    """Ends the job when it is overdue; whether it did."""
    job = jobs.claim_due(entry, now)
    if job is None:
        return False
    return try_once(
        f"The job {job.key.job_id} of {job.key.run_id}",
        job.due_tries,
        lambda _: entry.kind.patience.tries,
        lambda: _judge(job, watching_since, now),
        lambda problem: _give_up_job(job, problem, now),
    )


def _judge(job: Job, watching_since: datetime, now: datetime) -> bool:
    if job.state is JobState.QUEUED:
        _doubt(job.key.agent_id, now)
        return _end(job, Ending(JobState.UNDELIVERED, reason=UNDELIVERED_REASON), now)
    if job.give_up_at is not None and job.give_up_at <= now:
        ran_ms = job.ran_ms(now)
        ending = Ending(JobState.TIMED_OUT, reason=OVERDUE_REASON, duration_ms=ran_ms)
        return _end(job, ending, now)
    return _look_at_agent(job, watching_since, now)


def _doubt(agent_id: str, now: datetime) -> None:
    """An idle agent beats seldom. One that did not come when it was rung is offline at once."""
    try:
        presence = presences.get_many([agent_id]).get(agent_id)
        ttl = timedelta(seconds=settings.ttl_seconds)
        if presence is not None and presence.online and now - presence.last_seen_at > ttl:
            presences.mark_offline(presence)
    except Exception:  # the job has to end, whatever is known of its agent
        log.exception("The sweep left out %s", agent_id)


def _look_at_agent(job: Job, watching_since: datetime, now: datetime) -> bool:
    """Loses the job of an agent that was silent for too long, or that is there and has not ended it
    when it was asked to; else looks again later.

    Silence while nobody was watching proves nothing: the control plane may have been away.
    """
    presence = presences.get_many([job.key.agent_id]).get(job.key.agent_id)
    if job.stop_by is not None and presence is not None and presence.last_seen_at > job.stop_by:
        if not job.stop_told:
            jobs.allow_to_end(job, now + LAST_PATIENCE)
            return False
        ending = Ending(JobState.LOST, reason=NOT_ENDED_REASON, duration_ms=job.ran_ms(now))
        return _end(job, ending, now)
    heard_at = max(watching_since, presence.last_seen_at if presence else watching_since)
    lost_at = heard_at + timedelta(seconds=job.lost_after_seconds)
    if lost_at <= now:
        known_at = presence.last_seen_at if presence else heard_at
        reason = f"Nothing was heard of the agent for {job.lost_after_seconds:g} s."
        ending = Ending(JobState.LOST, reason=reason, duration_ms=job.ran_ms(known_at))
        return _end(job, ending, now)
    due = [lost_at, *([job.give_up_at] if job.give_up_at is not None else [])]
    if job.stop_by is not None:  # its agent is still to be heard of after it
        due.append(max(job.stop_by, now) + timedelta(seconds=settings.ttl_seconds))
    jobs.look_again(job, min(due))
    return False


def _end(job: Job, ending: Ending, now: datetime) -> bool:
    context = context_of(job)
    return context is not None and end_job(context, job, ending, jobs.end, now) is not None


def _give_up_job(job: Job, problem: str, now: datetime) -> bool:
    """Ends it by itself, and nothing else with it: that its slot is passed on, and its step is
    over, is seen with the next look at the run."""
    state = JobState.UNDELIVERED if job.state is JobState.QUEUED else JobState.LOST
    ending = Ending(state, reason=GIVEN_UP_REASON.format(problem))
    return jobs.end(job, ending, None, now) is not None


def _check_run(entry: Entry, now: datetime) -> bool:
    run = runs.claim_due(entry, now)
    if run is None:
        return False
    claimed = entry.claimed(now)
    return try_once(
        f"The run {run.id}",
        claimed.tries,
        lambda _: entry.kind.patience.tries,
        lambda: _bring_on(run, claimed, now),
        lambda problem: _give_up_run(run, problem, now),
    )


def _bring_on(run: Run, claimed: Entry, now: datetime) -> bool:
    if _is_out_of_time(run, now):
        runs.stop(run.id, JobState.TIMED_OUT, "The run's time-out passed.")
    after = advance(run.id, now)
    if after is not None and not after.state.is_terminal:
        replace_earlier(after, now)
        runs.check_later(after, claimed, now)
    return True


def _is_out_of_time(run: Run, now: datetime) -> bool:
    return run.jobs_become is None and run.timeout_at is not None and run.timeout_at <= now


def _give_up_run(run: Run, problem: str, now: datetime) -> bool:
    """Stopped first, so that agents start nothing more of it; then it has failed. Jobs that go on
    end as they do."""
    reason = GIVEN_UP_REASON.format(problem)
    runs.stop(run.id, JobState.CANCELLED, reason)
    secret_values.forget(run, now)
    head = run_pages.head(run.id)
    if head is None:
        return False
    ended = runs.end(
        run.id,
        RunState.FAILED,
        reason,
        run.results,
        now,
        stop=head.run.jobs_become,  # by us, or by others before
        reach=together(step.reach for step in head.steps),
    )
    return ended is not None
