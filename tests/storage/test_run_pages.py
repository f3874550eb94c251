"""What it costs to show runs, and that it shows what there is."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest
from msgspec.structs import replace

from chalicelib.dynamo import gates, job_pages, jobs, run_pages, runs, steps
from chalicelib.dynamo.job_pages import Filter
from chalicelib.dynamo.run_items import JobItem, PartitionItem, job_sort_key
from chalicelib.errors import BadParameter
from chalicelib.operations.runs.recount import recount
from chalicelib.operations.runs.retry import _from_first_unfinished, _steps
from chalicelib.runs.job import Ending, Job, JobKey, JobState
from chalicelib.runs.run import Progress, RunState, RunStep, at_end, at_step
from chalicelib.runs.run_page import RunPage, whole
from chalicelib.runs.run_summary import RetryWhat
from chalicelib.tasks.target import Targets
from chalicelib.tasks.task import Amount, Step
from tests.bench.product import Meter, metered
from tests.storage.test_runs import make

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
OK, BAD, LOST = JobState.SUCCEEDED, JobState.FAILED, JobState.LOST
RUNNING, QUEUED = JobState.RUNNING, JobState.QUEUED
WAITING, SKIPPED = JobState.WAITING, JobState.SKIPPED


@pytest.fixture
def meter() -> Iterator[Meter]:
    with metered() as counting:
        yield counting


def step(number: int, size: int, slots: int) -> RunStep:
    frozen = Step(number, f"step {number}", Targets(everybody=True), command="true")
    frozen = replace(frozen, max_parallel=Amount(slots), max_failures=Amount(size))
    agents = {f"{number}-{index:04d}": f"name {index}" for index in range(size)}
    return RunStep(frozen, size, None, agents)


def in_state(state: JobState | None, step: int | None = None) -> Filter:
    return Filter(step, frozenset({state} if state else ()))


def build(*states: list[JobState], run_id: str = "01R", later: int = 0) -> Progress:
    """A run in the store, with these jobs and as many that have not been written; `later` steps
    have not chosen their agents."""
    planned = [step(number, len(each), 10) for number, each in enumerate(states, 1)]
    unchosen = [RunStep(step(len(planned) + number, 0, 1).step) for number in range(1, later + 1)]
    found = [
        _job(run_id, of, index, state)
        for of, each in zip(planned, states, strict=True)
        for index, state in enumerate(each)
        if state is not WAITING
    ]
    run = replace(make(run_id), state=RunState.RUNNING, step_count=len(states) + later)
    everything = Progress(run, [*planned, *unchosen], found)
    begun = max((job.key.step for job in found), default=1)
    run = at_step(everything, begun)
    steps.freeze(run.id, everything.steps, run.expires_at)
    assert runs.create(at_step(everything, 1))
    assert begun == 1 or runs.begin_step(run)
    with PartitionItem.batch_write() as batch:
        for job in found:
            batch.save(_item(job))
    everything = replace(everything, run=run)
    recount(everything)
    return everything


def _job(run_id: str, of: RunStep, index: int, state: JobState) -> Job:
    started = None if state is QUEUED else NOW + timedelta(seconds=index)
    agent_id = of.roster[index]
    return Job(
        JobKey(run_id, of.number, agent_id),
        state,
        index,
        agent_name=of.agents[agent_id],
        queued_at=NOW,
        claimed_at=started,
        started_at=started,
        ended_at=NOW + timedelta(hours=1) if state.is_terminal else None,
    )


def _item(job: Job) -> JobItem:
    return JobItem(
        job.key.run_id,
        job_sort_key(job.key),
        agent_id=job.key.agent_id,
        agent_name=job.agent_name,
        state=job.state.value,
        index=job.index,
        lost_after_seconds=300,
        queued_at=job.queued_at,
        claimed_at=job.claimed_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
        failed_in=job.key.run_id if job.has_failed else None,
    )


def look(run_id: str = "01R") -> RunPage:
    page = run_pages.look(run_id)
    assert page is not None
    return page


def shown(page: RunPage) -> list[list[tuple[int, JobState]]]:
    return [[(job.index, job.state) for job in each.jobs] for each in page.steps]


# --- one run


@pytest.mark.usefixtures("backend")
def test_a_small_run_is_one_query(meter: Meter) -> None:
    progress = build([OK] * 2, [OK, BAD, RUNNING, QUEUED, WAITING], later=1)
    meter.take()
    page = look()
    assert (meter.take().reads, page) == (1, whole(progress))
    assert [job.agent_name for job in page.steps[1].jobs] == [f"name {n}" for n in range(5)]
    assert run_pages.look("01X") is None


@pytest.mark.usefixtures("backend")
def test_a_wide_run_shows_the_first_jobs_of_each_step_and_those_that_failed_before_them(
    meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_pages, "SEEN", 20)
    monkeypatch.setattr(run_pages, "FIRST", 9)
    first = [OK] * 14 + [LOST] + [OK] * 5
    second = [OK] * 10 + [BAD, RUNNING, QUEUED] + [WAITING] * 5
    progress = build(first, second, [WAITING] * 2, later=1)
    meter.take()
    page = look()
    assert meter.take().reads <= 5
    assert shown(page) == [
        [(14, LOST), (0, OK), (1, OK), (2, OK)],
        [(10, BAD), (0, OK), (1, OK), (2, OK)],
        [(0, WAITING), (1, WAITING)],
        [],
    ]
    results = [each.result for each in whole(progress).steps]
    assert [each.result for each in page.steps] == results
    assert (page.run, page.counted) == (progress.run, {OK: 10, BAD: 1})
    assert [each.omitted for each in page.steps] == [16, 14, 0, 0]


@pytest.mark.usefixtures("backend")
def test_many_failures_of_one_step_do_not_hide_those_of_an_earlier_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run_pages, "SEEN", 5)
    monkeypatch.setattr(run_pages, "FIRST", 4)
    build([BAD, OK, OK, BAD], [OK, RUNNING, *[BAD] * 6])
    assert shown(look()) == [
        [(0, BAD), (3, BAD), (1, OK)],
        [(4, BAD), (5, BAD), (6, BAD), (7, BAD), (0, OK), (1, RUNNING)],
    ]


@pytest.mark.usefixtures("backend")
def test_a_wide_run_that_has_ended_shows_what_its_jobs_came_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    progress = build([OK] * 30, [OK] * 20 + [BAD] * 2 + [WAITING] * 8, later=1)
    results = at_end(progress, RunState.FAILED)
    runs.end("01R", RunState.FAILED, "because", results, NOW)
    monkeypatch.setattr(run_pages, "SEEN", 10)
    page = look()
    assert [each.result for each in page.steps] == list(results)
    assert results[1].counts == {OK: 20, BAD: 2, SKIPPED: 8}


@pytest.mark.usefixtures("store")
def test_a_page_of_a_run_of_5000_jobs_is_five_reads(meter: Meter) -> None:
    wide = [OK] * 2_000 + [BAD] * 30 + [RUNNING] * 20 + [QUEUED] * 50 + [WAITING] * 2_800
    progress = build([OK], wide, [WAITING] * 99)
    meter.take()
    page = look()
    used = meter.take()
    assert used.reads <= 5
    assert used.read_units < 120, "1,250 for the whole partition"
    assert page.steps[1].result == whole(progress).steps[1].result
    assert [len(each.jobs) for each in page.steps] == [1, 63, 33]
    for wanted in [
        Filter(),
        Filter(2),
        Filter(3),
        *(in_state(state) for state in JobState),
    ]:
        cursor: str | None = None
        found: list[Job] = []
        while True:
            answer = job_pages.find("01R", wanted, 100, cursor)
            assert meter.take().reads <= 5, wanted
            assert answer is not None
            found += answer[0]
            cursor = answer[1]
            if cursor is None or len(found) >= 300:
                break
        assert found or wanted.states <= {
            JobState.CLAIMED, LOST, SKIPPED, JobState.TIMED_OUT, JobState.CANCELLED,
            JobState.UNDELIVERED,
        }, wanted  # fmt: skip


# --- the jobs of a run


def pages(wanted: Filter, limit: int) -> list[tuple[int, int, JobState]]:
    found: list[tuple[int, int, JobState]] = []
    cursor: str | None = None
    while True:
        page = job_pages.find("01R", wanted, limit, cursor)
        assert page is not None
        assert len(page[0]) <= limit
        found += [(job.key.step, job.index, job.state) for job in page[0]]
        cursor = page[1]
        if cursor is None:
            return found


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("limit", [1, 4, 100])
def test_jobs_are_found_by_step_and_state_page_by_page(limit: int) -> None:
    states = [
        [OK] * 5,
        [OK, BAD, OK, LOST, *[OK] * 6, SKIPPED, RUNNING, QUEUED, *[WAITING] * 3],
        [WAITING] * 2,
    ]
    build(*states)
    everything = [
        (number, index, state)
        for number, each in enumerate(states, 1)
        for index, state in enumerate(each)
    ]
    assert pages(Filter(), limit) == everything
    assert pages(Filter(2), limit) == [each for each in everything if each[0] == 2]
    assert pages(Filter(7), limit) == []
    for state in JobState:
        of_state = [each for each in everything if each[2] is state]
        assert pages(in_state(state), limit) == of_state
        assert pages(in_state(state, 2), limit) == [each for each in of_state if each[0] == 2]


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("state", [None, OK, BAD, WAITING])
def test_no_run_has_no_jobs_and_a_foreign_cursor_is_refused(state: JobState | None) -> None:
    assert job_pages.find("01X", in_state(state), 10, None) is None
    build([OK])
    for cursor in ("x", "1", "1.x", "1.-1", "9.1" + "0" * 99, "1-" + "a" * 99, "٣.1"):
        with pytest.raises(BadParameter):
            job_pages.find("01R", in_state(state), 10, cursor)


# --- counters


def park(ends: JobState | None) -> None:
    gates.park("01R", 1, 1, ends=ends, expires_at=NOW)


@pytest.mark.usefixtures("backend")
def test_a_job_is_counted_with_the_write_that_its_end_makes_anyhow() -> None:
    progress = build([RUNNING] * 3 + [WAITING] * 17)
    gates.pass_through("01R", 1, 1, failed=None, wants_successor=True, ends=OK, expires_at=NOW)
    gates.pass_through("01R", 1, 1, failed=2, wants_successor=False, ends=BAD, expires_at=NOW)
    park(ends=None)
    park(ends=OK)
    assert gates.counted([progress.run]) == {"01R": {OK: 2, BAD: 1}}
    assert gates.counted([replace(progress.run, state=RunState.FAILED)]) == {}


@pytest.mark.usefixtures("backend")
def test_counters_that_are_wrong_are_set_to_what_the_jobs_say() -> None:
    build([OK, BAD, RUNNING, RUNNING])
    for _ in range(2):  # one end, and its repetition
        park(ends=LOST)
    seen = runs.progress("01R")
    assert seen is not None
    recount(seen)
    assert gates.counted([seen.run]) == {"01R": {OK: 1, BAD: 1}}


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("moved", gates.ENDS)
def test_a_count_that_moved_meanwhile_is_left_alone(moved: JobState) -> None:
    build([OK, BAD, RUNNING, RUNNING])
    park(ends=LOST)
    seen = runs.progress("01R")
    assert seen is not None
    park(ends=moved)
    recount(seen)
    assert gates.counted([seen.run]) == {"01R": Counter([OK, BAD, LOST, moved])}


@pytest.mark.usefixtures("backend")
def test_a_step_begins_once_and_never_again() -> None:
    run = at_step(build([OK, OK], later=2), 2)
    assert runs.begin_step(run)
    assert not runs.begin_step(run)
    assert not runs.begin_step(replace(run, step=1, results=()))
    assert runs.get("01R") == run
    runs.stop(run.id, JobState.CANCELLED, "Cancelled by ann.")
    assert not runs.begin_step(replace(run, step=run.step + 1)), "what is stopped begins nothing"


@pytest.mark.usefixtures("backend")
def test_the_end_of_a_job_that_failed_makes_it_findable() -> None:
    build([WAITING])
    job = Job(JobKey("01R", 1, "1-0000"), QUEUED)
    jobs.put(job, NOW, NOW, NOW)
    assert pages(in_state(LOST), 10) == []
    jobs.end(job, Ending(LOST), None, NOW)
    assert pages(in_state(LOST), 10) == [(1, 0, LOST)]


# --- lists of runs


@pytest.mark.usefixtures("backend")
def test_what_a_list_of_active_runs_counts_is_a_call_for_fifty_of_them(meter: Meter) -> None:
    wide = [build([OK, RUNNING], run_id=f"01R{number}").run for number in range(3)]
    narrow = build([RUNNING], run_id="01S").run
    meter.take()
    assert gates.counted([*wide, narrow]) == {run.id: {OK: 1} for run in wide}
    assert meter.take().reads == 1
    gates.counted([replace(run, id=f"{run.id}{n}") for run in wide[:1] for n in range(100)])
    assert meter.take().reads == 2
    assert gates.counted([narrow]) == {}
    assert meter.take().reads == 0


# --- what looks at many jobs


@pytest.mark.usefixtures("backend")
def test_the_jobs_of_some_steps_are_read_without_the_others(meter: Meter) -> None:
    built = build([OK] * 30, [OK] * 12 + [BAD] * 2 + [WAITING] * 20, [OK, WAITING])
    head = run_pages.head("01R")
    assert head is not None
    meter.take()
    narrow = run_pages.with_jobs(head, 3, 3)
    assert meter.take().reads == 1
    assert [job.key.step for job in narrow.jobs] == [3]
    of_two = run_pages.with_jobs(head, 2, 2)
    used = meter.take()
    assert (used.reads, {job.key.step for job in of_two.jobs}) == (2, {2})
    assert list(of_two.jobs) == [job for job in built.jobs if job.key.step == 2]
    assert [len(each.agents) for each in of_two.steps] == [0, 34, 2]
    last = run_pages.with_jobs(head, 2, 3)
    assert {job.key.step for job in last.jobs} == {2, 3}
    assert [each.roster for each in last.steps[1:]] == [each.roster for each in built.steps[1:]]


@pytest.mark.usefixtures("backend")
def test_a_retry_reads_the_steps_from_the_first_one_that_is_not_done(meter: Meter) -> None:
    def head(run_id: str, *states: list[JobState]) -> Progress:
        built = build(*states, run_id=run_id)
        run = replace(built.run, state=RunState.FAILED)
        found = at_end(replace(built, run=run), RunState.FAILED)
        assert runs.end(run_id, RunState.FAILED, None, found, NOW)
        known = run_pages.head(run_id)
        assert known is not None
        meter.take()
        return known

    known = _from_first_unfinished(head("01R", [OK] * 5, [OK, BAD, OK], [WAITING]))
    assert meter.take().reads == 1
    assert [each.number for each in known.steps] == [2, 3]
    assert {job.key.step for job in known.jobs} == {2}
    assert [len(each.agents) for each in _steps(known, RetryWhat.FAILED_AGENTS)] == [1, 1]
    assert [len(each.agents) for each in _steps(known, RetryWhat.FAILED_STEP)] == [3, 1]
    done = _from_first_unfinished(head("01S", [OK] * 2, [OK]))
    assert (meter.take().reads, _steps(done, RetryWhat.FAILED_STEP)) == (0, [])


@pytest.mark.usefixtures("backend")
def test_jobs_that_agents_have_had_are_paged_over_steps(
    meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_pages, "BEGUN", 4)
    build([OK] * 3 + [QUEUED] * 4, [RUNNING, BAD])
    seen: list[tuple[int, int]] = []
    sizes, cursor = [], None
    meter.take()
    while True:
        page, cursor = job_pages.begun("01R", None, cursor)
        assert meter.take().reads == 1
        seen += [(job.key.step, job.index) for job in page]
        sizes.append(len(page))
        if cursor is None:
            break
    assert (seen, sizes) == ([(1, 0), (1, 1), (1, 2), (2, 0), (2, 1)], [3, 1, 1])
    assert [job.key.step for job in job_pages.begun("01R", 2, None)[0]] == [2, 2]
    for wrong in ("x", "1-1-0002"):
        with pytest.raises(BadParameter):
            job_pages.begun("01R", 2, wrong)
    assert job_pages.begun("01X", None, None) == ([], None)
