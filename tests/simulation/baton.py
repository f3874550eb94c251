"""Handlers side by side. One runs at a time: whoever holds the baton. At each AWS call chance says
who goes on, so that the same seed gives the same interleaving."""

import threading
from collections.abc import Callable, Sequence
from random import Random

Deed = Callable[[], None]


class _Handler:
    """A thread that runs only between `go_on` and its next `pause`, or its end."""

    def __init__(self, deed: Deed) -> None:
        self.error: BaseException | None = None
        self.has_ended = False
        self._deed = deed
        self._may_go, self._has_stopped = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def is_current(self) -> bool:
        """Whether it is the calling thread."""
        return threading.current_thread() is self._thread

    def _run(self) -> None:
        self._may_go.acquire()
        try:
            self._deed()
        except BaseException as error:  # a violation, or a mistake of ours; raised by `together`
            self.error = error
        self.has_ended = True
        self._has_stopped.release()

    def go_on(self) -> None:
        self._may_go.release()
        self._has_stopped.acquire()

    def pause(self) -> None:
        self._has_stopped.release()
        self._may_go.acquire()


class Baton:
    """Who may run. `passed` counts how often another handler went on than the one before."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._holder: _Handler | None = None
        self.passed = 0

    def offer(self) -> None:
        """Before an AWS call: others may go first. Does nothing for who runs alone."""
        if self._holder is not None and self._holder.is_current:
            self._holder.pause()

    def together(self, deeds: Sequence[Deed]) -> None:
        """Carries out all of them, each as a handler of its own. Raises what the first one raised.

        Now and then the same one goes on for long: what matters is often that one handler does all
        of its work between two calls of another.
        """
        stays = self._chance.choice([0.0, 0.5, 0.9])
        handlers = [_Handler(deed) for deed in deeds]
        while going_on := [each for each in handlers if not each.has_ended]:
            before = self._holder
            if before not in going_on or self._chance.random() >= stays:
                self._holder = self._chance.choice(going_on)
            self.passed += before is not None and before is not self._holder
            assert self._holder is not None
            self._holder.go_on()
        self._holder = None
        for each in handlers:
            if each.error is not None:
                raise each.error
