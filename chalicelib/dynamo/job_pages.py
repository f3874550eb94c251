"""The jobs of a run, a page at a time: five reads at most, whatever is asked for. A page may be
short or empty while its cursor leads on."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec

from chalicelib.dynamo import jobs, run_pages, runs
from chalicelib.dynamo.run_items import JobItem, job_sort_key, jobs_sort_key, parse_job_sort_key
from chalicelib.dynamo.run_pages import Place
from chalicelib.errors import BadParameter
from chalicelib.runs.job import Job, JobKey, JobState
from chalicelib.runs.run import Progress

UNWRITTEN = frozenset({JobState.WAITING, JobState.SKIPPED})  # states of jobs that may have no item
FAILED = frozenset(
    state for state in JobState if state.is_terminal and state is not JobState.SUCCEEDED
) - {JobState.SKIPPED}
ROUNDS = 2  # of so many places, where jobs may have no item
PLACES = 100
CALLS = 4  # of the filtered queries
LOOKED_AT = 1_500  # jobs in one of them
BEGUN = 100  # jobs in a page of those that agents have had

Page = tuple[list[Job], str | None]


class Filter(msgspec.Struct, frozen=True):
    """What jobs must be; None does not matter, and neither do no `states`."""

    step: int | None = None
    states: frozenset[JobState] = frozenset()


def find(run_id: str, wanted: Filter, limit: int, cursor: str | None) -> Page | None:
    """A page of jobs, in the order of steps; within one in the order of the roster, or, if only
    states that are always stored are asked for, of the agents' ids. None when there is no such run.

    Raises BadParameter for a cursor that is none.
    """
    if not wanted.states or wanted.states & UNWRITTEN:
        return _in_places(run_id, wanted, limit, cursor)
    page = _stored(run_id, wanted.step, wanted.states, limit, cursor)
    return page if page[0] or cursor or runs.get(run_id) is not None else None


def begun(run_id: str, step: int | None, cursor: str | None) -> Page:
    """A page of the jobs that agents have had, in the order of steps and of the agents' ids, from
    the one that the cursor names on: one read of so many jobs. Raises BadParameter."""
    prefix = jobs_sort_key(step)
    first = prefix if cursor is None else job_sort_key(_key(run_id, cursor))
    if not first.startswith(prefix):
        raise BadParameter("The cursor is not one that this list has answered.")
    items = JobItem.query(run_id, JobItem.item.between(first, prefix + "~"), limit=BEGUN + 1)
    found = [jobs.value(item) for item in items]
    following = found[BEGUN].key.job_id if len(found) > BEGUN else None
    return [job for job in found[:BEGUN] if job.claimed_at is not None], following


# --- by place, where jobs may have no item


def _in_places(run_id: str, wanted: Filter, limit: int, cursor: str | None) -> Page | None:
    begin = _parse(cursor)
    known = run_pages.head(run_id)
    if known is None:
        return None
    places = _places(known, wanted.step, begin)
    found: list[Job] = []
    for _ in range(ROUNDS):
        batch = list(islice(places, PLACES if wanted.states else limit))
        for place, job in zip(batch, run_pages.at(known.run, batch), strict=True):
            if len(found) == limit:
                return found, _cursor(place)
            if not wanted.states or job.state in wanted.states:
                found.append(job)
        if len(found) == limit:
            break
    following = next(places, None)
    return found, None if following is None else _cursor(following)


def _places(known: Progress, number: int | None, begin: tuple[int, int]) -> Iterator[Place]:
    for step in known.steps:
        if number in (None, step.number) and step.number >= begin[0]:
            first = begin[1] if step.number == begin[0] else 0
            yield from ((step, index) for index in range(first, step.size or 0))


def _cursor(place: Place) -> str:
    return f"{place[0].number}.{place[1]}"


def _parse(cursor: str | None) -> tuple[int, int]:
    step, dot, index = (cursor or "0.0").partition(".")
    if not (dot and all(each.isascii() and each.isdigit() for each in (step, index))):
        raise BadParameter("The cursor is not one that a list has answered.")
    if len(step) > 4 or len(index) > 9:
        raise BadParameter("The cursor is not one that a list has answered.")
    return int(step), int(index)


# --- by state, where all have one


def _stored(
    run_id: str, step: int | None, states: frozenset[JobState], limit: int, cursor: str | None
) -> Page:
    prefix = jobs_sort_key(step)
    after = prefix if cursor is None else _after(run_id, cursor)
    if not after.startswith(prefix):
        raise BadParameter("The cursor is not one that this list has answered.")
    query = JobItem.failed_jobs.query if states <= FAILED else JobItem.query
    results: Any = query(
        run_id,
        JobItem.item.between(after, prefix + "~"),
        filter_condition=JobItem.state.is_in(*sorted(state.value for state in states)),
        page_size=2 * limit,
    )
    found: list[Job] = []
    for answer in islice(results.page_iter, CALLS):
        found += [jobs.value(JobItem.from_raw_data(raw)) for raw in answer["Items"]]
        if len(found) > limit:
            return found[:limit], found[limit - 1].key.job_id
        results.page_iter.page_size = LOOKED_AT
    last = results.page_iter.last_evaluated_key
    return found, None if last is None else _job_id(run_id, last["item"]["S"])


def _after(run_id: str, cursor: str) -> str:
    return job_sort_key(_key(run_id, cursor)) + "\x00"


def _key(run_id: str, cursor: str) -> JobKey:
    key = JobKey.parse(run_id, cursor)
    if key is None or len(cursor) > 64:
        raise BadParameter("The cursor is not one that a list has answered.")
    return key


def _job_id(run_id: str, item: str) -> str:
    return parse_job_sort_key(run_id, item).job_id
