"""Shipping a job's output to S3 with presigned URLs, while it runs and after its end."""

import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import requests

from plumber_agent.machine.connection import Connection
from plumber_agent.machine.spool import CHUNK_BYTES, Cut, Spool
from plumber_agent.machine.wire import (
    CONNECT_SECONDS,
    READ_SECONDS,
    Backoff,
    Refused,
    Unreachable,
    Wire,
    until_done,
)

LIVE_BYTES, LIVE_SECONDS = 256 << 10, 0.75  # between PUTs: a line is read within a second
LIVE_AT_FIRST_SECONDS = 60.0  # of every job
BATCH_SECONDS = 30.0  # otherwise: PUTs are what logs cost
LOOK_SECONDS = 0.1  # how often a quiet spool is looked at
BATCH_LOOK_SECONDS = 1.0
FIRST_LOOK_SECONDS = 0.02  # until the first bytes are there: they are sent at once
URLS_AT_ONCE = 50
URL_LIFETIME_SECONDS = 800.0  # of the 900 for which they are signed
FIRST_OF_JOB_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 5.0  # after what fails here, such as a full disk
ARRIVED = 412  # of a PUT that writes once: the chunk is there, so an earlier answer was lost
STUCK_SECONDS = 5.0  # an agent that goes does not wait for output that has not moved for so long

log = logging.getLogger("plumber.agent")


@dataclass(frozen=True)
class Address:
    """Where one chunk goes, and what must be sent with it."""

    url: str
    headers: dict[str, str]


def addresses(told: Iterable[dict[str, Any]]) -> dict[int, Address]:
    """By the number of the chunk."""
    return {int(each["seq"]): Address(str(each["url"]), dict(each["headers"])) for each in told}


class Shipper:
    """Ships one job's spool. `run` is a thread's work; the rest may be called from others."""

    def __init__(
        self, wire: Wire, reference: dict[str, str], urls: list[dict[str, Any]], spool: Spool
    ) -> None:
        self._wire = wire
        self._reference = reference
        self._spool = spool
        self._urls = addresses(urls)
        self._urls_at = time.monotonic()
        self._connection = Connection()
        self._ended = threading.Event()
        self._stop = threading.Event()
        self._followed = threading.Event()
        self._began = self._cut_at = time.monotonic()
        self._failing_since: float | None = None
        self.given_up = False

    def follow(self, is_followed: bool) -> None:
        """Ships each second what there is, as long as somebody waits for it."""
        if is_followed:
            self._followed.set()
        else:
            self._followed.clear()

    def end(self) -> None:
        """The job has ended and everything has been cut."""
        self._ended.set()

    def stop(self) -> None:
        """Ends the thread, whether everything has arrived or not."""
        self._stop.set()
        self._ended.set()

    @property
    def is_stuck(self) -> bool:
        """Whether for some time nothing has arrived, although something should have."""
        since = self._failing_since
        return since is not None and time.monotonic() - since > STUCK_SECONDS

    def run(self) -> bool:
        """Returns when everything has arrived (True), or when it was stopped. Whatever fails is
        tried again: on a full disk nothing but this makes room."""
        backoff = Backoff(LONGEST_PAUSE_SECONDS)
        while not (self._stop.is_set() or self.given_up):
            try:
                if self._go_on():
                    return True
                backoff.reset()
            except Exception:
                if self._failing_since is None:
                    log.exception("The output of %s is not shipped for now", self._name())
                self._note_failure()
                self._stop.wait(backoff.next())
        return self._spool.next_to_ship() is None

    def _go_on(self) -> bool:
        """One step; whether everything has arrived."""
        has_ended = self._ended.is_set()  # asked first: everything has been cut by then
        cut = self._spool.next_to_ship()
        if cut is not None:
            self._ship(cut)
        elif has_ended:
            return True
        elif not (self._is_due(self._spool.waiting_bytes()) and self._cut()):
            self._wait()
        return False

    def _cut(self) -> bool:
        self._cut_at = time.monotonic()
        return self._spool.cut()

    @property
    def _is_live(self) -> bool:
        age = time.monotonic() - self._began
        return self._followed.is_set() or age < LIVE_AT_FIRST_SECONDS

    def _is_due(self, waiting: int) -> bool:
        """The first bytes at once, then so many or so often."""
        most, seconds = (
            (LIVE_BYTES, LIVE_SECONDS) if self._is_live else (CHUNK_BYTES, BATCH_SECONDS)
        )
        is_first = self._spool.chunks == 0
        is_late = time.monotonic() - self._cut_at >= seconds
        return waiting > 0 and (is_first or waiting >= most or is_late)

    def _wait(self) -> None:
        """Until it is time to look again, or the job has ended."""
        if self._spool.chunks == 0 and time.monotonic() - self._began < FIRST_OF_JOB_SECONDS:
            self._ended.wait(FIRST_LOOK_SECONDS)
        elif self._is_live:
            self._ended.wait(LOOK_SECONDS)
        else:
            self._ended.wait(BATCH_LOOK_SECONDS)

    def _name(self) -> str:
        return self._reference["job_id"]

    def _note_failure(self) -> None:
        self._failing_since = self._failing_since or time.monotonic()

    def _ship(self, cut: Cut) -> None:
        """Puts the chunk, however often that takes, until stopped or refused for good."""
        content = self._spool.content(cut)
        try:
            done = until_done(lambda: self._put(cut, content), self._stop)
        except Refused as error:
            log.warning("The output of %s is not wanted: %s", self._name(), error)
            self.given_up = True
            return
        if done:
            self._spool.mark_shipped(cut)
            self._failing_since = None

    def _put(self, cut: Cut, content: bytes) -> bool:
        try:
            return self._put_once(cut, content)
        except Exception:
            self._note_failure()
            raise

    def _put_once(self, cut: Cut, content: bytes) -> bool:
        address = self._address(cut.seq)
        if address is None:
            return True
        try:
            response = self._connection.put(
                address.url,
                data=content,
                headers=address.headers,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
            )
        except requests.RequestException as error:
            raise Unreachable(f"the log store: {type(error).__name__}") from error
        if response.status_code // 100 == 2 or response.status_code == ARRIVED:
            return True
        if response.status_code == 403:
            self._urls.clear()
        raise Unreachable(f"the log store answered {response.status_code}")

    def _address(self, seq: int) -> Address | None:
        """None for a chunk that has been compacted, and so had arrived. Raises Refused where no
        chunk is taken any more."""
        if time.monotonic() - self._urls_at > URL_LIFETIME_SECONDS:
            self._urls.clear()
        if seq not in self._urls:
            params = {**self._reference, "from": seq, "count": URLS_AT_ONCE}
            answer = self._wire.call("job.log_urls", params)
            self._urls = addresses(answer["urls"])
            self._urls_at = time.monotonic()
        return self._urls.get(seq)
