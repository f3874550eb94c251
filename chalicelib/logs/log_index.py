"""The compacted form of a log: its bytes in one object per stream, and an index into them. Pure.

| object beside the chunks | holds |
| --- | --- |
| `stdout-<n>`, `stderr-<n>` | each stream's bytes, from the first n chunks |
| `all-<n>` | both streams' bytes in their order; only of a log that has more than one stream |
| `order-<n>` | each chunk's record headers, packed by zlib, one after the other |
| `index` | an `Index` as JSON; written last, once all others were verified |

A reader's position is a chunk and a record in it, before and after: the index says where what was
chunk `seq` lies now.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from msgspec import Struct

from chalicelib.logs.line_count import Lines


class Entry(Struct, frozen=True, array_like=True):
    """Where one chunk's parts begin, in bytes. `first_ms` is its first record's time, `lines` says
    which lines came before it."""

    first_ms: int
    order: int
    data: int
    lines: Lines


class Index(Struct, frozen=True):
    """`interleaved` is the object that holds all records' bytes. `entries` has one more than there
    are chunks: where everything ends."""

    interleaved: str
    entries: Sequence[Entry]
    sizes: Mapping[str, int]
    sha256: Mapping[str, str]
    format: int = 1

    @property
    def chunks(self) -> int:
        """How many chunks were compacted."""
        return len(self.entries) - 1

    @property
    def lines(self) -> int:
        """How many lines the log has."""
        return self.entries[-1].lines.begun

    def chunk_of_line(self, number: int) -> int:
        """The chunk in which a line begins, counted from 1; past the end the last one."""
        after = bisect_left(self.entries, number, key=lambda entry: entry.lines.begun)
        return max(1, min(after, self.chunks))

    def ranges(self, seq: int) -> tuple[range, range]:
        """Where chunk `seq` lies in `order` and in the interleaved object."""
        here, after = self.entries[seq - 1], self.entries[seq]
        return range(here.order, after.order), range(here.data, after.data)
