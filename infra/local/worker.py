"""The worker: what Lambda does on AWS for a function with a queue. Waits at the work queue, calls
the function, and deletes what it has done.

As on AWS, what the function reports as failed, and all of a call that fails, stays in the queue and
comes again when its time to be hidden is over; after some tries SQS makes dead letters of it.
"""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Any

from chalice.app import Chalice, SQSEventConfig

from chalicelib.sqs import work
from chalicelib.sqs.work import Received

WORKERS = 2  # so that one long message does not keep all others waiting
PAUSE_SECONDS = 2.0  # after a call of SQS that failed

log = logging.getLogger("worker")


class Context:
    """What Lambda tells a function of its call, as far as it is asked for."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        """Spelled as in Lambda's context."""
        return int(max(0.0, self._until - time.monotonic()) * 1_000)


def working(app: Chalice) -> list[str]:
    """The names of the functions that app.py registers with `@app.on_sqs_message`."""
    return [source.name for source in app.event_sources if isinstance(source, SQSEventConfig)]


def start(app: Chalice, ended: threading.Event) -> list[threading.Thread]:
    """Threads that work until it is `ended`. They end with the process, in the middle of a wait."""
    threads = [
        threading.Thread(target=_keep_working, args=(app, name, ended), name=name, daemon=True)
        for name in working(app)
        for _ in range(WORKERS)
    ]
    for thread in threads:
        thread.start()
    return threads


def _keep_working(app: Chalice, name: str, ended: threading.Event) -> None:
    while not ended.is_set():
        try:
            work_once(app, name, work.WAIT_SECONDS)
        except Exception:
            log.exception("The work queue could not be asked.")
            ended.wait(PAUSE_SECONDS)


def work_once(app: Chalice, name: str, wait_seconds: int) -> int:
    """Waits for messages so long, and calls the function with them; answers how many it has done.

    Raises what SQS answers, and nothing of the function.
    """
    received = work.receive(work.QUEUE, wait_seconds=wait_seconds)
    if not received:
        return 0
    try:
        answer = app.handler_map[name](event(received), Context(work.FUNCTION_SECONDS))
    except Exception:
        log.exception("The function %s failed.", name)
        return 0
    failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
    done = [each.handle for each in received if each.id not in failed]
    work.delete(work.QUEUE, done)
    return len(done)


def event(received: Sequence[Received]) -> dict[str, Any]:
    """What Lambda hands to a function with a queue."""
    return {
        "Records": [
            {
                "messageId": each.id,
                "receiptHandle": each.handle,
                "body": each.body,
                "attributes": dict(each.attributes),
                "eventSource": "aws:sqs",
                "awsRegion": "us-east-1",
            }
            for each in received
        ]
    }
