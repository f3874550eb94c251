"""Who has seen a job as it was changes nothing of what it is now: each clause by itself."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.dynamo import jobs
from chalicelib.runs.job import Deadlines, Ending, Job, JobState
from tests.storage.test_jobs import KEY, LATER, NOW, SOON, SUCCESS, claim, queue, stored

pytestmark = pytest.mark.usefixtures("backend")

FAILED, LOST = Ending(JobState.FAILED, exit_code=1), Ending(JobState.LOST)
MUCH_LATER = LATER + timedelta(minutes=1)


def tried_again() -> tuple[Job, Job]:
    """The job as it was put and as it was claimed first; by now its second attempt is queued."""
    put = queue()
    claimed = claim()
    assert jobs.retry(claimed, FAILED, NOW, LATER, NOW) is not None
    return put, claimed


def test_a_claim_of_an_earlier_attempt_is_not_handed_out_again() -> None:
    _, first = tried_again()
    second = claim("new", 2)
    assert jobs.hand_out_again(first, 9, SOON) is None
    assert stored() == second


def test_only_the_holder_of_an_active_job_moves_the_time_of_giving_up() -> None:
    queue()
    jobs.claim(KEY, "lease", 1, NOW, Deadlines(LATER, LATER))
    assert jobs.extend(KEY, "other", MUCH_LATER) is None
    assert stored().give_up_at == LATER
    ended = jobs.finish(stored(), SUCCESS, None, NOW)
    assert jobs.extend(KEY, "lease", MUCH_LATER) is None
    assert stored() == ended


def test_a_later_attempt_is_not_ended_by_who_saw_an_earlier_one() -> None:
    put, first = tried_again()
    assert jobs.end(put, Ending(JobState.UNDELIVERED), None, NOW) is None
    claim("new", 1)
    assert jobs.end(first, LOST, None, NOW) is None
    assert (stored().state, stored().attempt) == (JobState.CLAIMED, 2)


def test_a_job_is_not_ended_by_who_saw_another_lease_or_an_older_poll() -> None:
    queue()
    seen = claim(seq=1)
    assert jobs.end(replace(seen, lease="other"), LOST, None, NOW) is None
    assert jobs.hand_out_again(seen, 2, SOON) is not None
    assert jobs.end(seen, LOST, None, NOW) is None
    assert jobs.end(stored(), LOST, None, NOW) is not None


def test_a_later_attempt_is_not_tried_again_by_who_saw_an_earlier_one() -> None:
    put, _ = tried_again()
    assert jobs.retry(put, FAILED, NOW, LATER, NOW) is None
    assert stored().attempt == 2


def test_a_job_that_has_ended_is_not_tried_again() -> None:
    queue()
    seen = claim()
    ended = jobs.finish(seen, SUCCESS, None, NOW)
    assert jobs.retry(seen, FAILED, NOW, LATER, NOW) is None
    assert stored() == ended
