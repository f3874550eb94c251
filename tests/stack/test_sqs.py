"""Our own SQS, asked by boto3's real client and by the agents' presigned addresses."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
import requests
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.local.environment import ROOT
from infra.local.sqs.wire import HEAD_BYTES

LONG_POLL_SECONDS = 20


@pytest.fixture
def client(sqs_server: str) -> Iterator[Any]:
    made = client_of(sqs_server)
    yield made
    for url in made.list_queues().get("QueueUrls", []):
        made.delete_queue(QueueUrl=url)
    made.close()


def client_of(server: str, **keys: str) -> Any:
    config = Config(retries={"total_max_attempts": 1})
    return boto3.client("sqs", endpoint_url=server, config=config, **keys)  # type: ignore


@pytest.fixture
def queue(client: Any) -> str:
    url: str = client.create_queue(QueueName="work")["QueueUrl"]
    return url


def presigned(client: Any, queue: str, **parameters: str) -> str:
    request = AWSRequest("GET", queue, params={"Action": "ReceiveMessage", **parameters})
    own = client._request_signer._credentials
    SigV4QueryAuth(own, "sqs", client.meta.region_name, expires=60).add_auth(request)
    return str(request.url)


def code_of(refused: "pytest.ExceptionInfo[ClientError]") -> str:
    return refused.value.response["Error"]["Code"]


def test_a_message_is_sent_received_and_deleted(client: Any, queue: str) -> None:
    sent = client.send_message(QueueUrl=queue, MessageBody="grüße <&>")
    (message,) = client.receive_message(QueueUrl=queue, AttributeNames=["All"])["Messages"]
    assert (message["MessageId"], message["Body"]) == (sent["MessageId"], "grüße <&>")
    assert message["MD5OfBody"] == sent["MD5OfMessageBody"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    client.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert "Messages" not in client.receive_message(QueueUrl=queue)


def test_batches_succeed_and_fail_entry_by_entry(client: Any, queue: str) -> None:
    entries = [{"Id": "good", "MessageBody": "a"}, {"Id": "bad", "MessageBody": "\0"}]
    sent = client.send_message_batch(QueueUrl=queue, Entries=entries)
    assert [each["Id"] for each in sent["Successful"]] == ["good"]
    assert [(each["Id"], each["Code"]) for each in sent["Failed"]] == [
        ("bad", "InvalidMessageContents")
    ]
    (message,) = client.receive_message(QueueUrl=queue)["Messages"]
    handles = [message["ReceiptHandle"], "none"]
    deleted = client.delete_message_batch(
        QueueUrl=queue,
        Entries=[{"Id": str(n), "ReceiptHandle": handle} for n, handle in enumerate(handles)],
    )
    assert [each["Id"] for each in deleted["Successful"]] == ["0"]
    assert [each["Code"] for each in deleted["Failed"]] == ["ReceiptHandleIsInvalid"]


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([], "EmptyBatchRequest"),
        ([{"Id": "1", "MessageBody": "a"}] * 2, "BatchEntryIdsNotDistinct"),
        ([{"Id": str(n), "MessageBody": "a"} for n in range(11)], "TooManyEntriesInBatchRequest"),
        ([{"Id": "!", "MessageBody": "a"}], "InvalidBatchEntryId"),
        (
            [{"Id": str(n), "MessageBody": '"' * 100_000} for n in range(3)],
            "BatchRequestTooLong",
        ),
    ],
)
def test_a_bad_batch_is_refused_whole(client: Any, queue: str, entries: Any, code: str) -> None:
    with pytest.raises(ClientError) as refused:
        client.send_message_batch(QueueUrl=queue, Entries=entries)
    assert code_of(refused) == f"AWS.SimpleQueueService.{code}"
    assert "Messages" not in client.receive_message(QueueUrl=queue)


def test_poison_becomes_a_dead_letter(client: Any) -> None:
    dead = client.create_queue(QueueName="dead")["QueueUrl"]
    own = {"QueueUrl": dead, "AttributeNames": ["QueueArn"]}
    arn = client.get_queue_attributes(**own)["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    work = client.create_queue(QueueName="work", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    client.send_message(QueueUrl=work, MessageBody="poison")
    (message,) = client.receive_message(QueueUrl=work)["Messages"]
    handle = {"QueueUrl": work, "ReceiptHandle": message["ReceiptHandle"]}
    client.change_message_visibility(**handle, VisibilityTimeout=0)
    assert "Messages" not in client.receive_message(QueueUrl=work)
    names = ["DeadLetterQueueSourceArn"]
    (letter,) = client.receive_message(QueueUrl=dead, AttributeNames=names)["Messages"]
    assert letter["Body"] == "poison"
    assert letter["Attributes"]["DeadLetterQueueSourceArn"].endswith(":work")


def test_attributes_are_set_and_counted(client: Any, queue: str) -> None:
    client.set_queue_attributes(QueueUrl=queue, Attributes={"DelaySeconds": "900"})
    client.send_message(QueueUrl=queue, MessageBody="later")
    found = client.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert (found["DelaySeconds"], found["VisibilityTimeout"]) == ("900", "30")
    assert found["ApproximateNumberOfMessagesDelayed"] == "1"
    client.purge_queue(QueueUrl=queue)
    names = ["ApproximateNumberOfMessagesDelayed"]
    found = client.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    assert found == {"ApproximateNumberOfMessagesDelayed": "0"}


def test_queues_are_listed_and_found_by_name(client: Any, queue: str) -> None:
    other = client.create_queue(QueueName="other")["QueueUrl"]
    assert client.list_queues()["QueueUrls"] == [other, queue]
    assert client.list_queues(QueueNamePrefix="wo")["QueueUrls"] == [queue]
    assert client.get_queue_url(QueueName="work")["QueueUrl"] == queue
    client.delete_queue(QueueUrl=queue)
    with pytest.raises(client.exceptions.QueueDoesNotExist) as refused:
        client.get_queue_url(QueueName="work")
    assert code_of(refused) == "AWS.SimpleQueueService.NonExistentQueue"


def test_faults_are_those_that_boto3_knows(client: Any, queue: str) -> None:
    known = client.exceptions
    with pytest.raises(known.QueueNameExists):
        client.create_queue(QueueName="work", Attributes={"VisibilityTimeout": "1"})
    with pytest.raises(known.ReceiptHandleIsInvalid):
        client.delete_message(QueueUrl=queue, ReceiptHandle="none")
    with pytest.raises(known.UnsupportedOperation, match="MessageAttributes"):
        attributes = {"a": {"DataType": "String", "StringValue": "b"}}
        client.send_message(QueueUrl=queue, MessageBody="a", MessageAttributes=attributes)
    with pytest.raises(known.QueueDoesNotExist):
        client.send_message(QueueUrl=queue.replace("1234", "4321"), MessageBody="a")
    with pytest.raises(ClientError, match="WaitTimeSeconds"):
        client.receive_message(QueueUrl=queue, WaitTimeSeconds=21)
    with pytest.raises(ClientError, match="no action 'TagQueue'"):
        client.tag_queue(QueueUrl=queue, Tags={"a": "b"})


# --- what it takes

HEAVY = {"boto3", "botocore", "click", "moto", "urllib3", "werkzeug"}


def test_it_is_a_small_process() -> None:
    listed = "import sys, infra.local.sqs.__main__; print(*sys.modules)"
    command = [sys.executable, "-c", listed]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {name.partition(".")[0] for name in told.split()} & HEAVY == set()


# --- waiting


@pytest.mark.parametrize("way", ["boto3", "presigned"])
def test_an_arriving_message_wakes_who_waits(client: Any, queue: str, way: str) -> None:
    def wait(_: int) -> int:
        if way == "boto3":
            found = client.receive_message(QueueUrl=queue, WaitTimeSeconds=LONG_POLL_SECONDS)
            return len(found.get("Messages", []))
        url = presigned(client, queue, WaitTimeSeconds=str(LONG_POLL_SECONDS))
        answer = requests.get(url, timeout=LONG_POLL_SECONDS / 2)
        return answer.text.count("<Message>")

    with ThreadPoolExecutor(3) as waiters:
        waiting = waiters.map(wait, range(3), timeout=LONG_POLL_SECONDS / 2)
        for _ in range(3):
            client.send_message(QueueUrl=queue, MessageBody="ring")
        assert list(waiting) == [1, 1, 1], "each wakes one"


def test_a_message_that_becomes_visible_wakes_who_waits(client: Any, queue: str) -> None:
    client.send_message(QueueUrl=queue, MessageBody="again")
    client.receive_message(QueueUrl=queue, VisibilityTimeout=1)
    found = client.receive_message(QueueUrl=queue, WaitTimeSeconds=LONG_POLL_SECONDS)
    assert [each["Body"] for each in found["Messages"]] == ["again"]


def test_who_waits_at_a_queue_that_is_deleted_is_told(client: Any, queue: str) -> None:
    with ThreadPoolExecutor(1) as waiters:
        url = presigned(client, queue, WaitTimeSeconds=str(LONG_POLL_SECONDS))
        waiting = waiters.submit(requests.get, url, timeout=LONG_POLL_SECONDS / 2)
        client.delete_queue(QueueUrl=queue)
        answer = waiting.result()
    assert answer.status_code == 400
    assert "<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in answer.text


def test_a_message_is_not_given_to_somebody_who_has_gone_away(client: Any, queue: str) -> None:
    url = urlsplit(presigned(client, queue, WaitTimeSeconds=str(LONG_POLL_SECONDS)))
    with socket.create_connection((url.hostname, url.port)) as gone:
        head = f"GET {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n"
        gone.sendall(head.encode())
        client.list_queues()  # when this is answered, the other call has come
    client.list_queues()  # … and has gone
    client.send_message(QueueUrl=queue, MessageBody="kept")
    assert len(client.receive_message(QueueUrl=queue)["Messages"]) == 1


# --- who may ask, and how much


def test_xml_holds_what_was_sent(client: Any, queue: str) -> None:
    client.send_message(QueueUrl=queue, MessageBody="<&>")
    answer = requests.get(presigned(client, queue), timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/xml")
    assert "<Body>&lt;&amp;&gt;</Body></Message></ReceiveMessageResult>" in answer.text


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"aws_secret_access_key": "forged"}, "SignatureDoesNotMatch"),
        ({"aws_access_key_id": "somebody"}, "InvalidClientTokenId"),
        ({"region_name": "eu-west-1"}, "SignatureDoesNotMatch"),
    ],
)
def test_calls_of_strangers_are_refused(
    client: Any, sqs_server: str, keys: dict[str, str], code: str
) -> None:
    own = client._request_signer._credentials
    good = {"aws_access_key_id": own.access_key, "aws_secret_access_key": own.secret_key}
    stranger = client_of(sqs_server, **{**good, **keys})
    with pytest.raises(ClientError) as refused:
        stranger.list_queues()
    assert (code_of(refused), refused.value.response["ResponseMetadata"]["HTTPStatusCode"]) == (
        code,
        403,
    )


def test_a_body_that_is_not_the_one_that_was_signed_is_refused(client: Any, queue: str) -> None:
    def change(request: Any, **_: Any) -> None:
        request.body = request.body.replace(b"good", b"evil")

    client.meta.events.register("before-send.sqs.SendMessage", change)
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        client.send_message(QueueUrl=queue, MessageBody="good")


def test_what_is_not_signed_is_refused(sqs_server: str) -> None:
    target = {"X-Amz-Target": "AmazonSQS.ListQueues"}
    refused = requests.post(sqs_server, json={}, headers=target, timeout=10)
    assert (refused.status_code, "MissingAuthenticationToken" in refused.text) == (403, True)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (f"POST / HTTP/1.1\r\nContent-Length: {1 << 30}\r\n\r\n", 413),
        ("GET / HTTP/1.1\r\n".ljust(HEAD_BYTES + 1, "x"), 431),
    ],
    ids=["no request", "no length", "chunked", "large body", "large head"],
)
def test_what_cannot_be_read_is_refused_and_the_connection_ended(
    sqs_server: str, head: str, status: int
) -> None:
    url = urlsplit(sqs_server)
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        connection.sendall(head.encode())
        with connection.makefile("rb") as answer:
            assert answer.readline().split()[1] == str(status).encode()
            answer.read()
