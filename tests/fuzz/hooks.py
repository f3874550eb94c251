"""What schemathesis is told beside the API's description. No answer is asked to wait, and each goes
to the judge: a line of JSON in the file that the environment names.
"""

import os
from pathlib import Path
from typing import Any

import msgspec
import schemathesis
from schemathesis import Case, HookContext, Response

from tests.fuzz.shape import Wrong, judge
from tests.fuzz.wire import Answer, Sent

ANSWERS = "PLUMBER_FUZZ_ANSWERS"


class Line(msgspec.Struct, frozen=True):
    """An answer, and what is wrong with it; `sent` is a call of curl where something is."""

    method: str
    path: str
    status: int
    seconds: float
    problem: str | None
    sent: str
    answer: str


@schemathesis.hook
def map_query(context: HookContext, query: dict[str, Any] | None) -> dict[str, Any] | None:
    """Who waits for a log's next line is answered when there is one, or later."""
    return None if query is None else {name: each for name, each in query.items() if name != "wait"}


@schemathesis.hook
def after_call(context: HookContext, case: Case[Any], response: Response) -> None:
    """Judges it, and writes it down."""
    headers = {name.lower(): values[0] for name, values in response.headers.items()}
    answer = Answer(response.status_code, headers, response.content, response.elapsed)
    problem = None
    try:
        judge(Sent("", case.method, case.operation.full_path), answer)
    except Wrong as wrong:
        problem = str(wrong)
    line = Line(
        case.method, case.operation.full_path, answer.status, answer.seconds, problem,
        "" if problem is None else case.as_curl_command(),
        "" if problem is None else answer.body[:500].decode("utf-8", "replace"),
    )  # fmt: skip
    with Path(os.environ[ANSWERS]).open("ab") as file:
        file.write(msgspec.json.encode(line) + b"\n")
