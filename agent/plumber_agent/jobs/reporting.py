"""What the control plane is told of one attempt: that it runs, that it still does, how it ended."""

from collections.abc import Callable
from functools import partial
from typing import Any

from plumber_agent.jobs.reports import Reports
from plumber_agent.machine.loop import Loop, Timer
from plumber_agent.machine.wire import Backoff, Refused, pause_after

START_REPORT_SECONDS = 0.1  # a job that ends sooner is not reported as running

Taken = Callable[[dict[str, Any]], None]


class Reporting:
    """Belongs to the agent's loop. `on_refused`: the control plane says that the lease is no longer
    this agent's."""

    def __init__(
        self,
        reports: Reports,
        reference: dict[str, str],
        loop: Loop,
        on_refused: Callable[[Refused], None],
    ) -> None:
        self._reports = reports
        self._reference = reference
        self._loop = loop
        self._on_refused = on_refused
        self._start: Timer | None = None
        self._is_over = False
        self._is_left = False

    def start(self, elapsed_ms: Callable[[], int]) -> None:
        """Until it is known that the job runs, or it is over: the end is accepted without it, and
        tells how long it took. So a job that ends at once costs one call less."""
        if self._start is not None:
            return

        def report() -> None:
            if not self._is_over:
                params = {**self._reference, "elapsed_ms": elapsed_ms()}
                self._send("job.start", params, lambda _: None, again, self._on_refused)

        backoff = Backoff()

        def again(error: Exception) -> None:
            self._start = self._loop.later(pause_after(error, backoff), report)

        self._start = self._loop.later(START_REPORT_SECONDS, report)

    def confirm(self, take: Taken) -> None:
        """Is the lease still good? An answer is not needed to go on."""
        self._send("job.extend", self._reference, take, lambda _: None, self._on_refused)

    def end(self, params: dict[str, Any], take: Taken) -> None:
        """Until it is answered; a refusal that no repetition mends is an answer, `refused`."""
        self.over()
        backoff = Backoff()

        def report() -> None:
            self._send("job.finish", {**self._reference, **params}, take, again, refused)

        def again(error: Exception) -> None:
            self._loop.later(pause_after(error, backoff), report)

        def refused(error: Refused) -> None:
            take({"state": "refused", "message": error.message})

        report()

    def over(self) -> None:
        """The command has ended: that it runs is no news."""
        self._is_over = True
        if self._start is not None:
            self._start.cancel()

    def leave(self) -> None:
        """Says nothing more."""
        self.over()
        self._is_left = True

    def _send(
        self,
        method: str,
        params: dict[str, Any],
        take: Taken,
        again: Callable[[Exception], None],
        refused: Callable[[Refused], None],
    ) -> None:
        """One try. The answer comes in the loop."""

        def answered(answer: dict[str, Any] | Exception) -> None:
            if self._is_left:
                return
            if isinstance(answer, Refused) and answer.is_final:
                refused(answer)
            elif isinstance(answer, Exception):
                again(answer)
            else:
                take(answer)

        if not self._is_left:
            self._reports.send(
                method, dict(params), lambda answer: self._loop.post(partial(answered, answer))
            )
