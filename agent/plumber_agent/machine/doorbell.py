"""The doorbell: waits on the agent's queue for a ring, straight at SQS, without any credentials.

The control plane hands out a presigned address of SQS's ReceiveMessage, which answers when there is
a message or after twenty seconds. What a ring says does not matter: the poll decides.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import requests

from plumber_agent.machine.connection import Connection
from plumber_agent.machine.wire import CONNECT_SECONDS, Backoff

PATIENCE_SECONDS = 10.0  # beyond the time that SQS holds a call
LAPSING_PART = 0.5  # of an address's life, from which on the agent asks for the next
AGAIN_SECONDS = 10.0  # between askings, where no address works
UNASKED_SECONDS = 600.0  # after "no doorbell for you"
MESSAGE, ABSENT = b"<Message>", b"NonExistentQueue"

log = logging.getLogger("plumber.agent")


class Doorbell:
    """A thread that waits for rings until it is stopped. It calls `on_ring`, and `on_silence` when
    no ring can be heard any more."""

    def __init__(
        self,
        on_ring: Callable[[], None],
        on_silence: Callable[[], None],
        stop: threading.Event,
    ) -> None:
        self._on_ring = on_ring
        self._on_silence = on_silence
        self._stop = stop
        self._lock = threading.Lock()
        self._has_address = threading.Event()
        self._address: dict[str, Any] | None = None
        self._ends_at = 0.0
        self._lapses_at = 0.0
        self._fails = True  # until the first call was answered: a ring may go to a dead one before
        self._is_gone = False
        self._ask_at = 0.0

    def start(self) -> None:
        """Begins."""
        threading.Thread(target=self._run, name="doorbell", daemon=True).start()

    def state(self) -> str | None:
        """What a poll says of it: docs/wire.md. None while there is no use in asking."""
        now = time.monotonic()
        with self._lock:
            if self._address is None or now >= self._ends_at:
                asks = "gone" if self._is_gone else "none"
                return asks if now >= self._ask_at else None
            if self._fails:
                return None
            return "listening" if now < self._lapses_at else "lapsing"

    def take(self, address: dict[str, Any] | None, said: str | None) -> None:
        """What the control plane answered to `said`."""
        now = time.monotonic()
        with self._lock:
            if address is not None:
                life = float(address["expires_in_seconds"])
                self._address, self._is_gone = address, False
                self._ends_at, self._lapses_at = now + life, now + life * LAPSING_PART
                self._ask_at = now + AGAIN_SECONDS
                self._has_address.set()
            elif said in ("none", "gone"):
                self._is_gone = False
                self._ask_at = now + UNASKED_SECONDS

    def hang_up(self) -> None:
        """Rings are for another process."""
        with self._lock:
            self._address = None
            self._has_address.clear()
            self._ask_at = 0.0

    def _run(self) -> None:
        backoff = Backoff()
        with Connection() as session:
            while not self._stop.is_set():
                if not self._has_address.wait(1.0):
                    continue
                with self._lock:
                    address = self._address
                if address is None or self._listens_well(session, address):
                    backoff.reset()
                else:
                    self._stop.wait(backoff.next())

    def _listens_well(self, session: requests.Session, address: dict[str, Any]) -> bool:
        try:
            return self._listen(session, address)
        except Exception as error:
            log.exception("The doorbell failed")
            self._note(False, type(error).__name__)
            return False

    def _listen(self, session: requests.Session, address: dict[str, Any]) -> bool:
        """One call; whether it was answered well."""
        patience = float(address["wait_seconds"]) + PATIENCE_SECONDS
        try:
            answer = session.get(address["url"], timeout=(CONNECT_SECONDS, patience))
        except requests.RequestException as error:
            self._note(False, f"no answer ({type(error).__name__})")
            return False
        if answer.ok:
            self._note(True, "")
            if MESSAGE in answer.content:
                self._on_ring()
            return True
        self._refused(address, answer)
        return False

    def _note(self, works: bool, problem: str) -> None:
        with self._lock:
            is_news = not works and not self._fails
            self._fails = not works
        if is_news:
            log.info("The doorbell is silent: %s. Polling goes on.", problem)
            self._on_silence()

    def _refused(self, address: dict[str, Any], answer: requests.Response) -> None:
        """The address has lapsed, the queue is gone, or SQS throttles."""
        if answer.status_code >= 500 or answer.status_code == 429:
            self._note(False, f"HTTP status {answer.status_code}")
            return
        with self._lock:
            self._is_gone = ABSENT in answer.content
            if self._address is address:
                self._address = None
                self._has_address.clear()
        log.info("The doorbell's address works no more: HTTP status %d.", answer.status_code)
        self._on_silence()
