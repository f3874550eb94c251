"""The agent's doorbell, against a server that answers as SQS does."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from plumber_agent.machine.doorbell import Doorbell
from plumber_agent.machine.wire import Refused
from plumber_agent.poll import EMPTY_RINGS, LOOK_AGAIN_SECONDS, Poller

NOTHING = (200, b"<ReceiveMessageResponse/>")
RING = (200, b"<ReceiveMessageResponse><Message><Body>x</Body></Message></ReceiveMessageResponse>")
LAPSED = (403, b"<Error><Code>RequestExpired</Code></Error>")
GONE = (400, b"<Error><Code>AWS.SimpleQueueService.NonExistentQueue</Code></Error>")
BROKEN = (503, b"")
PATIENCE = 10.0


class Sqs:
    """Gives the answers that the test wants, one after the other; then it lets callers wait."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes]] = []
        self.given = threading.Semaphore(0)
        self._more = threading.Semaphore(0)
        self._is_over = threading.Event()
        sqs = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                sqs._more.acquire()
                status, body = NOTHING if sqs._is_over.is_set() else sqs.answers.pop(0)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                sqs.given.release()

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def says(self, *answers: tuple[int, bytes]) -> None:
        self.answers += answers
        self._more.release(len(answers))

    @property
    def address(self) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        return {"url": url, "expires_in_seconds": 900, "wait_seconds": 20}

    def close(self) -> None:
        self._is_over.set()
        self._more.release(100)
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def sqs() -> Iterator[Sqs]:
    made = Sqs()
    yield made
    made.close()


class Listening:
    """A doorbell that is being listened to."""

    def __init__(self, sqs: Sqs) -> None:
        self.rings, self.silences = threading.Semaphore(0), threading.Semaphore(0)
        self.stop = threading.Event()
        self.bell = Doorbell(self.rings.release, self.silences.release, self.stop)
        assert self.bell.state() == "none"
        self.bell.take(sqs.address, "none")
        assert self.bell.state() is None, "nobody has answered yet"
        self.bell.start()
        sqs.says(NOTHING)
        assert sqs.given.acquire(timeout=PATIENCE)
        while self.bell.state() is None:
            threading.Event().wait(0.005)


@pytest.fixture
def listening(sqs: Sqs) -> Iterator[Listening]:
    made = Listening(sqs)
    yield made
    made.stop.set()


def test_a_ring_is_heard_and_silence_is_not_one(sqs: Sqs, listening: Listening) -> None:
    assert listening.bell.state() == "listening"
    sqs.says(NOTHING, RING, NOTHING, RING)
    assert listening.rings.acquire(timeout=PATIENCE)
    assert listening.rings.acquire(timeout=PATIENCE)
    assert not listening.rings.acquire(blocking=False)


@pytest.mark.parametrize(("answer", "then"), [(LAPSED, "none"), (GONE, "gone")])
def test_an_address_that_works_no_more_is_asked_for_anew(
    sqs: Sqs, listening: Listening, answer: tuple[int, bytes], then: str
) -> None:
    listening.bell._ask_at = 0.0  # the last asking was long ago
    sqs.says(answer)
    assert listening.silences.acquire(timeout=PATIENCE)
    assert listening.bell.state() == then
    listening.bell.take(sqs.address, then)
    sqs.says(RING)
    assert listening.rings.acquire(timeout=PATIENCE)


def test_while_sqs_is_broken_the_agent_only_polls(sqs: Sqs, listening: Listening) -> None:
    sqs.says(BROKEN)
    assert listening.silences.acquire(timeout=PATIENCE)
    assert listening.bell.state() is None
    sqs.says(BROKEN, RING)
    assert listening.rings.acquire(timeout=PATIENCE)
    assert not listening.silences.acquire(blocking=False), "it is said once"
    assert listening.bell.state() == "listening"


def test_half_of_an_addresss_life_later_the_next_is_asked_for(
    sqs: Sqs, listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments: dict[float, str | None] = {}
    began = listening.bell._ends_at - 900
    for seconds in (449, 451, 901):
        monkeypatch.setattr(
            "plumber_agent.machine.doorbell.time.monotonic", lambda seconds=seconds: began + seconds
        )
        moments[seconds] = listening.bell.state()
    assert moments == {449: "listening", 451: "lapsing", 901: "none"}


def test_who_gets_no_address_does_not_ask_at_every_poll(sqs: Sqs) -> None:
    bell = Doorbell(lambda: None, lambda: None, threading.Event())
    assert bell.state() == "none"
    bell.take(None, "none")
    assert bell.state() is None


# --- what a ring leads to


class Plane:
    """Counts polls, and has work when the test says so."""

    def __init__(self) -> None:
        self.polls = 0
        self.jobs: list[dict[str, Any]] = []

    def batch(self, calls: list[tuple[str, dict[str, Any]]]) -> list[Any]:
        self.polls += 1
        jobs, self.jobs = self.jobs, []
        polled = {"jobs": jobs, "cancels": [], "followed": [], "next_poll_ms": 300_000}
        beaten = {"heartbeat_seconds": 300, "cancels": []}
        return [polled if method == "agent.poll" else beaten for method, _ in calls]


class Idle:
    """An agent that takes whatever comes."""

    held: frozenset[str] = frozenset()
    capacity, idle_ms = 10, 0

    def take(self, offers: list[dict[str, Any]], cancels: list[str]) -> None:
        return

    def follow(self, leases: list[str]) -> None:
        return


@pytest.fixture
def contact() -> tuple[Callable[[bool], float], Plane]:
    """One contact at a time: `contact(rung)` answers how long it would wait then."""
    plane = Plane()
    poller = Poller(Idle(), plane, threading.Event(), 1, "http://127.0.0.1", "i")  # type: ignore

    def once(rung: bool) -> float:
        if rung:
            poller.ring()
        return poller._contact()

    return once, plane


def test_an_idle_agent_waits_for_minutes(contact: Any) -> None:
    once, _ = contact
    assert 270 <= once(False) <= 300


def test_a_ring_that_brought_nothing_is_looked_into_again(contact: Any) -> None:
    once, _ = contact
    once(False)
    waits = [once(True), once(False), once(False)]
    assert waits[:2] == list(LOOK_AGAIN_SECONDS)
    assert waits[2] > 200


def test_a_ring_that_brought_a_job_is_not_and_its_echo_but_once(contact: Any) -> None:
    once, plane = contact
    plane.jobs = [{}]
    assert once(True) > 200
    assert once(True) == LOOK_AGAIN_SECONDS[0], "it may be another job's, which is late"
    assert once(False) > 200


def test_a_flood_of_forged_rings_is_answered_once_a_second(
    contact: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    once, _ = contact
    delays: list[float] = []
    monkeypatch.setattr(threading.Event, "wait", lambda self, seconds: delays.append(seconds))
    for _ in range(EMPTY_RINGS + 10):
        once(True)
    assert len(delays) == 9
    assert delays == sorted(delays)
    assert delays[-1] == 1.0


@pytest.mark.parametrize(
    ("jobs", "listens", "polls"),
    [(1, True, False), (1, False, True), (10, True, True)],
    ids=["it will be rung", "it cannot be rung", "more may be waiting"],
)
def test_when_a_job_has_ended_the_agent_polls_unless_it_will_be_rung(
    sqs: Sqs, jobs: int, listens: bool, polls: bool
) -> None:
    plane = Plane()
    poller = Poller(Idle(), plane, threading.Event(), 1, "http://127.0.0.1", "i")  # type: ignore
    if listens:
        poller._doorbell.take(sqs.address, "none")
        poller._doorbell._note(True, "")
    plane.jobs = [{}] * jobs
    poller._contact()
    poller.make_room()
    assert poller._hurry.is_set() is polls


def test_a_job_that_ends_while_a_full_poll_is_under_way_leads_to_another(sqs: Sqs) -> None:
    plane, agent = Plane(), Idle()
    poller = Poller(agent, plane, threading.Event(), 1, "http://127.0.0.1", "i")  # type: ignore
    plane.jobs = [{}] * agent.capacity
    poller._contact()
    assert poller._hurry.is_set(), "it was full, and has room all the same"


def test_whoever_has_jobs_beats_often_whatever_it_was_told_while_it_had_none(
    contact: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    once, _ = contact
    monkeypatch.setattr(Idle, "held", frozenset({"lease"}))
    assert once(False) <= 30


def test_a_heartbeat_that_is_refused_is_not_repeated_at_once(
    contact: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    once, plane = contact
    answer = plane.batch

    def refuse_beats(calls: list[tuple[str, dict[str, Any]]]) -> list[Any]:
        *_, polled = answer(calls)
        return [*[Refused(-32603, "throttled")] * (len(calls) - 1), polled]

    monkeypatch.setattr(plane, "batch", refuse_beats)
    assert 4 <= once(False) <= 5
