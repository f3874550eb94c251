"""What is shown of a run, whether all of it is known or its head."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.runs.job import Job, JobState
from chalicelib.runs.run import Progress, RunState, RunStep, StepResult, at_end, at_step
from chalicelib.runs.run_page import (
    ROOM,
    Tally,
    cause,
    ended_in_step,
    first,
    has_failures,
    known_result,
    of_run,
    of_step,
    share,
    unwritten,
    whole,
)
from chalicelib.runs.wave import Gate
from chalicelib.tasks.task import Amount, Step, When
from tests.unit.test_plan import NOW, RUN, job, step

OK, BAD = JobState.SUCCEEDED, JobState.FAILED
ONE, TWO = step(1, "a", "b"), step(2, "a", "b", "c", "d")


def later(number: int, when: When = When.SUCCESS) -> RunStep:
    """A step that has not chosen its agents."""
    return RunStep(replace(Step(number, "later", ONE.step.targets, command="true"), when=when))


def test_the_total_is_unknown_until_all_steps_have_chosen_their_agents() -> None:
    steps = [step(1, "a", "b", "c", "d"), *(later(number) for number in range(2, 31))]
    run = at_step(Progress(replace(RUN, step_count=30), steps), 1)
    assert of_run(run, {}) == Tally(None, 4, 0, {})
    assert of_run(run, {OK: 3}) == Tally(None, 4, 2, {OK: 3}), "three quarters of one of 30 steps"


def test_what_came_before_a_step_is_kept_when_it_begins() -> None:
    jobs = (
        job(ONE, "a", OK, started_at=NOW, ended_at=NOW + timedelta(seconds=3)),
        job(ONE, "b", OK, started_at=NOW - timedelta(seconds=1), ended_at=NOW),
    )
    unwanted = later(2, When.FAILURE)
    three = step(3, "a", "b", "c", "d")
    progress = Progress(replace(RUN, step_count=3), [ONE, unwanted, three], jobs)
    run = at_step(progress, 3)
    assert (run.step, run.step_size, run.size) == (3, 4, None)
    assert run.results == (
        StepResult(OK, {OK: 2}, NOW - timedelta(seconds=1), NOW + timedelta(seconds=3)),
        StepResult(JobState.SKIPPED, {}),
    )
    assert of_run(run, {OK: 1, BAD: 1}) == Tally(None, 6, 83, {OK: 3, BAD: 1}, 2)


def test_a_run_that_has_ended_is_all_of_the_way() -> None:
    progress = Progress(RUN, [ONE, TWO], [job(ONE, "a", OK), job(ONE, "b", BAD)])
    results = at_end(progress, RunState.FAILED)
    assert [(each.state, dict(each.counts)) for each in results] == [
        (BAD, {OK: 1, BAD: 1}), (JobState.SKIPPED, {JobState.SKIPPED: 4}),
    ]  # fmt: skip
    ended = replace(RUN, state=RunState.FAILED, results=results)
    assert of_run(ended, {OK: 7}) == Tally(6, 6, 100, {OK: 1, BAD: 1, JobState.SKIPPED: 4}, 2)


def test_more_ends_than_jobs_are_less_than_all_of_the_way() -> None:
    found = StepResult(JobState.RUNNING, {OK: 5})
    assert of_step(TWO, found).percent == 99
    assert of_run(replace(RUN, step_size=4, step_count=1), {OK: 5}).percent == 99


@pytest.mark.parametrize(
    "widths",
    [(4,) * 30, (1, 100), (100, 1), (1,), (3, 0, 3), (1,) * 100],
    ids=["as-tried", "growing", "shrinking", "one", "with-nobody", "many"],
)
def test_the_part_that_is_behind_only_grows_and_is_whole_at_the_end_alone(
    widths: tuple[int, ...],
) -> None:
    """A step's agents are known when it begins, as with labels."""
    run = replace(RUN, step_count=len(widths))
    seen, known = [of_run(run, {})], [later(number) for number in range(1, len(widths) + 1)]
    jobs: list[Job] = []
    for position, width in enumerate(widths):
        known[position] = step(position + 1, *(f"agent-{each}" for each in range(width)))
        for agent in known[position].agents:
            run = at_step(Progress(run, known, jobs), position + 1)
            seen.append(of_run(run, ended_in_step(Progress(run, known, jobs))))
            jobs.append(job(known[position], agent, OK, ended_at=NOW))
        seen.append(of_run(run, ended_in_step(Progress(run, known, jobs))))
    percents = [each.percent for each in seen]
    assert percents == sorted(percents)
    assert percents[-1] < 100
    assert [each.steps_ended for each in seen] == sorted(each.steps_ended for each in seen)
    results = at_end(Progress(run, known, jobs), RunState.SUCCEEDED)
    ended = of_run(replace(run, state=RunState.SUCCEEDED, results=results), {})
    everything = sum(widths)
    assert (ended.percent, ended.steps_ended) == (100, len(widths))
    assert ended.total == ended.known == ended.ended == everything


def test_the_head_says_what_all_jobs_would() -> None:
    """The counters are those that the ends of the jobs have left behind."""
    jobs = [
        *(job(ONE, agent, OK, ended_at=NOW) for agent in "ab"),
        job(TWO, "a", OK, started_at=NOW),
        job(TWO, "b", BAD),
        job(TWO, "c", JobState.RUNNING, claimed_at=NOW),
        job(TWO, "d", JobState.QUEUED),
    ]
    all_of_it = Progress(RUN, [ONE, TWO, later(3)], jobs)
    run = at_step(all_of_it, 2)
    head = Progress(run, all_of_it.steps, (), {(2, 1): Gate(ended={OK: 1, BAD: 1})})
    page = whole(replace(all_of_it, run=run))
    for shown in page.steps:
        assert known_result(head, shown.step, shown.jobs) == shown.result
    assert page.counted == ended_in_step(replace(all_of_it, run=run)) == {OK: 1, BAD: 1}


def test_where_there_is_no_room_for_all_those_that_failed_come_first() -> None:
    agents = [f"agent-{number:04d}" for number in range(ROOM)]
    steps = [step(1, *agents), step(2, *agents), later(3)]
    jobs = [job(steps[0], each, BAD if each.endswith("99") else OK) for each in agents]
    page = whole(Progress(RUN, steps, jobs))
    assert [len(each.jobs) for each in page.steps] == [150, 150, 0]
    assert [each.omitted for each in page.steps] == [150, 150, 0]
    assert [each.index for each in page.steps[0].jobs[:5]] == [99, 199, 299, 0, 1]
    assert share(steps, 1) == 1
    assert share(steps, ROOM) == 150
    assert share(steps[:1], ROOM) == ROOM
    assert share([later(3)], ROOM) == ROOM, "a run whose steps have not begun"


def test_what_has_not_ended_is_counted_by_state_however_much_is_shown() -> None:
    jobs = [
        job(TWO, "a", OK),
        job(TWO, "b", JobState.RUNNING),
        job(TWO, "c", JobState.QUEUED),
    ]
    page = whole(Progress(RUN, [ONE, TWO, later(3)], jobs))
    assert [each.open for each in page.steps] == [
        {JobState.WAITING: 2},
        {JobState.RUNNING: 1, JobState.QUEUED: 1, JobState.WAITING: 1},
        {},
    ]


def test_where_there_is_room_for_all_they_stay_in_their_order() -> None:
    jobs = [job(ONE, "a", OK), job(ONE, "b", BAD)]
    assert first(jobs, 2) == jobs
    assert first(jobs, 1) == [jobs[1]]


@pytest.mark.parametrize(
    ("state", "size", "ended", "percent"),
    [
        (JobState.WAITING, None, 0, 0),
        (JobState.RUNNING, 200, 0, 0),
        (JobState.RUNNING, 200, 199, 99),
        (JobState.RUNNING, 200, 200, 99),
        (BAD, 200, 1, 100),
    ],
)
def test_a_step_is_as_far_as_its_jobs_and_all_of_the_way_at_its_end(
    state: JobState, size: int | None, ended: int, percent: int
) -> None:
    it = RunStep(ONE.step, size)
    shown = of_step(it, StepResult(state, {OK: ended}))
    assert shown == Tally(size, size or 0, percent, {OK: ended}, int(percent == 100))


HEAD = Progress(at_step(Progress(RUN, [ONE, TWO, later(3)]), 2), [ONE, TWO, later(3)])
CLAIMED = job(TWO, "a", JobState.CLAIMED, claimed_at=NOW)
WAITS = job(TWO, "b", JobState.QUEUED)


@pytest.mark.parametrize(
    ("shown", "counted", "state"),
    [
        ([], {}, JobState.WAITING),
        ([WAITS], {}, JobState.QUEUED),
        ([WAITS, CLAIMED], {}, JobState.RUNNING),
        ([WAITS], {OK: 2}, JobState.RUNNING),
    ],
)
def test_a_step_under_way_runs_once_a_job_was_fetched_or_has_ended(
    shown: list[object], counted: Mapping[JobState, int], state: JobState
) -> None:
    head = replace(HEAD, gates={(2, 1): Gate(ended=counted)})
    found = known_result(head, TWO, shown)  # type: ignore[arg-type]
    assert (found.state, found.counts) == (state, counted)


def test_what_all_waves_have_counted_is_added_up() -> None:
    two = step(2, "a", "b", "c", "d", canary=Amount(1))
    head = replace(
        HEAD, steps=[ONE, two], gates={(2, 0): Gate(ended={OK: 1}), (2, 1): Gate(ended={OK: 2})}
    )
    assert known_result(head, two, ()).counts == {OK: 3}


def test_a_step_begins_when_its_first_job_starts() -> None:
    shown = [
        replace(CLAIMED, started_at=NOW + timedelta(seconds=1)),
        replace(CLAIMED, started_at=NOW),
        WAITS,
    ]
    assert known_result(HEAD, TWO, shown).started_at == NOW


@pytest.mark.parametrize(
    ("run_state", "of", "state"),
    [
        (RunState.RUNNING, ONE, JobState.SKIPPED),
        (RunState.RUNNING, TWO, JobState.WAITING),
        (RunState.RUNNING, later(3), JobState.WAITING),
        (RunState.FAILED, TWO, JobState.SKIPPED),
        (RunState.FAILED, later(3), JobState.SKIPPED),
    ],
)
def test_a_job_that_was_not_written_waits_until_its_step_is_over(
    run_state: RunState, of: RunStep, state: JobState
) -> None:
    found = unwritten(replace(HEAD.run, state=run_state), of, 3, "agent", "name")
    assert (found.state, found.index, found.agent_name) == (state, 3, "name")


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({}, False),
        ({OK: 1, JobState.SKIPPED: 1}, False),
        ({OK: 1, BAD: 1}, True),
        ({JobState.UNDELIVERED: 1}, True),
    ],
)
def test_what_neither_succeeded_nor_was_skipped_has_failed(
    counts: Mapping[JobState, int], expected: bool
) -> None:
    assert has_failures(StepResult(BAD, counts)) is expected


TOLD = [
    job(ONE, "a", BAD),
    job(TWO, "a", JobState.LOST),
    job(TWO, "c", JobState.TIMED_OUT),
    job(TWO, "d", JobState.TIMED_OUT),
]
TOLERANT = step(1, "a", "b", max_failures=Amount(1))


@pytest.mark.parametrize(
    ("state", "steps", "expected"),
    [
        (RunState.TIMED_OUT, [TOLERANT, TWO], "2-c"),
        (RunState.FAILED, [ONE, TWO], "1-a"),
        (RunState.SUCCEEDED, [TOLERANT, TWO], None),
        (RunState.RUNNING, [ONE, TWO], None),
        (RunState.FAILED, [RunStep(later(1).step, 0)], None),  # it found no agents
    ],
)
def test_the_job_at_fault_is_the_first_that_ended_as_its_run_did(
    state: RunState, steps: list[RunStep], expected: str | None
) -> None:
    jobs = [each for each in TOLD if each.key.step <= len(steps) and steps[0].size]
    others = [job(steps[0], "b", OK)] if steps[0].size else []
    found = cause(whole(Progress(replace(RUN, state=state), steps, [*jobs, *others])))
    assert (None if found is None else found.key.job_id) == expected
