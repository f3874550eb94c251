"""How fuzzers ask: a request of theirs goes to the stage, and its answer to the judge."""

from typing import Any, Protocol

from hypothesis.strategies import SearchStrategy

from tests.fuzz.judge import Judge, Trial
from tests.fuzz.stage import Stage
from tests.fuzz.wire import Answer, Connection, Sent


class Asker:
    """Of one thread, and to be closed. `trial` is what is being tried."""

    def __init__(self, stage: Stage, judge: Judge, fuzzer: str) -> None:
        self.stage = stage
        self.judge = judge
        self.trial = Trial(fuzzer, 0, None)
        self._connection = Connection(stage.plane.url)

    def close(self) -> None:
        """Its connection."""
        self._connection.close()

    def ask(self, sent: Sent) -> Answer:
        """Sends it, judges the answer, and answers it."""
        path = self.stage.filled(sent.path.encode()).decode()
        body = self.stage.filled(sent.body)
        headers = {**self.stage.headers(sent.by), "Content-Type": sent.content_type}

        def send() -> Answer:
            return self._connection.send(sent.method, path, headers, body)

        answer = send()
        self.judge.note(self.trial, sent, answer, send)
        return answer


class Fuzzer(Protocol):
    """What is tried. Cases are of a type that JSON can hold, so that they can be kept."""

    name: str
    kind: type[Any]

    def cases(self) -> SearchStrategy[Any]:
        """All that may be tried."""

    def try_one(self, asker: Asker, case: Any) -> None:
        """Carries out a case."""

    def prepare(self, asker: Asker) -> None:
        """Before each batch of cases."""
