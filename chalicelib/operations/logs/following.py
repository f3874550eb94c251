"""Following a log that still grows: its agent ships each second while somebody does, and an answer
may wait for what comes next."""

from collections.abc import Callable
from datetime import datetime

import msgspec

from chalicelib.dynamo import jobs
from chalicelib.logs.log import FOLLOWED_FOR, LogState, Position, Stream
from chalicelib.operations.logs.logs import LogPage, job_of, read
from chalicelib.runs.job import ACTIVE, Job
from chalicelib.sqs import doorbells

LOOKS_PER_JOB = 7  # between looks at the job, so that its end is known within a second
GROWS = (LogState.STREAMING, LogState.SHIPPING)


class Patience(msgspec.Struct, frozen=True):
    """How long a reader waits: whether that is over, what it does between two looks, and its
    clock."""

    is_over: Callable[[], bool]
    pause: Callable[[], None]
    now: Callable[[], datetime]


def follow(job: Job, now: datetime) -> None:
    """Lets the agent know that somebody reads a log that still grows: it ships each second then.

    One write in ten seconds, however many read.
    """
    is_known = job.followed_until is not None and job.followed_until > now + FOLLOWED_FOR / 3
    if job.state in ACTIVE and not is_known and jobs.note_follower(job.key, now + FOLLOWED_FOR):
        doorbells.ring(job.key.agent_id)


def wait_for_more(job: Job, position: Position, stream: Stream | None, how: Patience) -> LogPage:
    """The page from `position` on, as soon as there is anything on it, the log grows no more, or
    the reader's patience is over."""
    looks = 0
    while True:
        page = read(job, position, stream, how.now())
        if page.records or page.state not in GROWS or how.is_over():
            return page
        # What was passed over was of another stream: it needs no second look.
        position = page.next
        how.pause()
        looks += 1
        # S3 says nothing of a job's end. A log that is shipping is of one that has ended already.
        if looks % LOOKS_PER_JOB == 0 and page.state is LogState.STREAMING:
            job = job_of(job.key, job.attempt)
            follow(job, how.now())
