"""The control plane as the agent sees it: JSON-RPC calls, and the one judge of retrying."""

import logging
import random
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import requests

from plumber_agent.machine.connection import Connection

CONNECT_SECONDS, READ_SECONDS = 5.0, 30.0
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 30.0
REFUSED_SECONDS = 5.0  # at least, after a refusal that may pass

NOT_AUTHENTICATED = -32001
NOT_ALLOWED = -32002
OLD_LEASE = -32003
NO_SUCH_JOB = -32004
JOIN_TOKEN_REFUSED = -32005
AGENT_ID_TAKEN = -32006
NOT_SEATED = -32007
INVALID_PARAMS = -32602
METHOD_NOT_FOUND = -32601

# What no repetition mends. Everything else may pass: the network, a deployment, a revoked token.
FINAL = frozenset(
    {NOT_ALLOWED, OLD_LEASE, NO_SUCH_JOB, INVALID_PARAMS, JOIN_TOKEN_REFUSED, AGENT_ID_TAKEN}
)

log = logging.getLogger("plumber.agent")

Answer = TypeVar("Answer")
Calls = Sequence[tuple[str, dict[str, Any]]]
ANSWERED = {"result", "error"}


class Unreachable(Exception):
    """The control plane did not answer, or not in a way that can be understood."""


class Refused(Exception):
    """The control plane answered with an error of the protocol."""

    def __init__(self, code: int, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(f"{message} ({code})")

    @property
    def is_final(self) -> bool:
        """Whether no repetition mends it."""
        return self.code in FINAL


class Backoff:
    """How long to wait after each failure: doubling, with jitter."""

    def __init__(self, longest: float = LONGEST_WAIT_SECONDS) -> None:
        self._longest = longest
        self._failures = 0

    def next(self) -> float:
        """Seconds to wait now."""
        ceiling = min(self._longest, FIRST_WAIT_SECONDS * 2 ** min(self._failures, 16))
        self._failures += 1
        return random.uniform(ceiling / 2, ceiling)

    def reset(self) -> None:
        """Something worked."""
        self._failures = 0


class Wire:
    """Calls of the control plane. Each thread has a connection of its own, kept alive."""

    def __init__(self, server_addr: str, token: str | None) -> None:
        self._url = f"{server_addr}/rpc"
        self._token = token
        self._of_thread = threading.local()
        self._is_reachable = True

    def call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """One call. Raises Refused and Unreachable."""
        (result,) = self.batch([(method, params)])
        if isinstance(result, Refused):
            raise result
        return result

    def batch(self, calls: Calls) -> list[dict[str, Any] | Refused]:
        """Several calls in one request; the result of each, or why it was refused, in their order.
        Raises Unreachable, and Refused when that is said of all of them."""
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(calls)
        ]
        try:
            response = self._connection().post(
                self._url,
                json=body if len(body) > 1 else body[0],
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
            )
            answer = response.json()
        except requests.RequestException as error:
            raise self._away(_reason(error)) from error
        answers = answer if isinstance(answer, list) else [answer]
        if not all(isinstance(each, dict) and each.keys() & ANSWERED for each in answers):
            raise self._away(f"HTTP status {response.status_code} without a JSON-RPC answer")
        self._back()
        by_id = {each.get("id"): each for each in answers}
        for_all = by_id.get(None)
        if for_all is not None:
            raise _refusal(for_all)
        if any(number not in by_id for number in range(len(body))):
            raise self._away("an answer is missing")
        found = [by_id[number] for number in range(len(body))]
        return [_refusal(each) if "error" in each else each["result"] for each in found]

    def call_until_answered(
        self, method: str, params: dict[str, Any], stop: threading.Event
    ) -> dict[str, Any] | None:
        """Repeats the call until it is answered; None when `stop` came first.

        Raises Refused for what no repetition mends.
        """
        return until_done(lambda: self.call(method, params), stop)

    def _connection(self) -> Connection:
        connection: Connection | None = getattr(self._of_thread, "connection", None)
        if connection is None:
            connection = self._of_thread.connection = Connection(self._token)
        return connection

    def _away(self, reason: str) -> Unreachable:
        if self._is_reachable:
            log.warning("The control plane is away: %s. Jobs go on.", reason)
        self._is_reachable = False
        return Unreachable(reason)

    def _back(self) -> None:
        if not self._is_reachable:
            log.info("The control plane is back.")
        self._is_reachable = True


def _refusal(answer: dict[str, Any]) -> Refused:
    error = answer["error"]
    return Refused(int(error["code"]), str(error["message"]))


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "it did not answer in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return type(error).__name__


def until_done(work: Callable[[], Answer], stop: threading.Event) -> Answer | None:
    """Repeats what fails in a way that may pass, with growing waits; None when told to stop."""
    backoff = Backoff()
    while True:
        try:
            return work()
        except (Unreachable, Refused) as error:
            wait = pause_after(error, backoff)
        if stop.wait(wait):
            return None


def pause_after(error: Exception, backoff: Backoff) -> float:
    """How many seconds to wait before the next try. Raises what no repetition mends."""
    if isinstance(error, Unreachable):
        return backoff.next()
    if not isinstance(error, Refused) or error.is_final:
        raise error
    log.warning("Refused for now: %s", error)
    return max(REFUSED_SECONDS, backoff.next())
