"""The verbs of runs, on every backend."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest
from msgspec.structs import replace

from chalicelib.access.by import By, Kind
from chalicelib.access.scope import NOWHERE, Reach, Scope
from chalicelib.dynamo import contexts, gates, jobs, runs, steps, turns
from chalicelib.dynamo.run_items import GateItem, PartitionItem, gate_sort_key
from chalicelib.runs.job import Job, JobKey, JobState
from chalicelib.runs.run import Run, RunState, RunStep, StepResult, at_step
from chalicelib.runs.wave import Gate
from chalicelib.tasks.target import Targets
from chalicelib.tasks.task import Amount, Retry, Step, When
from tests.bench.product import Meter, metered

pytestmark = pytest.mark.usefixtures("backend")

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
CI = By(Kind.TOKEN, "t1", "ci")
SCOPE = Scope(("T",), {"env": "prod"}, ("web", "db"))
REACH = Reach({"env": "prod"}, ("web",))
FIRST = Step(
    1,
    "build",
    Targets(agent_ids=("a",)),
    path="/srv",
    command="make",
    env={"X": "1"},
    timeout_seconds=1.5,
    canary=Amount(10, is_percent=True),
    retry=Retry(2, 1.5, 2.0, (JobState.LOST,)),
    when=When.ALWAYS,
)
SECOND = Step(2, "ship", Targets(labels={"role": "web"}, selector="!old"), script="ship")
RESULTS = (
    StepResult(JobState.FAILED, {JobState.FAILED: 1}, NOW - timedelta(seconds=1), NOW),
    StepResult(JobState.SKIPPED, {}),
)
STEPS = (RunStep(FIRST, 1, None, {"a": "A"}, reach=REACH), RunStep(SECOND))


@pytest.fixture
def meter() -> Iterator[Meter]:
    with metered() as counting:
        yield counting


def make(run_id: str = "01R", task_id: str = "T", created_at: datetime = NOW) -> Run:
    return Run(
        id=run_id,
        task_id=task_id,
        task_name="deploy",
        revision=3,
        step_count=2,
        state=RunState.QUEUED,
        triggered_by=CI,
        created_at=created_at,
        expires_at=created_at + timedelta(days=90),
        scope=SCOPE,
        reach=REACH,
    )


def create(run: Run) -> Run:
    steps.freeze(run.id, STEPS, run.expires_at)
    assert runs.create(run)
    return run


def test_a_run_is_created_once() -> None:
    run = create(make())
    assert not runs.create(replace(run, task_name="other"))
    assert runs.get("01R") == run


def test_one_query_shows_a_run_with_its_steps_and_jobs() -> None:
    run = create(make())
    job = Job(JobKey("01R", 1, "a"), JobState.QUEUED)
    jobs.put(job, NOW, NOW, run.expires_at)
    gates.park("01R", 1, 0, ends=JobState.SUCCEEDED, expires_at=run.expires_at)
    progress = runs.progress("01R")
    assert progress is not None
    assert progress.run == run
    assert list(progress.steps) == list(STEPS)
    assert [each.key for each in progress.jobs] == [job.key]
    assert progress.gates == {(1, 0): Gate(ended={JobState.SUCCEEDED: 1}, parked=1)}


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


def test_a_run_does_not_end_by_who_does_not_know_that_it_was_stopped() -> None:
    create(make())
    assert runs.end("01R", RunState.FAILED, None, (), NOW, stop=JobState.CANCELLED) is None
    runs.stop("01R", JobState.CANCELLED, "why")
    assert runs.end("01R", RunState.FAILED, None, (), NOW) is None
    assert runs.end("01R", RunState.FAILED, None, (), NOW, stop=JobState.TIMED_OUT) is None
    ended = runs.end("01R", RunState.CANCELLED, None, (), NOW, stop=JobState.CANCELLED)
    assert ended is not None
    assert ended.state is RunState.CANCELLED


def test_a_run_ends_once_and_for_all() -> None:
    create(make())
    ended = runs.end("01R", RunState.FAILED, "because", RESULTS, NOW)
    assert not runs.end("01R", RunState.SUCCEEDED, None, (), NOW)
    assert not runs.start("01R", NOW)
    assert not runs.stop("01R", JobState.CANCELLED, "late")
    assert ended is not None
    assert runs.get("01R") == ended
    assert (ended.state, ended.reason, ended.ended_at, ended.results) == (
        RunState.FAILED, "because", NOW, RESULTS,
    )  # fmt: skip


def test_the_first_stop_counts() -> None:
    create(make())
    assert runs.stop("01R", JobState.TIMED_OUT, "out of time")
    assert not runs.stop("01R", JobState.CANCELLED, "Cancelled by ann.")
    stored = runs.get("01R")
    assert stored is not None
    assert (stored.state, stored.jobs_become) == (RunState.CANCELLING, JobState.TIMED_OUT)
    assert stored.stopped_by is None


def test_a_run_keeps_who_stopped_it() -> None:
    create(make())
    assert runs.stop("01R", JobState.CANCELLED, "Cancelled by ci.", CI)
    stored = runs.get("01R")
    assert stored is not None
    assert stored.stopped_by == CI


def test_a_run_without_agents_and_scope_says_so() -> None:
    run = replace(make(), scope=Scope(), reach=NOWHERE)
    assert runs.create(run)
    assert runs.get("01R") == run


def test_a_run_reaches_the_agents_of_a_step_when_that_begins() -> None:
    run = create(make())
    assert steps.resolve("01R", STEPS[1], {"c": "C"}, run.expires_at, Reach({}, ("db",)))
    progress = runs.progress("01R")
    assert progress is not None
    assert [step.reach for step in progress.steps] == [REACH, Reach({}, ("db",))]
    assert runs.begin_step(at_step(progress, 2))
    stored = runs.get("01R")
    assert stored is not None
    assert stored.reach == Reach({}, ("db", "web"))


def test_a_held_run_begins_once_and_what_it_waited_does_not_count() -> None:
    run = create(replace(make(), is_held=True, timeout_seconds=60.0))
    later = NOW + timedelta(hours=1)
    assert runs.begin(run, later)
    assert not runs.begin(run, later + timedelta(hours=1))
    stored = runs.get("01R")
    assert stored is not None
    assert (stored.is_held, stored.timeout_at) == (False, later + timedelta(seconds=60))


def test_a_held_run_that_was_stopped_does_not_begin() -> None:
    run = create(replace(make(), is_held=True))
    assert runs.stop("01R", JobState.CANCELLED, "Cancelled by ann.")
    assert not runs.begin(run, NOW)
    stored = runs.get("01R")
    assert stored is not None
    assert stored.is_held


def test_an_idempotency_key_names_the_first_run_for_a_day() -> None:
    ann = By(Kind.TOKEN, "ann", "ann")
    assert runs.reserve_key("T", ann, "k", "01A", 1, NOW) == ("01A", 1)
    assert runs.reserve_key("T", ann, "k", "01B", 2, NOW + timedelta(hours=23)) == ("01A", 1)
    assert runs.reserve_key("T", ann, "k", "01C", 2, NOW + timedelta(hours=25)) == ("01C", 2)
    assert runs.reserve_key("U", ann, "k", "01D", 1, NOW) == ("01D", 1)


def test_an_idempotency_key_is_its_callers_own() -> None:
    for number, by in enumerate(
        (By(Kind.TOKEN, "x", "x"), By(Kind.TOKEN, "y", "x"), By(Kind.SCHEDULE, "x", "x"))
    ):
        assert runs.reserve_key("T", by, "k", f"01{number}", 1, NOW) == (f"01{number}", 1)


def test_a_run_comes_up_for_a_check_until_it_has_ended() -> None:
    run = create(make())
    soon = NOW + runs.CHECK_EVERY
    assert runs.due(soon - timedelta(milliseconds=1), 10) == []
    (entry,) = runs.due(soon, 10)
    assert runs.claim_due(entry, soon) == run
    claimed = entry.claimed(soon)
    assert runs.due(soon, 10) == []
    later = soon + timedelta(seconds=1)
    assert runs.check_later(run, claimed, later)
    assert not runs.check_later(run, claimed, soon + timedelta(minutes=1)), "was moved since"
    (again,) = runs.due(later + runs.CHECK_EVERY, 10)
    assert (again.at, again.tries) == (later + runs.CHECK_EVERY, 0)
    runs.end("01R", RunState.SUCCEEDED, None, (), soon)
    assert runs.due(soon + timedelta(days=1), 10) == []
    assert runs.claim_due(again, soon) is None
    assert not runs.check_later(run, again, soon)


def test_a_run_with_a_time_out_comes_up_when_it_passes() -> None:
    create(replace(make(), timeout_at=NOW + timedelta(seconds=10)))
    assert [entry.key[0] for entry in runs.due(NOW + timedelta(seconds=10), 10)] == ["01R"]


def test_a_task_has_an_active_run_until_that_has_ended() -> None:
    assert not runs.has_active("T")
    create(make())
    assert runs.has_active("T")
    runs.end("01R", RunState.SUCCEEDED, None, (), NOW)
    assert not runs.has_active("T")


# --- the agents of a step


def test_the_agents_of_a_step_are_recorded_once_and_in_their_order() -> None:
    run = create(make())
    chosen = {f"agent-{number:03d}": f"name {999 - number}" for number in range(250)}
    assert steps.resolve("01R", STEPS[1], chosen, run.expires_at)
    assert not steps.resolve("01R", STEPS[1], {"other": "other"}, run.expires_at)
    progress = runs.progress("01R")
    assert progress is not None
    step = progress.steps[1]
    assert (step.size, step.agents, list(step.agents)) == (250, chosen, list(chosen))
    assert [steps.agent_at("01R", step, index) for index in (0, 99, 100, 249)] == [
        ("agent-000", "name 999"), ("agent-099", "name 900"), ("agent-100", "name 899"),
        ("agent-249", "name 750"),
    ]  # fmt: skip


@pytest.mark.parametrize("count", [1, steps.FEW, steps.FEW + 1, steps.ROSTER_CHUNK + 1])
def test_few_agents_stand_in_the_step_and_many_in_items_of_their_own(count: int) -> None:
    chosen = {f"agent-{number:03d}": f"name {number}" for number in range(count)}
    run = make()
    steps.freeze("01R", [replace(STEPS[0], size=count, agents=chosen)], run.expires_at)
    runs.create(run)
    progress = runs.progress("01R")
    assert progress is not None
    (step,) = progress.steps
    assert (step.size, step.agents, list(step.agents)) == (count, chosen, list(chosen))
    assert (step.roster_id is None) == (count <= steps.FEW)
    last = count - 1
    assert steps.agent_at("01R", step, last) == (f"agent-{last:03d}", f"name {last}")


def test_a_step_is_frozen_once() -> None:
    run = create(make())
    other = [replace(STEPS[0], size=2, agents={"b": "B", "a": "A"}), STEPS[1]]
    assert steps.resolve("01R", STEPS[1], {"c": "C"}, run.expires_at)
    assert not steps.freeze("01R", other, run.expires_at)
    progress = runs.progress("01R")
    assert progress is not None
    assert [dict(step.agents) for step in progress.steps] == [{"a": "A"}, {"c": "C"}]


def test_what_a_killed_handler_had_not_frozen_yet_is_added() -> None:
    run = make()
    assert steps.freeze("01R", STEPS[:1], run.expires_at)
    assert not steps.freeze("01R", STEPS, run.expires_at)
    runs.create(run)
    progress = runs.progress("01R")
    assert progress is not None
    assert list(progress.steps) == list(STEPS)


def test_a_step_that_was_not_frozen_gets_no_agents() -> None:
    run = make()
    assert steps.freeze("01R", STEPS[:1], run.expires_at)
    assert not steps.resolve("01R", STEPS[1], {"a": "a"}, run.expires_at)
    assert not steps.refuse("01R", STEPS[1], "Too many.")


def test_a_step_may_have_no_agents() -> None:
    run = create(make())
    assert steps.resolve("01R", STEPS[1], {}, run.expires_at)
    progress = runs.progress("01R")
    assert progress is not None
    assert progress.steps[1].size == 0


def test_a_step_that_can_have_no_agents_says_why_once() -> None:
    run = create(make())
    assert steps.refuse("01R", STEPS[1], "Too many.")
    assert not steps.refuse("01R", STEPS[1], "Far too many.")
    assert not steps.resolve("01R", STEPS[1], {"a": "a"}, run.expires_at)
    progress = runs.progress("01R")
    assert progress is not None
    assert (progress.steps[1].size, progress.steps[1].problem) == (0, "Too many.")
    assert progress.steps[0].problem is None


# --- gates and turns


def pass_gate(*, wave: int = 0, failed: int | None, wants_successor: bool = False) -> Gate:
    return gates.pass_through(
        "01R",
        1,
        wave,
        failed=failed,
        wants_successor=wants_successor,
        ends=JobState.FAILED,
        expires_at=NOW,
    )


def test_a_failure_counts_once_at_the_gate_and_each_promise_is_another() -> None:
    first = pass_gate(failed=3, wants_successor=True)
    again = pass_gate(failed=3, wants_successor=True)
    other = pass_gate(failed=4)
    assert [(gate.failures, gate.granted) for gate in (first, again, other)] == [
        (1, 1), (1, 2), (2, 2),
    ]  # fmt: skip
    assert pass_gate(wave=1, failed=None, wants_successor=True).granted == 1
    assert pass_gate(wave=1, failed=3).failures == 1


def test_every_failure_of_a_wave_counts_whatever_the_order() -> None:
    indexes = [7, 0, 4_999, 15, 8, 1, 16, 2_500, 23]
    failures = [pass_gate(failed=index).failures for index in indexes]
    assert failures == list(range(1, len(indexes) + 1))
    assert {pass_gate(failed=index).failures for index in indexes} == {len(indexes)}


def test_a_late_update_of_the_gate_takes_no_failure_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """One handler has noted its failure; another notes one of the same part, and passes first."""
    note = gates._note

    def overtaken(*args: object) -> int:
        monkeypatch.undo()
        number = note(*args)  # type: ignore[arg-type]
        assert pass_gate(failed=9, wants_successor=True).failures == 2
        return number

    monkeypatch.setattr(gates, "_note", overtaken)
    late = pass_gate(failed=1, wants_successor=True)
    assert (late.failures, late.granted, late.ended) == (2, 2, {JobState.FAILED: 2})


def test_a_failure_of_which_the_gate_never_heard_counts_with_the_next_of_its_part() -> None:
    gates._note("01R", 1, 0, 1, 9, NOW)
    assert pass_gate(failed=None).failures == 0
    assert pass_gate(failed=1).failures == 2
    assert pass_gate(failed=9).failures == 2


def test_a_gate_stays_small_however_many_jobs_fail(meter: Meter) -> None:
    for index in range(300):
        pass_gate(failed=index)
    meter.take()
    gates.park("01R", 1, 0, ends=JobState.SUCCEEDED, expires_at=NOW)
    of_success = meter.take()
    pass_gate(failed=300)
    assert (of_success.writes, meter.take().writes) == (1, 2)
    gate = GateItem.get("01R", gate_sort_key(1, 0))
    assert len(json.dumps(gate.to_dynamodb_dict())) < 1_000


def test_whatever_a_wave_counts_expires_with_its_run() -> None:
    pass_gate(failed=0)
    pass_gate(wave=1, failed=None)
    gates.park("01S", 1, 0, ends=None, expires_at=NOW)
    found = list(PartitionItem.scan())
    assert len(found) == 4
    assert {item.ttl for item in found} == {NOW}


def test_what_stands_around_a_job_is_one_read() -> None:
    create(make())
    pass_gate(failed=0)
    job = Job(JobKey("01R", 1, "a"), JobState.QUEUED)
    context = contexts.of_jobs([job])[job.key]
    assert (context.run.id, context.step.step, context.gate.failures) == ("01R", FIRST, 1)
    assert context.is_closed
    assert contexts.of_jobs([Job(JobKey("01X", 1, "a"), JobState.QUEUED)]) == {}


def test_a_turn_is_taken_by_one_and_released_by_its_holder() -> None:
    assert turns.take("T", "01A", instead_of=None, now=NOW)
    assert turns.take("T", "01A", instead_of=None, now=NOW), "again"
    assert not turns.take("T", "01B", instead_of=None, now=NOW)
    assert not turns.release("T", "01B")
    assert turns.take("T", "01B", instead_of="01A", now=NOW)
    assert not turns.take("T", "01C", instead_of="01A", now=NOW)
    assert turns.release("T", "01B")
    assert turns.get("T") is None
