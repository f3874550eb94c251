"""What becomes of a call when the far side fails, beside what botocore makes of it."""

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ChecksumError,
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from chalicelib.aws import account
from chalicelib.aws import client as aws
from chalicelib.aws.client import Client
from chalicelib.aws.retrying import Quota
from chalicelib.dynamo.transport import DYNAMODB
from tests.transport.conftest import Serve, botocores
from tests.transport.far_side import (
    ITEM,
    Act,
    Line,
    answer,
    chunked,
    hang_up,
    of_tomorrow,
    packed,
    raw,
    refusal,
    silence,
    then_close,
    truncated,
)

GET = {"TableName": "t", "Key": {"id": {"S": "one"}}}
Ours = Callable[[], Client]


def ask(client: Client) -> Any:
    return json.loads(client.send("GetItem", json.dumps(GET).encode()))


def outcome(call: Callable[[], Any]) -> str:
    """An answer's item, or what was raised, in a word."""
    try:
        return f"answers {call()['Item']}"
    except ClientError as error:
        said = error.response["Error"]
        return f"refused: {said['Code']}: {said['Message']}"
    except BotoCoreError as error:
        return type(error).__name__


ALIKE: dict[str, list[Act]] = {
    "at once": [answer()],
    "in chunks": [chunked()],
    "throttled, then well": [refusal("ProvisionedThroughputExceededException"), answer()],
    "throttled for ever": [refusal("ThrottlingException")],
    "too many requests, without a code": [raw(b"HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n")],
    "failing, then well": [refusal("InternalServerError", 500)] * 4 + [answer()],
    "failing for ever": [refusal("InternalServerError", 500)],
    "unavailable, with a page": [answer(b"<html>down</html>", 503), answer()],
    "a bad gateway": [raw(b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n"), answer()],
    "a failed condition": [refusal("ConditionalCheckFailedException")],
    "not found": [refusal("ResourceNotFoundException")],
    "not allowed": [refusal("AccessDeniedException")],
    "a message in capitals": [answer({"__type": "x#ValidationException", "Message": "no"}, 400)],
    "expired for good": [refusal("ExpiredTokenException")],
    "hangs up, then well": [hang_up, answer()],
    "hangs up for ever": [hang_up],
    "damaged, then well": [answer(x_amz_crc32=1), answer()],
    "not HTTP": [raw(b"SSH-2.0-OpenSSH\r\n\r\n", stays=False), answer()],
    "no status": [raw(b"HTTP/1.1 2\r\n\r\n", stays=False), answer()],
}


@pytest.mark.parametrize("acts", ALIKE.values(), ids=ALIKE)
def test_it_ends_as_with_botocore(serve: Serve, acts: list[Act]) -> None:
    theirs = serve(*acts)
    expected = outcome(lambda: botocores().get_item(**GET))
    mine = serve(*acts)
    assert outcome(lambda: ask(aws.client(DYNAMODB))) == expected
    assert len(mine.heard) == len(theirs.heard), "as many attempts"


def test_faults_carry_what_pynamodb_and_people_want_to_know(serve: Serve, ours: Ours) -> None:
    reasons = [{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Message": "no"}]
    said = {"__type": "a#TransactionCanceledException", "CancellationReasons": reasons}
    serve(answer(said, 400))
    with pytest.raises(ClientError) as caught:
        ask(ours())
    response: Any = caught.value.response
    assert response["CancellationReasons"] == reasons
    assert response["ResponseMetadata"]["RequestId"] == "R1"
    assert response["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"] == "R1"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert caught.value.operation_name == "GetItem"


# --- pauses and quota


def test_pauses_grow_and_are_longer_where_it_is_throttled(
    serve: Serve, ours: Ours, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.random", lambda: 1.0)
    serve(hang_up, refusal("InternalServerError", 500), refusal("ThrottlingException"), answer())
    ask(ours())
    assert pauses == [0.025, 0.05, 4.0]


def test_a_pause_that_the_server_asks_for_is_kept(
    serve: Serve, ours: Ours, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.random", lambda: 0.5)
    serve(refusal("ThrottlingException", x_amz_retry_after="3000"), answer())
    ask(ours())
    assert pauses == [3.0]


def test_when_all_fails_for_long_calls_are_made_once(serve: Serve, ours: Ours) -> None:
    far = serve(hang_up)
    repeated = Quota.CAPACITY // Quota.COST
    for _ in range(repeated):  # each takes four further attempts while there are any
        outcome(lambda: ask(ours()))
    heard = len(far.heard)
    outcome(lambda: ask(ours()))
    assert len(far.heard) == heard + 1
    assert heard == repeated + repeated


# --- what botocore does not do


@pytest.mark.parametrize("missing", [1, 20, 60])
def test_a_truncated_answer_is_none(serve: Serve, ours: Ours, missing: int) -> None:
    far = serve(truncated(answer(x_amz_crc32=None), missing), answer())
    assert ask(ours()) == ITEM
    assert len(far.heard) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n{}",  # to the end of the connection: who says that it is whole?
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 2\r\n\r\n",
        b"x" * 100_000,
    ],
)
def test_what_is_not_http_is_a_broken_connection(serve: Serve, ours: Ours, wrong: bytes) -> None:
    serve(raw(wrong, stays=False))
    with pytest.raises(ConnectionClosedError):
        ask(ours())


def test_an_answer_that_is_damaged_each_time_is_told(serve: Serve, ours: Ours) -> None:
    far = serve(answer(x_amz_crc32=1))
    with pytest.raises(ChecksumError):
        ask(ours())
    assert len(far.heard) == DYNAMODB.attempts


def test_a_packed_answer_is_unpacked_and_checked_as_it_travelled(serve: Serve, ours: Ours) -> None:
    far = serve(packed())
    assert ask(ours()) == ITEM
    assert far.heard[0].headers["accept-encoding"] == "gzip"


def test_a_packed_answer_that_is_damaged_is_none(serve: Serve, ours: Ours) -> None:
    far = serve(answer(b"\x1f\x8b\x08 damaged", Content_Encoding="gzip"), answer())
    assert ask(ours()) == ITEM
    assert len(far.heard) == 2


def test_a_clock_that_is_wrong_is_put_right_by_the_servers(serve: Serve, ours: Ours) -> None:
    skewed = refusal("InvalidSignatureException", Date=of_tomorrow())
    far = serve(skewed, answer(), answer())
    client = ours()
    assert ask(client) == ITEM
    ask(client)
    days = [heard.headers["x-amz-date"][:8] for heard in far.heard]
    tomorrow = f"{account.now() + timedelta(days=1):%Y%m%d}"
    assert (days[0] < tomorrow, days[1:]) == (True, [tomorrow, tomorrow])


@pytest.mark.parametrize("date", ["soon", "Tue, 24 Nov 2026 21:29:32 -0000", ""])
def test_a_date_that_says_nothing_mends_nothing(serve: Serve, ours: Ours, date: str) -> None:
    far = serve(refusal("InvalidSignatureException", Date=date))
    assert "InvalidSignatureException" in outcome(lambda: ask(ours()))
    assert len(far.heard) == 1


def test_a_wrong_signature_at_the_right_time_is_refused_once(serve: Serve, ours: Ours) -> None:
    far = serve(refusal("InvalidSignatureException"))
    assert "InvalidSignatureException" in outcome(lambda: ask(ours()))
    assert len(far.heard) == 1


def test_keys_that_were_renewed_meanwhile_are_used(
    serve: Serve, ours: Ours, monkeypatch: pytest.MonkeyPatch
) -> None:
    def expired_and_renewed(line: Line) -> bool:
        monkeypatch.setattr(account, "keys", lambda: account.Keys("NEW", "secret", "token"))
        return refusal("ExpiredTokenException")(line)

    far = serve(expired_and_renewed, answer())
    assert ask(ours()) == ITEM
    assert "Credential=NEW/" in far.heard[1].headers["authorization"]
    assert far.heard[1].headers["x-amz-security-token"] == "token"
    assert "x-amz-security-token" in far.heard[1].headers["authorization"]


def test_an_answer_that_breaks_off_between_chunks_has_begun(
    serve: Serve, ours: Ours, pauses: list[float]
) -> None:
    half = raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", stays=False)
    far = serve(answer(), half, answer())
    assert [ask(ours()), ask(ours())] == [ITEM, ITEM]
    assert (len(far.heard), len(pauses)) == (3, 1), "that was an attempt"


def test_what_says_that_the_answer_is_still_to_come_is_none(serve: Serve, ours: Ours) -> None:
    """A proxy may send it unasked; the next call must not get this one's answer."""
    said = threading.Event()

    def later(line: Line) -> bool:
        line.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        said.wait(0.05)
        return answer({"Item": {"id": {"S": "first"}}})(line)

    far = serve(later, answer({"Item": {"id": {"S": "second"}}}))
    found = [ask(ours())["Item"]["id"]["S"] for _ in range(2)]
    assert (found, [heard.connection for heard in far.heard]) == (["first", "second"], [1, 1])


# --- nobody there


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1")
    aws.forget()
    with pytest.raises(EndpointConnectionError):
        ask(aws.client(DYNAMODB))
    aws.forget()
    assert len(pauses) == DYNAMODB.attempts - 1


def test_nobody_answers(serve: Serve) -> None:
    far = serve(silence, answer())
    service = aws.Service("dynamodb", DYNAMODB.target, 1, 1, 0.05)
    with pytest.raises(ReadTimeoutError):
        ask(aws.client(service))
    assert len(far.heard) == 1


def test_a_slow_answer_is_not_taken_for_that_of_the_next_call(serve: Serve) -> None:
    """The connection on which it may still come is given up."""
    far = serve(silence, answer({"Item": {"id": {"S": "two"}}}))
    service = aws.Service("dynamodb", DYNAMODB.target, 2, 1, 0.05)
    assert ask(aws.client(service)) == {"Item": {"id": {"S": "two"}}}
    assert far.connections == 2


def test_a_connection_is_used_again_only_after_a_whole_answer(serve: Serve, ours: Ours) -> None:
    far = serve(answer(), raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}{}"), answer())
    client = ours()
    for _ in range(3):
        ask(client)
    assert [heard.connection for heard in far.heard] == [1, 1, 2], "more came than was announced"


def test_a_server_that_says_so_closes_its_connection(serve: Serve, ours: Ours) -> None:
    far = serve(answer(Connection="close"), then_close(answer()), answer())
    client = ours()
    for _ in range(3):
        ask(client)
    assert [heard.connection for heard in far.heard] == [1, 2, 3]
