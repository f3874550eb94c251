"""The work queue's function, its worker and its dead letters, on the local stack's own SQS."""

import json
from datetime import datetime
from typing import Any

import pytest

from app import app
from chalicelib.access.scope import Scope
from chalicelib.operations import work as working
from chalicelib.sqs import dead_letters, work
from chalicelib.sqs.messages import AdvanceRun, PutJobs
from infra.local.worker import Context, event, work_once
from tests.api.conftest import Clock, People

LETTERS = "/work/dead-letters"


@pytest.fixture(autouse=True)
def queues(client: Any) -> None:
    """Both queues, with nothing in them."""
    work.create()
    for name in (work.QUEUE, work.DEAD_QUEUE):
        work.ask("PurgeQueue", name)


@pytest.fixture(autouse=True)
def within_the_policy() -> None:
    """Purging is for tests alone; what the product calls is checked in `test_slices`."""


@pytest.fixture
def handled(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Messages that were done; those of a run `bad` are refused instead."""
    done: list[Any] = []

    def handle(message: Any, now: datetime) -> None:
        if message.run_id == "bad":
            raise ValueError("out of luck")
        done.append(message)

    kinds = dict.fromkeys((AdvanceRun, PutJobs), handle)
    monkeypatch.setattr(working, "HANDLERS", kinds)
    return done


def do_all() -> int:
    return work_once(app, "work", 0)


def waiting(queue: str = work.QUEUE) -> tuple[int, int]:
    """How many messages can be received, and how many are hidden."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = work.ask("GetQueueAttributes", queue, AttributeNames=names)["Attributes"]
    return int(found[names[0]]), int(found[names[1]])


def letters(admin: People) -> list[Any]:
    found: list[Any] = admin.data("GET", LETTERS)["items"]
    return found


def test_more_messages_than_a_batch_holds_all_arrive(handled: list[Any]) -> None:
    sent = [AdvanceRun(f"run-{number}") for number in range(23)]
    assert work.send(sent)
    while do_all():
        pass
    assert sorted(handled, key=str) == sorted(sent, key=str)
    assert waiting() == (0, 0)


def test_what_sqs_takes_in_part_is_sent_again(
    handled: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []
    ask = work.ask

    def some(operation: str, queue: str, **given: Any) -> Any:
        if operation != "SendMessageBatch":
            return ask(operation, queue, **given)
        entries = given["Entries"]
        calls.append([each["Id"] for each in entries])
        if len(calls) > 1:
            return ask(operation, queue, **given)
        refused = [{"Id": each["Id"], "SenderFault": False} for each in entries[1:]]
        return {**ask(operation, queue, Entries=entries[:1]), "Failed": refused}

    monkeypatch.setattr(work, "ask", some)
    assert work.send([AdvanceRun("a"), AdvanceRun("b"), AdvanceRun("c")])
    assert calls == [["0", "1", "2"], ["1", "2"]]
    do_all()
    assert sorted(each.run_id for each in handled) == ["a", "b", "c"]


def test_what_sqs_never_takes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(operation: str, queue: str, **given: Any) -> Any:
        return {"Failed": [{"Id": each["Id"], "SenderFault": False} for each in given["Entries"]]}

    monkeypatch.setattr(work, "ask", none)
    assert not work.send([AdvanceRun("a")])


def test_without_a_queue_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "QUEUE", "plumber-nowhere")
    assert not work.send([AdvanceRun("a")])


def test_one_that_fails_comes_again_and_those_beside_it_are_done(handled: list[Any]) -> None:
    work.send([AdvanceRun("a"), AdvanceRun("bad"), AdvanceRun("c")])
    assert do_all() == 2
    assert [each.run_id for each in handled] == ["a", "c"]
    assert waiting() == (0, 1)


def test_one_that_fails_waits_for_its_next_try_and_not_for_its_timeout(
    handled: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    put_off: list[int] = []
    monkeypatch.setattr(work, "put_off", lambda queue, handle, seconds: put_off.append(seconds))
    work.send([AdvanceRun("bad")])
    do_all()
    assert put_off == [15]


def records(*run_ids: str, tries: int = 1) -> list[dict[str, Any]]:
    """As Lambda gets them from the queue."""
    work.send([AdvanceRun(each) for each in run_ids])
    found = event(work.receive(work.QUEUE))["Records"]
    for each in found:
        each["attributes"]["ApproximateReceiveCount"] = str(tries)
    return [dict(each) for each in found]


def test_what_is_not_begun_in_time_comes_again_at_once(handled: list[Any], travel: Clock) -> None:
    left = iter([100.0, 5.0, 4.0])
    came = records("a", "b", "c")
    answer = working.work_off(came, lambda: next(left), lambda: travel.now)
    late = [{"itemIdentifier": each["messageId"]} for each in came[1:]]
    assert answer == {"batchItemFailures": late}
    assert [each.run_id for each in handled] == ["a"]
    assert waiting() == (2, 1), "the two can be received by others; the first is Lambda's to delete"


def test_the_functions_time_is_what_lambda_says(handled: list[Any]) -> None:
    came = {"Records": records("a")}
    assert app.handler_map["work"](came, Context(5))["batchItemFailures"] != []
    assert app.handler_map["work"](came, Context(500))["batchItemFailures"] == []
    assert len(handled) == 1


def test_after_its_last_try_it_is_a_dead_letter_with_its_reason(
    handled: list[Any], travel: Clock, admin: People, caplog: pytest.LogCaptureFixture
) -> None:
    answer = working.work_off(records("bad", tries=5), lambda: 100, lambda: travel.now)
    assert answer == {"batchItemFailures": []}
    (letter,) = letters(admin)
    assert json.loads(letter["message"]) == {"kind": "advance", "run_id": "bad", "version": 1}
    assert (letter["tries"], letter["reason"]) == (5, "advance: ValueError: out of luck")
    assert letter["died_at"] is not None
    assert "given up after 5 tries" in caplog.text


def test_a_message_that_nobody_knows_is_a_dead_letter_at_once(
    admin: People, caplog: pytest.LogCaptureFixture
) -> None:
    work.send_again('{"kind":"dance"}')
    assert do_all() == 1
    (letter,) = letters(admin)
    assert (letter["message"], letter["tries"]) == ('{"kind":"dance"}', 1)
    assert "Nobody knows what it asks for" in letter["reason"]
    assert '{"kind":"dance"}' in caplog.text


def test_a_dead_letter_that_cannot_be_sent_is_left_to_sqs(
    handled: list[Any], travel: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    came = records("bad", tries=5)
    monkeypatch.setattr(dead_letters, "DEAD_QUEUE", "plumber-nowhere")
    answer = working.work_off(came, lambda: 100, lambda: travel.now)
    assert answer == {"batchItemFailures": [{"itemIdentifier": came[0]["messageId"]}]}


def test_what_ends_its_handler_each_time_is_a_dead_letter_too(
    admin: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(working, "work_off", dies)
    work.send([AdvanceRun("deadly")])
    for _ in range(work.TRIES):
        (received,) = work.receive(work.QUEUE)  # a worker that is killed
        work.put_off(work.QUEUE, received.handle, 0)
    assert do_all() == 0
    (letter,) = letters(admin)
    assert json.loads(letter["message"])["run_id"] == "deadly"
    assert (letter["died_at"], letter["reason"]) == (None, dead_letters.KILLED)


def test_looking_at_dead_letters_loses_none(admin: People, travel: Clock) -> None:
    for number in range(13):
        dead_letters.bury(f"message {number}", 5, "why", travel.now)
    assert len(letters(admin)) == 13
    assert len(letters(admin)) == 13
    assert admin.data("GET", "/health")["dead_letters"] == 13
    work.receive(dead_letters.DEAD_QUEUE, 30)
    assert waiting(dead_letters.DEAD_QUEUE)[1] > 0, "somebody is looking at some of them"
    assert admin.data("GET", "/health")["dead_letters"] == 13


def test_a_dead_letter_is_tried_again(admin: People, handled: list[Any], travel: Clock) -> None:
    dead_letters.bury('{"kind":"advance","run_id":"a","version":1}', 5, "why", travel.now)
    dead_letters.bury("another", 5, "why", travel.now)
    first = letters(admin)[0]
    admin.data("POST", f"{LETTERS}/{first['id']}/retry")
    assert [each["message"] for each in letters(admin)] == ["another"]
    assert do_all() == 1
    assert handled == [AdvanceRun("a")]
    code, message = admin.refused("POST", f"{LETTERS}/{first['id']}/retry")
    assert code == 1004
    assert "no such dead letter" in message


def test_a_dead_letter_is_dropped(admin: People, travel: Clock) -> None:
    dead_letters.bury("a", 5, "why", travel.now)
    dead_letters.bury("b", 5, "why", travel.now)
    dropped = letters(admin)[1]
    admin.data("DELETE", f"{LETTERS}/{dropped['id']}")
    assert [each["message"] for each in letters(admin)] == ["a"]
    assert waiting() == (0, 0)
    assert admin.refused("DELETE", f"{LETTERS}/{dropped['id']}")[0] == 1004


@pytest.mark.parametrize("role", ["viewer", "trigger"])
def test_only_operators_see_and_move_dead_letters(people: Any, role: str) -> None:
    assert people(role).refused("GET", LETTERS)[0] == 1003
    assert people(role).refused("POST", f"{LETTERS}/x/retry")[0] == 1003
    assert people(role).refused("DELETE", f"{LETTERS}/x")[0] == 1003
    assert people("operator").data("GET", LETTERS) == {"items": []}


def test_the_same_queues_can_be_made_again() -> None:
    work.create()
    found = work.ask("GetQueueAttributes", work.QUEUE, AttributeNames=["RedrivePolicy"])
    assert json.loads(found["Attributes"]["RedrivePolicy"])["maxReceiveCount"] == work.TRIES


def test_who_has_a_scope_sees_no_dead_letters(admin: People, people: Any) -> None:
    work.send_again('{"kind":"dance"}')
    do_all()
    (letter,) = letters(admin)
    narrow = people("admin", Scope(groups=("web",)))
    assert letters(narrow) == []
    assert narrow.refused("POST", f"{LETTERS}/{letter['id']}/retry")[0] == 1004
    assert narrow.refused("DELETE", f"{LETTERS}/{letter['id']}")[0] == 1004
    assert letters(admin) == [letter]
