"""The schedules: what EventBridge does on AWS. Calls the scheduled handlers of app.py side by side,
so that none waits for another. The workers of the queue live in the same process."""

import importlib
import logging
import signal
import threading
from datetime import datetime, timezone
from typing import Any

import click
from chalice.app import Chalice, ScheduledEventConfig

from infra.local import worker

log = logging.getLogger("ticker")


def scheduled(app: Chalice) -> list[str]:
    """The names of the functions that app.py registers with `@app.schedule`."""
    return [source.name for source in app.event_sources if isinstance(source, ScheduledEventConfig)]


def tick(app: Chalice, now: datetime) -> None:
    """One round of all of them."""
    for name in scheduled(app):
        call(app, name, now)


def call(app: Chalice, name: str, now: datetime) -> None:
    """One call. A fault is logged: the next call may mend it."""
    try:
        app.handler_map[name](event(name, now), None)
    except Exception:
        log.exception("The scheduled function %s failed.", name)


def start(app: Chalice, seconds: float, ended: threading.Event) -> list[threading.Thread]:
    """A thread for each function, which calls it every so often until it is `ended`."""
    threads = [
        threading.Thread(target=_keep_calling, args=(app, name, seconds, ended), name=name)
        for name in scheduled(app)
    ]
    for thread in threads:
        thread.start()
    return threads


def _keep_calling(app: Chalice, name: str, seconds: float, ended: threading.Event) -> None:
    while not ended.wait(seconds):
        call(app, name, datetime.now(timezone.utc))  # noqa: TID251  an entry point


def event(name: str, now: datetime) -> dict[str, Any]:
    """What EventBridge sends to a function on schedule."""
    return {
        "version": "0",
        "id": f"{name}-{now:%Y%m%dT%H%M%S}",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": "us-east-1",
        "resources": [f"arn:aws:events:us-east-1:000000000000:rule/{name}"],
        "detail": {},
    }


@click.command()
@click.option("--every", "seconds", type=float, default=2.0, show_default=True)
def main(seconds: float) -> None:
    """Ticks until SIGTERM."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    app = importlib.import_module("app").app
    worker.start(app, ended)
    for thread in start(app, seconds, ended):
        thread.join()


if __name__ == "__main__":
    main()
