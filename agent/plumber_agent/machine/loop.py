"""One thread that does in turn what others post, what is due, and what a descriptor asks for."""

import contextlib
import heapq
import itertools
import logging
import os
import queue
import select
import time
from collections.abc import Callable

log = logging.getLogger("plumber.agent")

Event = Callable[[], None]


class Timer:
    """What is to be done at a moment, unless it is cancelled before."""

    def __init__(self, event: Event) -> None:
        self.event: Event | None = event

    def cancel(self) -> None:
        """Once it is done this changes nothing."""
        self.event = None


class Loop:
    """Whatever one event brings with it, the loop goes on for the others. All but `post` belongs to
    the thread that runs it."""

    def __init__(self) -> None:
        self._posted: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()  # of timers for the same moment
        self._watched: dict[int, Event] = {}
        self._poller = select.poll()
        self._wakes, self._wake = os.pipe()
        for end in (self._wakes, self._wake):
            os.set_blocking(end, False)
        self._poller.register(self._wakes, select.POLLIN)

    def post(self, event: Event) -> None:
        """Has it done soon. From any thread, and from signal handlers."""
        self._posted.put(event)
        with contextlib.suppress(BlockingIOError):  # it has been woken often enough
            os.write(self._wake, b"x")

    def later(self, seconds: float, event: Event) -> Timer:
        """Has it done in so many seconds."""
        timer = Timer(event)
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), timer))
        return timer

    def watch(self, descriptor: int, event: Event) -> None:
        """Has it done whenever the descriptor can be read."""
        self._watched[descriptor] = event
        self._poller.register(descriptor, select.POLLIN)

    def unwatch(self, descriptor: int) -> None:
        """Before the descriptor is closed."""
        self._poller.unregister(descriptor)
        del self._watched[descriptor]

    def run(self, is_over: Callable[[], bool]) -> None:
        """Until it is over, which is asked after each turn."""
        while not is_over():
            self._turn()

    def _turn(self) -> None:
        for descriptor, _ in self._poller.poll(self._milliseconds_to_wait()):
            if descriptor == self._wakes:
                os.read(self._wakes, 65_536)
            elif descriptor in self._watched:  # an earlier one may have ended this one
                self.handle(self._watched[descriptor])
        while self._timers and self._timers[0][0] <= time.monotonic():
            timer = heapq.heappop(self._timers)[2]
            if timer.event is not None:
                self.handle(timer.event)
        for _ in range(self._posted.qsize()):  # what these post has its turn after the others
            self.handle(self._posted.get())

    def _milliseconds_to_wait(self) -> float | None:
        while self._timers and self._timers[0][2].event is None:
            heapq.heappop(self._timers)
        if not self._posted.empty():
            return 0
        if not self._timers:
            return None
        return max(0.0, self._timers[0][0] - time.monotonic()) * 1000 + 1

    def handle(self, event: Event) -> None:
        """Does it now."""
        try:
            event()
        except Exception:
            log.exception("Something could not be done")
