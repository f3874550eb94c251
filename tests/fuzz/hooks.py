"""What schemathesis is told beside the API's description: our own judge of answers is one of its
checks, and no answer is asked to wait."""

from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, HookContext, Response

from tests.fuzz.shape import Wrong, judge
from tests.fuzz.wire import Answer, Sent


@schemathesis.check
def as_answers_are(context: CheckContext, response: Response, case: Case) -> None:
    """The envelope, with the code that goes with the status, of strict JSON."""
    headers = {name.lower(): values[0] for name, values in response.headers.items()}
    answer = Answer(response.status_code, headers, response.content, response.elapsed)
    try:
        judge(Sent("", case.method, case.operation.full_path), answer)
    except Wrong as wrong:
        raise AssertionError(str(wrong)) from wrong


@schemathesis.hook
def map_query(context: HookContext, query: dict[str, Any] | None) -> dict[str, Any] | None:
    """Who waits for a log's next line is answered when there is one, or later."""
    return None if query is None else {name: each for name, each in query.items() if name != "wait"}
