"""How the scheduled functions work on the due-queue: as long as their time lasts, several entries
at once, and beside other invocations of the same function."""

import logging
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

HANDS = 8  # at once: a connection each, and the processor has enough of them
TAKES_UP = 0.75  # of a function's time: what is taken up in the end needs time too

_Entry = TypeVar("_Entry", bound=Hashable)
_Thing = TypeVar("_Thing")
_Done = TypeVar("_Done")

log = logging.getLogger("plumber.due")


class Shift(msgspec.Struct, frozen=True):
    """The time of one invocation: nothing is taken up from `until` on. With one hand all is done in
    the calling thread."""

    read: Callable[[], datetime]
    until: datetime
    hands: int = HANDS

    @classmethod
    def of(cls, read: Callable[[], datetime], left_ms: float) -> "Shift":
        """Of a function that is killed when that many milliseconds have passed."""
        return cls(read, read() + timedelta(milliseconds=left_ms) * TAKES_UP)

    @property
    def is_over(self) -> bool:
        """Whether nothing more should be taken up."""
        return self.read() >= self.until

    def work(
        self,
        find: Callable[[datetime], Sequence[_Entry]],
        see_to: Callable[[_Entry, datetime], _Done],
    ) -> list[_Done]:
        """Sees to what is found, until nothing more is or the shift is over; answers what came of
        each. A fault of one is logged, and keeps no other waiting."""
        done: list[_Done] = []
        seen: set[_Entry] = set()
        while not self.is_over:
            # A late index shows again what was claimed a moment ago. Each is tried once: if nothing
            # else is found, the rest belongs to others.
            fresh = [entry for entry in find(self.read()) if entry not in seen]
            if not fresh:
                break
            seen.update(fresh)
            done += self.side_by_side(see_to, fresh)
        return done

    def side_by_side(
        self, do: Callable[[_Thing, datetime], _Done], things: Iterable[_Thing]
    ) -> list[_Done]:
        """Does it with each thing, until the shift is over; answers what came of those that went
        well."""

        def one(thing: _Thing) -> Iterator[_Done]:
            if not self.is_over:
                try:
                    yield do(thing, self.read())
                except Exception:
                    log.exception("%s is left to a later round", thing)

        if self.hands == 1:
            return [result for thing in things for result in one(thing)]
        with ThreadPoolExecutor(self.hands) as hands:
            parts = hands.map(lambda thing: list(one(thing)), things)
            return [result for part in parts for result in part]


def try_once(
    what: object,
    tries: int,
    allowed: Callable[[Exception | None], int],
    work: Callable[[], _Done],
    give_up: Callable[[str], _Done],
) -> _Done:
    """One of so many tries at something that was claimed. Raises what the work raises, as long as
    more tries are allowed; then it is given up, for the reason that is given.

    `allowed` are the tries with such a fault. A try may also end its handler, which is seen only by
    the next one: with None, whether there may be a next one.
    """
    if tries > allowed(None):
        problem = "each try ended before its time"
    else:
        try:
            return work()
        except Exception as error:
            if tries < allowed(error):
                raise
            problem = str(error) or type(error).__name__
    log.error("%s is given up after %d tries: %s", what, min(tries, allowed(None)), problem)
    return give_up(problem)
