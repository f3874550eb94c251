"""Reports of starts and ends, several in one request: what comes while one is on its way goes with
the next. A single job's report waits for nothing."""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from plumber_agent.machine.wire import Refused, Unreachable, Wire

AT_ONCE = 20  # reports in a request; the control plane carries them out one after the other


Answer = dict[str, Any] | Exception


@dataclass(frozen=True)
class _Report:
    """A call, and who takes its answer."""

    method: str
    params: dict[str, Any]
    take: Callable[[Answer], None]


class Reports:
    """Sends reports, from any thread."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._waiting: queue.SimpleQueue[_Report] = queue.SimpleQueue()

    def start(self) -> None:
        """Begins."""
        threading.Thread(target=self._run, name="reports", daemon=True).start()

    def send(self, method: str, params: dict[str, Any], take: Callable[[Answer], None]) -> None:
        """One try, which is not waited for. `take` gets the result, Refused or Unreachable, in this
        object's own thread."""
        self._waiting.put(_Report(method, params, take))

    def _run(self) -> None:
        while True:
            reports = [self._waiting.get()]
            while len(reports) < AT_ONCE:
                try:
                    reports.append(self._waiting.get_nowait())
                except queue.Empty:
                    break
            self._send(reports)

    def _send(self, reports: list[_Report]) -> None:
        calls = [(report.method, report.params) for report in reports]
        try:
            answers: list[Answer] = list(self._wire.batch(calls))
        except (Refused, Unreachable) as error:
            answers = [error] * len(reports)
        except Exception as error:
            answers = [Unreachable(f"the report could not be sent: {error}")] * len(reports)
        for report, answer in zip(reports, answers, strict=True):
            report.take(answer)
