"""The verbs of runs, on every backend."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from chalicelib.dynamo import jobs, runs
from chalicelib.job import Job, JobKey, JobState
from chalicelib.run import Run, RunState, RunStep

pytestmark = pytest.mark.usefixtures("backend")

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
STEPS = (
    RunStep(1, "build", {"a": "A"}, "/srv", "make", {"X": "1"}, 1.5),
    RunStep(2, "ship", {"a": "A", "b": "B"}, None, "ship", {}, None),
)


def make(run_id: str = "01R", task_id: str = "T", created_at: datetime = NOW) -> Run:
    return Run(
        id=run_id,
        task_id=task_id,
        task_name="deploy",
        revision=3,
        step_count=2,
        state=RunState.QUEUED,
        triggered_by="ci",
        created_at=created_at,
        expires_at=created_at + timedelta(days=90),
    )


def create(run: Run) -> Run:
    runs.freeze_steps(run, STEPS)
    assert runs.create(run)
    return run


def test_a_run_is_created_once() -> None:
    run = create(make())
    assert not runs.create(replace(run, task_name="other"))
    assert runs.get("01R") == run


def test_one_query_shows_a_run_with_its_steps_and_jobs() -> None:
    run = create(make())
    job = Job(JobKey("01R", 1, "a"), JobState.QUEUED, step_size=1)
    jobs.put(job, NOW, None, run.expires_at)
    jobs.count_ended(job.key)
    progress = runs.progress("01R")
    assert progress is not None
    assert progress.run == run
    assert tuple(progress.steps) == STEPS
    assert [each.key for each in progress.jobs] == [job.key]


def test_an_unknown_run_is_none() -> None:
    assert runs.get("01X") is None
    assert runs.progress("01X") is None


def test_a_run_starts_once() -> None:
    create(make())
    assert runs.start("01R", NOW)
    assert not runs.start("01R", NOW + timedelta(seconds=5))
    stored = runs.get("01R")
    assert stored is not None
    assert (stored.state, stored.started_at) == (RunState.RUNNING, NOW)


def test_a_run_ends_once_and_for_all() -> None:
    create(make())
    assert runs.end("01R", RunState.FAILED, "because", NOW)
    assert not runs.end("01R", RunState.SUCCEEDED, None, NOW)
    assert not runs.start("01R", NOW)
    assert not runs.stop("01R", JobState.CANCELLED, "late")
    stored = runs.get("01R")
    assert stored is not None
    assert (stored.state, stored.reason, stored.ended_at) == (RunState.FAILED, "because", NOW)


def test_the_first_stop_counts() -> None:
    create(make())
    assert runs.stop("01R", JobState.TIMED_OUT, "out of time")
    assert not runs.stop("01R", JobState.CANCELLED, "Cancelled by ann.")
    stored = runs.get("01R")
    assert stored is not None
    assert (stored.state, stored.stop) == (RunState.CANCELLING, JobState.TIMED_OUT)


def test_an_idempotency_key_names_the_first_run_for_a_day() -> None:
    assert runs.reserve_key("T", "k", "01A", 1, NOW) == ("01A", 1)
    assert runs.reserve_key("T", "k", "01B", 2, NOW + timedelta(hours=23)) == ("01A", 1)
    assert runs.reserve_key("T", "k", "01C", 2, NOW + timedelta(hours=25)) == ("01C", 2)
    assert runs.reserve_key("U", "k", "01D", 1, NOW) == ("01D", 1)


def test_a_run_comes_up_for_a_check_until_it_has_ended() -> None:
    run = create(make())
    soon = NOW + runs.CHECK_EVERY
    assert jobs.due(soon - timedelta(seconds=1), 10) == []
    assert [(due.run_id, due.job) for due in jobs.due(soon, 10)] == [("01R", None)]
    runs.check_later(run, soon)
    assert jobs.due(soon, 10) == []
    runs.end("01R", RunState.SUCCEEDED, None, soon)
    assert jobs.due(soon + runs.CHECK_EVERY, 10) == []


def test_a_run_with_a_time_out_comes_up_when_it_passes() -> None:
    create(replace(make(), timeout_at=NOW + timedelta(seconds=10)))
    assert [due.run_id for due in jobs.due(NOW + timedelta(seconds=10), 10)] == ["01R"]


def test_the_history_of_a_task_is_newest_first_and_paged() -> None:
    for run_id in ("01A", "01B", "01C"):
        create(make(run_id))
    create(make("01D", task_id="U"))
    first, cursor = runs.history_of_task("T", 2, None)
    rest, end = runs.history_of_task("T", 2, cursor)
    assert [run.id for run in first + rest] == ["01C", "01B", "01A"]
    assert end is None


def test_the_history_of_all_tasks_goes_back_over_the_months() -> None:
    january = datetime(2026, 1, 15, tzinfo=timezone.utc)
    create(make("01A", created_at=january))
    create(make("01B", created_at=NOW))
    create(make("01C", task_id="U", created_at=NOW))
    found: list[str] = []
    cursor: str | None = None
    for _ in range(10):
        page, cursor = runs.history(1, cursor, NOW, 90)
        found += [run.id for run in page]
        if cursor is None:
            break
    assert found == ["01C", "01B", "01A"]
    assert cursor is None


def test_a_task_has_an_active_run_until_that_has_ended() -> None:
    assert not runs.has_active("T")
    create(make())
    assert runs.has_active("T")
    runs.end("01R", RunState.SUCCEEDED, None, NOW)
    assert not runs.has_active("T")


def test_runs_come_with_the_steps_that_are_asked_for() -> None:
    run = create(make())
    found = runs.get_with_steps([("01R", 2), ("01X", 1)])
    assert found == {("01R", 2): (run, STEPS[1])}
    assert runs.get_with_steps([]) == {}
