"""What was done, by whom, to what and with what result: one line of the log for each such call."""

import json
import logging
from collections.abc import Mapping
from typing import Any

import msgspec

from chalicelib.access.by import By
from chalicelib.errors import PlumberError

_log = logging.getLogger("plumber.audit")


def note(action: str, by: By | None, on: Mapping[str, str], answer: Any, code: int) -> None:
    """`by` None: a caller who is not known. `code` is 0, or says why nothing was done; `answer` is
    what was made, if something was."""
    line = {
        "audit": action,
        "by": None if by is None else msgspec.to_builtins(by),
        "on": dict(on),
        "made": _id_of(answer),
        "result": _result(code),
        "code": code,
    }
    _log.info(json.dumps(line))


def _result(code: int) -> str:
    if code == 0:
        return "done"
    return "failed" if code == PlumberError.code else "refused"


def _id_of(answer: Any) -> str | None:
    """The id that the answer begins with, or the thing in it that it begins with."""
    while isinstance(answer, msgspec.Struct) and answer.__struct_fields__:
        answer = getattr(answer, answer.__struct_fields__[0])
    return answer if isinstance(answer, str) else None
