"""Wide steps: the first jobs are put by whoever asks, the rest by the work queue, which may lose,
repeat, delay and mix up its messages. SQS is the local stack's own."""

from datetime import timedelta
from typing import Any

import pytest

from app import app
from chalicelib.dynamo import jobs, runs
from chalicelib.operations.runs import advance as advancing
from chalicelib.operations.runs.slices import put_jobs
from chalicelib.operations.runs.sweep import sweep
from chalicelib.runs.job import JobState, deadlines
from chalicelib.sqs import work
from chalicelib.sqs.messages import AdvanceRun, Message, PutJobs
from infra.local.worker import work_once
from tests.api.conftest import Clock, Fleet, People, RpcAgent
from tests.api.fleet import WEB, run_of, start
from tests.api.fleet import work as work_all
from tests.stack.policy import allowed
from tests.stack.shifts import shift

SIZE = 9
HELD = advancing.SPREAD_FOR.total_seconds() + 1


@pytest.fixture
def machines(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> list[RpcAgent]:
    """Nine, for which a step is wide: two jobs at once, slices of three."""
    monkeypatch.setattr(advancing, "AT_ONCE", 2)
    monkeypatch.setattr(advancing, "SLICE", 3)
    return fleet(SIZE)


class Sent:
    """Messages that were sent, and stay here until a test delivers them."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.takes = True

    def send(self, messages: list[Message]) -> bool:
        self.messages += messages if self.takes else []
        return self.takes

    def take(self) -> list[Message]:
        taken, self.messages = self.messages, []
        return taken


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    kept = Sent()
    monkeypatch.setattr(work, "send", kept.send)
    return kept


@pytest.fixture
def puts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The indexes of jobs that anybody tried to put."""
    tried: list[int] = []
    put = jobs.put

    def counted(job: Any, *given: Any) -> bool:
        tried.append(job.index)
        return put(job, *given)

    monkeypatch.setattr(jobs, "put", counted)
    return tried


def written(run_id: str) -> list[int]:
    progress = runs.progress(run_id)
    assert progress is not None
    return sorted(job.index for job in progress.jobs)


def states(run_id: str) -> set[JobState]:
    progress = runs.progress(run_id)
    assert progress is not None
    return {job.state for job in progress.jobs}


def deliver(messages: list[Message], travel: Clock) -> None:
    for each in messages:
        if isinstance(each, PutJobs):
            put_jobs(each, travel.now)
        elif isinstance(each, AdvanceRun):
            advancing.advance(each.run_id, travel.now, spreads=False)


def test_the_caller_puts_the_first_and_sends_the_rest(
    machines: list[RpcAgent], admin: People, sent: Sent
) -> None:
    run_id = start(admin, WEB)
    assert written(run_id) == [0, 1]
    assert sent.messages == [
        PutJobs(run_id, 1, 2, 5),
        PutJobs(run_id, 1, 5, 8),
        PutJobs(run_id, 1, 8, 9),
    ]


def test_a_narrow_step_is_put_whole(fleet: Fleet, admin: People, sent: Sent) -> None:
    fleet(SIZE)
    assert written(start(admin, WEB)) == list(range(SIZE))
    assert sent.messages == []


def test_the_slices_may_come_in_any_order_twice_and_late(
    machines: list[RpcAgent], admin: People, sent: Sent, travel: Clock
) -> None:
    run_id = start(admin, WEB)
    slices = sent.take()
    deliver([slices[2], slices[0], slices[2], slices[1], slices[0]], travel)
    assert written(run_id) == list(range(SIZE))
    assert set(work_all(machines)) == {each.id for each in machines}
    assert run_of(admin, run_id)["state"] == "succeeded"
    deliver(slices, travel)
    assert written(run_id) == list(range(SIZE))
    assert run_of(admin, run_id)["state"] == "succeeded"


def test_the_real_queue_and_its_worker_carry_a_wide_run(
    machines: list[RpcAgent], admin: People
) -> None:
    work.create()
    run_id = start(admin, WEB)
    assert written(run_id) == [0, 1]
    assert work_once(app, "work", 0) == 3
    assert written(run_id) == list(range(SIZE))
    work_all(machines)
    assert run_of(admin, run_id)["state"] == "succeeded"


def test_whoever_asks_meanwhile_puts_nothing_again(
    machines: list[RpcAgent], admin: People, sent: Sent, travel: Clock, puts: list[int]
) -> None:
    run_id = start(admin, WEB)
    slices = sent.take()
    travel.after(31)
    sweep(shift(travel.now))
    assert advancing.advance(run_id, travel.now) is not None
    assert sent.messages == []
    deliver(slices, travel)
    assert sorted(puts) == list(range(SIZE)), "each was put once"


def test_a_repeated_trigger_sends_nothing_again(
    machines: list[RpcAgent], admin: People, sent: Sent
) -> None:
    source = f'Name = "t"\n[[step]]\n{WEB}'
    task_id = admin.data("POST", "/tasks", {"definition": source})["task"]["id"]
    path = f"/tasks/{task_id}/execute"
    first = admin.data("POST", path, {}, Idempotency_Key="k")
    assert len(sent.take()) == 3
    assert admin.data("POST", path, {}, Idempotency_Key="k")["id"] == first["id"]
    assert sent.messages == []


def test_the_sweeper_makes_up_for_lost_messages(
    machines: list[RpcAgent], admin: People, sent: Sent, travel: Clock
) -> None:
    run_id = start(admin, WEB)
    first = sent.take()
    deliver(first[1:2], travel)
    for _ in range(3):
        travel.after(HELD)
        sweep(shift(travel.now))
        assert not [each for each in sent.take() if each == first[1]], "that one was not lost"
    assert written(run_id) == list(range(SIZE))


def test_a_queue_that_takes_nothing_leaves_it_to_the_caller(
    machines: list[RpcAgent], admin: People, sent: Sent
) -> None:
    sent.takes = False
    assert written(start(admin, WEB)) == list(range(SIZE))


def test_what_follows_such_a_refusal_is_the_callers_too(
    machines: list[RpcAgent], admin: People, sent: Sent, travel: Clock, monkeypatch: Any
) -> None:
    """A second round of a stop: jobs were claimed while the first one ended those in inboxes."""
    run_id = start(admin, WEB)
    deliver(sent.take(), travel)
    end = jobs.end

    def overtaken(job: Any, *given: Any) -> Any:
        if job.index > 4 and job.lease is None:
            assert jobs.claim(job.key, "L", 1, travel.now, deadlines(job, travel.now, travel.now))
        return end(job, *given)

    monkeypatch.setattr(jobs, "end", overtaken)
    sent.takes = False
    admin.data("POST", f"/runs/{run_id}/cancel")
    progress = runs.progress(run_id)
    assert progress is not None
    left = {job.index for job in progress.jobs if not job.state.is_terminal}
    assert left == {5, 6, 7, 8}
    assert {job.index for job in progress.jobs if job.stop_requested} == left


def test_without_queues_the_caller_does_it_all(
    machines: list[RpcAgent], admin: People, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "is_there", lambda: False)
    assert written(start(admin, WEB)) == list(range(SIZE))
    assert sent.messages == []


def test_a_cancel_between_two_slices_starts_nothing_more(
    machines: list[RpcAgent], admin: People, sent: Sent, travel: Clock
) -> None:
    run_id = start(admin, WEB)
    slices = sent.take()
    deliver(slices[:1], travel)
    admin.data("POST", f"/runs/{run_id}/cancel")
    assert sent.messages == [AdvanceRun(run_id)], "the stop is wide as well"
    deliver(slices[1:], travel)
    assert work_all(machines) == []
    deliver(sent.take(), travel)
    assert run_of(admin, run_id)["state"] == "cancelled"
    assert written(run_id) == list(range(SIZE))
    assert states(run_id) == {JobState.CANCELLED}
    deliver(slices, travel)
    assert states(run_id) == {JobState.CANCELLED}


def test_a_stop_whose_message_is_lost_comes_to_its_end(
    machines: list[RpcAgent], admin: People, sent: Sent, travel: Clock
) -> None:
    run_id = start(admin, WEB)
    admin.data("POST", f"/runs/{run_id}/cancel")
    for _ in range(5):
        sent.take()
        travel.after(HELD)
        sweep(shift(travel.now))
    assert run_of(admin, run_id)["state"] == "cancelled"
    assert states(run_id) == {JobState.CANCELLED}


def test_slices_keep_to_the_waves_slots(
    machines: list[RpcAgent], admin: People, sent: Sent, travel: Clock
) -> None:
    run_id = start(admin, f"{WEB}MaxParallel = 5\n")
    assert sent.messages == [PutJobs(run_id, 1, 2, 5)]
    sent.take()
    put_jobs(PutJobs(run_id, 1, 2, 9), travel.now)
    assert written(run_id) == [0, 1, 2, 3, 4]


def test_a_canary_that_fails_leaves_nothing_to_slices(
    machines: list[RpcAgent], admin: People, sent: Sent, travel: Clock
) -> None:
    run_id = start(admin, f"{WEB}Canary = 1\n")
    assert sent.take() == []
    work_all(machines[:1], machines[0])
    assert sent.take() == []
    put_jobs(PutJobs(run_id, 1, 1, 9), travel.now)
    assert work_all(machines) == []
    assert run_of(admin, run_id)["state"] == "failed"


def test_the_next_step_is_put_in_slices_too(
    machines: list[RpcAgent], admin: People, sent: Sent, travel: Clock
) -> None:
    run_id = start(admin, WEB, WEB)
    early = PutJobs(run_id, 2, 0, 9)
    put_jobs(early, travel.now)
    assert len(written(run_id)) == 2, "its turn has not come"
    deliver(sent.take(), travel)
    work_all(machines)
    assert sent.messages[0] == PutJobs(run_id, 2, 2, 5)
    deliver(sent.take(), travel)
    work_all(machines)
    assert run_of(admin, run_id)["state"] == "succeeded"


def test_a_slice_of_a_run_that_is_gone_is_done(store: None, travel: Clock) -> None:
    assert put_jobs(PutJobs("01NONE", 1, 0, 250), travel.now) == 0


def test_a_slice_reads_what_it_puts_and_no_jobs(
    machines: list[RpcAgent], admin: People, sent: Sent, travel: Clock, monkeypatch: Any
) -> None:
    from chalicelib.aws.client import Client

    start(admin, WEB)
    calls: list[str] = []
    send = Client.send

    def noted(client: Client, operation: str, body: bytes) -> bytes:
        calls.append(f"{client.name}:{operation}")
        return send(client, operation, body)

    monkeypatch.setattr(Client, "send", noted)
    deliver(sent.take()[:1], travel)
    assert calls.count("dynamodb:BatchGetItem") <= 2
    assert calls.count("dynamodb:PutItem") == 3
    assert "dynamodb:Query" not in calls
    assert {call.removesuffix("Batch") for call in calls} <= allowed()


def test_what_is_sent_is_held_for_a_while(
    machines: list[RpcAgent], admin: People, sent: Sent, travel: Clock
) -> None:
    run_id, now = start(admin, WEB), travel.now
    later = now + timedelta(minutes=2)
    assert not runs.spread(run_id, "1.1 put", later, now), "the trigger has sent it"
    assert runs.spread(run_id, "stop", later, now), "a stop does not wait for it"
    assert not runs.spread(run_id, "stop", later, later - timedelta(seconds=1))
    assert runs.spread(run_id, "stop", later, later)
    assert not runs.spread("01NONE", "stop", later, now)
    assert runs.get("01NONE") is None
