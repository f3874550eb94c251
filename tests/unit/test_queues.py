"""The rules of the local stack's SQS. Times are seconds; the tests begin at 0."""

import json
from collections.abc import Mapping
from itertools import count
from typing import Any

import pytest

from infra.local.sqs.queues import MESSAGE_BYTES, Message, Queues, Refused

ARN = "arn:aws:sqs:us-east-1:123456789012:"


class Desk:
    """Queues with ids that can be told apart, and who was called."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.queues = Queues(ARN, self.calls.append)
        self._ids = count(1)

    def make(self, name: str = "work", **attributes: Any) -> None:
        self.queues.create(name, {key: str(value) for key, value in attributes.items()}, 0)

    def make_with_dead_letters(self, receives: int) -> None:
        self.make("dead")
        policy = json.dumps({"deadLetterTargetArn": f"{ARN}dead", "maxReceiveCount": receives})
        self.make(RedrivePolicy=policy)

    def send(self, body: str, now: float = 0, delay: int | None = None) -> None:
        self.queues.send("work", f"{next(self._ids):036}", body, now, delay)

    def receive(self, now: float, hidden: int | None = None, name: str = "work") -> list[Message]:
        return self.queues.receive(name, now, 10, hidden)

    def bodies(self, now: float, hidden: int | None = None, name: str = "work") -> list[str]:
        return [message.body for message in self.receive(now, hidden, name)]

    def counts(self, now: float, name: str = "work") -> tuple[int, ...]:
        """Visible, received, delayed."""
        return tuple(self.queues.find(name).counts(now).values())


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_messages_come_in_their_order_and_at_most_as_many_as_asked_for(desk: Desk) -> None:
    desk.make()
    for body in "abc":
        desk.send(body)
    assert [message.body for message in desk.queues.receive("work", 0, 2)] == ["a", "b"]
    assert [message.body for message in desk.queues.receive("work", 0, 2)] == ["c"]


def test_a_received_message_is_hidden_for_the_queues_time_or_the_calls(desk: Desk) -> None:
    desk.make(VisibilityTimeout=10)
    desk.send("a")
    assert desk.bodies(0) == ["a"]
    assert (desk.bodies(9.9), desk.bodies(10, hidden=100)) == ([], ["a"])
    assert (desk.bodies(109), desk.bodies(110)) == ([], ["a"])


def test_a_deleted_message_does_not_come_back(desk: Desk) -> None:
    desk.make()
    desk.send("a")
    (message,) = desk.receive(0)
    for _ in range(2):
        desk.queues.find("work").delete(message.handle)
    assert desk.bodies(1_000) == []


def test_only_the_latest_receipt_counts(desk: Desk) -> None:
    desk.make()
    desk.send("a")
    (first,) = desk.receive(0)
    (second,) = desk.receive(30)
    assert (first.id, first.receives, second.receives) == (second.id, 1, 2)
    desk.queues.find("work").delete(first.handle)
    assert desk.bodies(60) == ["a"]


def test_what_is_no_receipt_is_refused(desk: Desk) -> None:
    desk.make()
    with pytest.raises(Refused, match="ReceiptHandleIsInvalid"):
        desk.queues.find("work").delete("mine")


def test_a_delayed_message_waits(desk: Desk) -> None:
    desk.make(DelaySeconds=5)
    desk.send("later")
    desk.send("much later", delay=50)
    desk.send("now", delay=0)
    assert desk.counts(0) == (1, 0, 2)
    assert desk.queues.find("work").next_visible_at(0) == 5
    assert (desk.bodies(0), desk.bodies(5), desk.bodies(50, 0)) == (
        ["now"],
        ["later"],
        ["later", "much later", "now"],
    )


def test_messages_expire_received_or_not(desk: Desk) -> None:
    desk.make(MessageRetentionPeriod=60, VisibilityTimeout=120)
    desk.send("received")
    desk.receive(0)
    desk.send("never", now=30)
    assert desk.counts(59) == (1, 1, 0)
    assert desk.counts(60) == (1, 0, 0)
    assert desk.bodies(90) == []
    assert desk.counts(0) == (0, 0, 0), "they are forgotten"


def test_a_message_can_be_hidden_for_longer_or_given_back(desk: Desk) -> None:
    desk.make()
    desk.send("a")
    (message,) = desk.receive(0)
    desk.queues.hide("work", message.handle, 100, 20)
    assert desk.bodies(119) == []
    desk.queues.hide("work", message.handle, 0, 119)
    (again,) = desk.receive(119)
    for handle, now in ((message.handle, 119), (again.handle, 149)):
        with pytest.raises(Refused, match="MessageNotInflight"):
            desk.queues.hide("work", handle, 10, now)


def test_what_was_received_too_often_goes_to_the_dead_letters(desk: Desk) -> None:
    desk.make_with_dead_letters(receives=2)
    desk.send("poison")
    desk.send("fine")
    fine = desk.receive(0, hidden=10)[1]
    desk.queues.find("work").delete(fine.handle)
    assert desk.bodies(10, hidden=10) == ["poison"]
    assert desk.counts(15, "dead") == (0, 0, 0), "the second receive may still succeed"
    desk.calls.clear()
    assert desk.bodies(20) == []
    assert desk.calls == ["dead"], "who waits there is called"
    (dead,) = desk.receive(20, name="dead")
    assert (dead.body, dead.died_in, dead.sent_at) == ("poison", "work", 0)
    desk.queues.find("dead").delete(dead.handle)
    assert desk.counts(1_000, "dead") == (0, 0, 0)


def test_dead_letters_live_from_when_they_were_sent(desk: Desk) -> None:
    desk.make_with_dead_letters(receives=1)
    desk.queues.change("dead", {"MessageRetentionPeriod": "60"}, 0)
    desk.send("poison")
    desk.receive(0, hidden=10)
    desk.receive(10)
    assert desk.counts(59, "dead") == (1, 0, 0)
    assert desk.bodies(60, name="dead") == []


def test_without_the_queue_of_dead_letters_messages_stay(desk: Desk) -> None:
    desk.make_with_dead_letters(receives=1)
    desk.queues.delete("dead")
    desk.send("a")
    assert [desk.bodies(now, 0) for now in (0, 1, 2)] == [["a"]] * 3


def test_a_redrive_policy_can_be_taken_away(desk: Desk) -> None:
    desk.make_with_dead_letters(receives=1)
    desk.queues.change("work", {"RedrivePolicy": ""}, 0)
    desk.send("a")
    assert [desk.bodies(now, 0) for now in (0, 1)] == [["a"]] * 2


def test_a_purged_queue_is_empty(desk: Desk) -> None:
    desk.make()
    desk.send("a")
    desk.send("b")
    desk.queues.receive("work", 0)
    desk.queues.find("work").purge()
    assert desk.bodies(1_000) == []


def test_a_queue_is_made_once_with_the_same_attributes(desk: Desk) -> None:
    desk.make(VisibilityTimeout=10)
    desk.send("kept")
    desk.make(VisibilityTimeout=10)
    desk.make()
    assert desk.bodies(0) == ["kept"]
    with pytest.raises(Refused, match="QueueNameExists"):
        desk.make(VisibilityTimeout=11)


def test_a_deleted_queue_is_gone_and_who_waits_is_told(desk: Desk) -> None:
    desk.make()
    desk.queues.delete("work")
    assert desk.calls == ["work"]
    for verb in (desk.queues.find, desk.queues.delete):
        with pytest.raises(Refused, match="QueueDoesNotExist"):
            verb("work")


@pytest.mark.parametrize("name", ["", "a b", "a" * 81, "work.fifo", "a/b"])
def test_a_bad_name_is_refused(desk: Desk, name: str) -> None:
    with pytest.raises(Refused, match="InvalidParameterValue"):
        desk.make(name)


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"VisibilityTimeout": "43201"}, "InvalidAttributeValue"),
        ({"MessageRetentionPeriod": "59"}, "InvalidAttributeValue"),
        ({"DelaySeconds": "-1"}, "InvalidAttributeValue"),
        ({"DelaySeconds": "soon"}, "InvalidAttributeValue"),
        ({"FifoQueue": "true"}, "InvalidAttributeName"),
        ({"RedrivePolicy": "{}"}, "InvalidAttributeValue"),
        ({"RedrivePolicy": "[]"}, "InvalidAttributeValue"),
        (
            {"RedrivePolicy": f'{{"deadLetterTargetArn": "{ARN}none", "maxReceiveCount": 1}}'},
            "InvalidAttributeValue",
        ),
    ],
)
def test_bad_attributes_are_refused(desk: Desk, attributes: Mapping[str, str], code: str) -> None:
    with pytest.raises(Refused, match=code):
        desk.make(**attributes)
    assert desk.queues.names() == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "MissingParameter"),
        ("\0", "InvalidMessageContents"),
        ("\ud800", "InvalidMessageContents"),
        ("ä" * (MESSAGE_BYTES // 2) + "x", "InvalidParameterValue"),
    ],
    ids=["empty", "no XML", "half a character", "too long"],
)
def test_a_bad_body_is_refused(desk: Desk, body: str, code: str) -> None:
    desk.make()
    with pytest.raises(Refused, match=code):
        desk.send(body)
    assert desk.counts(0) == (0, 0, 0)


def test_the_longest_body_is_taken(desk: Desk) -> None:
    desk.make()
    desk.send("ä" * (MESSAGE_BYTES // 2))
    assert desk.counts(0) == (1, 0, 0)
