"""The one way to write a JSON value as bytes, so that both sides sign the same: RFC 8785 (JCS).

The control plane has its own writing of this rule; sample messages hold both to it.
"""

import json
from typing import Any

_SMALLEST, _LARGEST = 1e-4, 2**53  # between these Python and ECMAScript write numbers alike


def canonical(value: Any) -> bytes:
    """Members sorted, no blanks, UTF-8. Raises ValueError for what has no such form here: numbers
    beyond 2^53 or nearer to zero than 0.0001, surrogates alone, and what is not JSON."""
    return _written(value).encode()


def _written(value: Any) -> str:
    if isinstance(value, dict):
        # RFC 8785, 3.2.3: in the order of UTF-16's units, which is not that of code points.
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return f"{{{','.join([f'{_written(name)}:{_written(value[name])}' for name in names])}}}"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_written, value))}]"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(value)
    if value is None or isinstance(value, str | bool):
        return json.dumps(value, ensure_ascii=False)  # escapes exactly what RFC 8785 does
    raise ValueError(f"{type(value).__name__} is not JSON")


def _number(value: float) -> str:
    """As ECMAScript does: what is whole has no fraction."""
    if value == 0:
        return "0"
    if not _SMALLEST <= abs(value) <= _LARGEST:
        raise ValueError(f"the number {value} has no canonical form here")
    return str(int(value)) if value == int(value) else repr(value)
