"""Readers: the only way from JSON, or from what was read of it, to values of a checked type.

msgspec 0.22 learns a type when it is used first: a Struct's description hangs on the class before
it is complete, because the type may name itself, and completing it runs Python code, in which
another thread may get its turn. A thread that uses the type in that moment follows null pointers,
and the process dies of SIGSEGV. The first callers after a start do come at the same time, so every
type is learnt before there are any: a reader learns its own, and all that are nested in it, when it
is made, and readers are made while modules are imported. That all reading goes through them, and
that none is made later, is held by ruff's banned-api and by `tests/packaging/test_readers.py`,
which also says when msgspec needs this no more.
"""

from typing import Any, Generic, TypeVar

import msgspec

Read = TypeVar("Read")


class Reader(Generic[Read]):
    """Reads values of one type. Made at import only; may be shared by threads."""

    def __init__(self, kind: type[Read]) -> None:
        self.kind = kind
        self._decoder = msgspec.json.Decoder(kind)  # noqa: TID251 - learns the type

    def json(self, text: bytes | str) -> Read:
        """Raises msgspec.DecodeError, of which msgspec.ValidationError is one, or
        UnicodeDecodeError."""
        return self._decoder.decode(text)

    def plain(self, value: Any) -> Read:
        """From dicts, lists and the like. Raises msgspec.ValidationError."""
        return msgspec.convert(value, self.kind)  # noqa: TID251 - the type has been learnt
