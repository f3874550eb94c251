"""Reports of starts and ends, several in one request: what comes while one is on its way goes with
the next. A single job's report waits for nothing."""

import queue
import threading
from typing import Any

from plumber_agent.machine.wire import Refused, Unreachable, Wire

AT_ONCE = 20  # reports in a request; the control plane carries them out one after the other


class _Report:
    """A call that somebody waits for."""

    def __init__(self, method: str, params: dict[str, Any]) -> None:
        self.call = (method, params)
        self.answered = threading.Event()
        self.answer: dict[str, Any] | Exception = Unreachable("it was not sent")


class Reports:
    """Sends reports, from any thread."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._waiting: queue.SimpleQueue[_Report] = queue.SimpleQueue()

    def start(self) -> None:
        """Begins."""
        threading.Thread(target=self._run, name="reports", daemon=True).start()

    def call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """As `Wire.call`: one try, which raises Refused and Unreachable."""
        report = _Report(method, params)
        self._waiting.put(report)
        report.answered.wait()
        if isinstance(report.answer, Exception):
            raise report.answer
        return report.answer

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
        try:
            answers: list[Any] = list(self._wire.batch([report.call for report in reports]))
        except (Refused, Unreachable) as error:
            answers = [error] * len(reports)
        except Exception as error:
            answers = [Unreachable(f"the report could not be sent: {error}")] * len(reports)
        for report, answer in zip(reports, answers, strict=True):
            report.answer = answer
            report.answered.set()
