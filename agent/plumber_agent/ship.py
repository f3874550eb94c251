"""Shipping a job's output to S3 with presigned URLs, while it runs and after its end."""

import logging
import threading
import time
from typing import Any

import requests

from plumber_agent.spool import Cut, Spool
from plumber_agent.wire import CONNECT_SECONDS, READ_SECONDS, Refused, Unreachable, Wire, until_done

FLUSH_BYTES = 256 << 10
FLUSH_SECONDS = 1.0
LOOK_SECONDS = 0.1  # how often a quiet spool is looked at
FIRST_LOOK_SECONDS = 0.02  # until the first bytes are there: they are sent at once
URLS_AT_ONCE = 50
URL_LIFETIME_SECONDS = 800.0  # of the 900 for which they are signed
FIRST_OF_JOB_SECONDS = 2.0

log = logging.getLogger("plumber.agent")


class Shipper:
    """Ships one job's spool. `run` is a thread's work; the rest may be called from others."""

    def __init__(
        self, wire: Wire, reference: dict[str, str], urls: list[dict[str, Any]], spool: Spool
    ) -> None:
        self._wire = wire
        self._reference = reference
        self._spool = spool
        self._urls = {int(each["seq"]): str(each["url"]) for each in urls}
        self._urls_at = time.monotonic()
        self._session = requests.Session()
        self._ended = threading.Event()
        self._stop = threading.Event()
        self.given_up = False

    def end(self) -> None:
        """The job has ended and everything has been cut."""
        self._ended.set()

    def stop(self) -> None:
        """Ends the thread, whether everything has arrived or not."""
        self._stop.set()
        self._ended.set()

    def run(self) -> bool:
        """Returns when everything has arrived (True), or when it was stopped."""
        began = time.monotonic()
        waiting_since: float | None = None
        while not self._stop.is_set():
            has_ended = self._ended.is_set()  # asked first: everything has been cut by then
            cut = self._spool.next_to_ship()
            if cut is not None:
                if not self._ship(cut):
                    break
                waiting_since = None
                continue
            if has_ended:
                return True
            waiting = self._spool.waiting_bytes()
            now = time.monotonic()
            waiting_since = (waiting_since or now) if waiting else None
            is_due = waiting > 0 and self._is_due(waiting, now - (waiting_since or now))
            if is_due and self._spool.cut():
                continue
            self._ended.wait(self._pause(now - began))
        return self._spool.next_to_ship() is None

    def _is_due(self, waiting: int, seconds: float) -> bool:
        is_first = self._spool.chunks == 0
        return is_first or waiting >= FLUSH_BYTES or seconds >= FLUSH_SECONDS

    def _pause(self, age: float) -> float:
        is_first = self._spool.chunks == 0 and age < FIRST_OF_JOB_SECONDS
        return FIRST_LOOK_SECONDS if is_first else LOOK_SECONDS

    def _ship(self, cut: Cut) -> bool:
        """Puts the chunk, however often that takes; False when stopped or refused for good."""
        content = self._spool.content(cut)
        try:
            done = until_done(lambda: self._put(cut, content), self._stop)
        except Refused as error:
            log.warning("The output of %s is not wanted: %s", self._reference["job_id"], error)
            self.given_up = True
            return False
        if done:
            self._spool.mark_shipped(cut)
        return bool(done)

    def _put(self, cut: Cut, content: bytes) -> bool:
        try:
            response = self._session.put(
                self._url(cut.seq), data=content, timeout=(CONNECT_SECONDS, READ_SECONDS)
            )
        except requests.RequestException as error:
            raise Unreachable(f"the log store: {type(error).__name__}") from error
        if response.status_code // 100 == 2:
            return True
        if response.status_code == 403:
            self._urls.clear()
        raise Unreachable(f"the log store answered {response.status_code}")

    def _url(self, seq: int) -> str:
        if time.monotonic() - self._urls_at > URL_LIFETIME_SECONDS:
            self._urls.clear()
        if seq not in self._urls:
            params = {**self._reference, "from": seq, "count": URLS_AT_ONCE}
            answer = self._wire.call("job.log_urls", params)
            self._urls = {int(each["seq"]): str(each["url"]) for each in answer["urls"]}
            self._urls_at = time.monotonic()
        return self._urls[seq]
