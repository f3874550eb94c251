"""Which numbers a log's lines have. Pure.

A line counts from 1, over all streams, in the order in which the lines' first bytes stand in the
log; it ends with a line feed.
"""

from msgspec import Struct
from msgspec.structs import replace

from chalicelib.logs.log import Record


class Lines(Struct, frozen=True, array_like=True):
    """How many lines have begun before some place, and of each stream the number of the one that
    has not ended there; 0 where none is open."""

    begun: int = 0
    stdout: int = 0
    stderr: int = 0
    plumber: int = 0

    def after(self, record: Record) -> "Lines":
        """Behind one more record."""
        if not record.data:
            return self
        name = record.stream.word
        is_open = bool(getattr(self, name))
        *ended, rest = record.data.split(b"\n")
        begun = self.begun + len(ended) + bool(rest) - is_open
        if not rest:
            return replace(self, begun=begun, **{name: 0})
        still = is_open and not ended
        return self if still else replace(self, begun=begun, **{name: begun})
