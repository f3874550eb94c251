"""The schedules: what EventBridge and Lambda do on AWS. Two ways to call what app.py schedules:

* in threads of this process, every two seconds: so that nobody waits for a minute;
* `--as-on-aws`: every minute, each call in a process of its own, whether or not the one before has
  ended, and killed at the function's time-out in the middle of whatever it does.

The workers of the queue live in the same process.
"""

import importlib
import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import click
from chalice.app import Chalice, ScheduledEventConfig
from chalice.local import LambdaContext

from infra import scheduled as settings
from infra.local import worker
from infra.local.processes import end_with_parent

KILLED_WITHIN_SECONDS = 0.25  # of its time-out

log = logging.getLogger("ticker")


def scheduled(app: Chalice) -> list[str]:
    """The names of the functions that app.py registers with `@app.schedule`."""
    return [source.name for source in app.event_sources if isinstance(source, ScheduledEventConfig)]


def _now() -> datetime:
    return datetime.now(timezone.utc)  # noqa: TID251  an entry point


# --- in this process


def tick(app: Chalice, now: datetime) -> None:
    """One round of all of them."""
    for name in scheduled(app):
        call(app, name, now)


def call(app: Chalice, name: str, now: datetime, time_out: timedelta | None = None) -> None:
    """One call. A fault is logged: the next call may mend it."""
    left = time_out or settings.time_out(name)
    context = LambdaContext(name, 0, max_runtime_ms=left // timedelta(milliseconds=1))
    try:
        app.handler_map[name](event(name, now), context)
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
        call(app, name, _now())


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


# --- as on AWS


Spawn = Callable[[str, timedelta], "subprocess.Popen[bytes]"]


class Invocations:
    """Calls that go on, a process each. What happens when is for the caller to say."""

    def __init__(self, spawn: Spawn, time_outs: Mapping[str, timedelta]) -> None:
        self._spawn = spawn
        self._time_outs = time_outs
        self._going_on: list[tuple[str, datetime, subprocess.Popen[bytes]]] = []

    def begin(self, now: datetime) -> None:
        """A round: a call of each function that does not have all that it may have at once. What
        is refused is not made up for, as an event that waited for too long is not."""
        self.end_overdue(now)
        for name, time_out in self._time_outs.items():
            if self._count(name) < settings.AT_ONCE:
                process = self._spawn(name, time_out)
                self._going_on.append((name, now + time_out, process))
            else:
                log.warning("%s is throttled", name)

    def end_overdue(self, now: datetime) -> None:
        """Kills those whose time-out has passed, and forgets those that have ended."""
        for name, ends_at, process in self._going_on:
            if ends_at <= now and process.poll() is None:
                log.warning("%s is killed at its time-out", name)
                process.kill()
                process.wait()
        self._going_on = [each for each in self._going_on if each[2].poll() is None]

    def _count(self, name: str) -> int:
        return sum(each == name for each, _, _ in self._going_on)

    def end(self) -> None:
        """Kills all."""
        for _, _, process in self._going_on:
            process.kill()
            process.wait()


def spawn(name: str, time_out: timedelta) -> "subprocess.Popen[bytes]":
    """One call in a process of its own, which starts cold."""
    seconds = str(time_out.total_seconds())
    program = [sys.executable, "-m", "infra.local.ticker", "--once", name, "--time-out", seconds]
    return subprocess.Popen(program, preexec_fn=end_with_parent)


def _keep_beginning(invocations: Invocations, seconds: float, ended: threading.Event) -> None:
    next_at = _now()
    while not ended.wait(KILLED_WITHIN_SECONDS):
        now = _now()
        invocations.end_overdue(now)
        if now >= next_at:
            invocations.begin(now)
            next_at = now + timedelta(seconds=seconds)
    invocations.end()


@click.command()
@click.option("--every", "seconds", type=float, help="Seconds between rounds.")
@click.option("--as-on-aws", is_flag=True, help="Overlapping processes, killed at the time-out.")
@click.option("--time-out", type=float, help="Seconds, instead of each function's own.")
@click.option("--once", "name", metavar="FUNCTION", help="Calls it once, and ends.")
def main(seconds: float | None, as_on_aws: bool, time_out: float | None, name: str | None) -> None:
    """Ticks until SIGTERM."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    given = None if time_out is None else timedelta(seconds=time_out)
    app = importlib.import_module("app").app
    if name is not None:
        call(app, name, _now(), given)
        return
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    worker.start(app, ended)
    if as_on_aws:
        time_outs = {each: given or settings.time_out(each) for each in scheduled(app)}
        _keep_beginning(Invocations(spawn, time_outs), seconds or 60.0, ended)
        return
    for thread in start(app, seconds or 2.0, ended):
        thread.join()


if __name__ == "__main__":
    main()
