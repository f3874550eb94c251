"""Compaction as a message of the work queue."""

from typing import Any

import msgspec

from chalicelib.operations.work import work_off
from chalicelib.s3 import chunks
from chalicelib.sqs.messages import CompactLog
from tests.api.conftest import Clock
from tests.api.logs.conftest import Logged, fill


def work(logged: Logged, travel: Clock) -> Any:
    key = logged.key
    body = msgspec.json.encode(CompactLog(key.run_id, key.step, key.agent_id)).decode()
    record = {
        "messageId": "m",
        "receiptHandle": "h",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1"},
    }
    return work_off([record], lambda: 100.0, lambda: travel.now)


def test_a_message_compacts_one_log_when_its_time_has_come(logged: Logged, travel: Clock) -> None:
    whole = fill(logged)
    logged.finish()
    assert work(logged, travel) == {"batchItemFailures": []}
    assert list(chunks.numbers(logged.key, 1)) != [], "too early"
    travel.after(7_200)
    assert work(logged, travel) == {"batchItemFailures": []}
    assert list(chunks.numbers(logged.key, 1)) == []
    assert logged.download("all") == whole
    assert work(logged, travel) == {"batchItemFailures": []}, "it may come twice"
