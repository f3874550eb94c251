"""Who goes on working beside it all: a viewer who looks at lists, an agent whose jobs succeed."""

import threading

from infra.local.processes import NotReady
from tests.fuzz.asking import Asker
from tests.fuzz.judge import Judge
from tests.fuzz.rounds import judged
from tests.fuzz.stage import Stage
from tests.fuzz.wire import Sent

EVERY_SECONDS = 1.0
LISTS = ("/runs", "/agents", "/tasks", "/runs?state=running")
JOB_SECONDS = 30.0  # of a machine that is not slow


class Canary:
    """Sings each second until it is stopped; what keeps it from that, the judge is told."""

    name = "canary"

    def __init__(self, stage: Stage, judge: Judge) -> None:
        self._asker = Asker(stage, judge, self.name)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_singing, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()
        self._asker.close()

    def _keep_singing(self) -> None:
        while not self._ended.wait(EVERY_SECONDS):
            with judged(self._asker):
                self.sing()

    def sing(self) -> None:
        """Once."""
        judge = self._asker.judge
        judge.tried[self.name] += 1
        for path in LISTS:
            sent = Sent("viewer", "GET", f"/api/v1{path}")
            answer = self._asker.ask(sent)
            if answer.status != 200:
                judge.fail(self._asker.trial, "a viewer is refused a list", sent, answer)
        self._run()

    def _run(self) -> None:
        stage, judge = self._asker.stage, self._asker.judge
        try:
            stage.run_healthy(JOB_SECONDS * judge.slowness())
        except (NotReady, AssertionError) as problem:
            judge.fail(self._asker.trial, f"a job of the agent that is well: {problem}"[:60])
