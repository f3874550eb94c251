"""What the work queue carries, as text: it outlives a deployment of a new version."""

import msgspec
import pytest

from chalicelib.operations.work import HANDLERS, pause_seconds
from chalicelib.sqs.messages import MESSAGE, AdvanceRun, Message, PutJobs, kind_of
from chalicelib.sqs.work import TRIES

SENT: dict[str, Message] = {
    '{"kind":"put_jobs","run_id":"r","step":2,"first":100,"end":350,"version":1}': PutJobs(
        "r", 2, 100, 350
    ),
    '{"kind":"advance","run_id":"r","version":1}': AdvanceRun("r"),
}


@pytest.mark.parametrize(("text", "message"), SENT.items())
def test_a_message_is_the_same_after_its_way(text: str, message: Message) -> None:
    assert msgspec.json.encode(message).decode() == text
    assert MESSAGE.json(text) == message


@pytest.mark.parametrize(
    "text",
    [
        '{"kind":"dance","run_id":"r"}',
        '{"run_id":"r"}',
        '{"kind":"advance","run_id":"r","version":2}',
        '{"kind":"put_jobs","run_id":"r","step":"1","first":0,"end":1}',
        "advance r",
    ],
)
def test_what_is_not_known_is_not_guessed(text: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        MESSAGE.json(text)


def test_every_kind_has_its_handler() -> None:
    assert set(HANDLERS) == {type(message) for message in SENT.values()}
    kinds = {kind_of(message) for message in SENT.values()}
    assert kinds == {"put_jobs", "advance"}


def test_each_try_waits_longer_than_the_one_before_up_to_a_quarter_of_an_hour() -> None:
    pauses = [pause_seconds(tries) for tries in range(1, TRIES + 3)]
    assert pauses == [15, 60, 240, 900, 900, 900, 900]
