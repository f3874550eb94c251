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

from collections.abc import Mapping, Sequence

from msgspec import Struct


class Entry(Struct, frozen=True, array_like=True):
    """Where one chunk's parts begin, in bytes. `first_ms` is its first record's time."""

    first_ms: int
    order: int
    data: int


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

    def ranges(self, seq: int) -> tuple[range, range]:
        """Where chunk `seq` lies in `order` and in the interleaved object."""
        here, after = self.entries[seq - 1], self.entries[seq]
        return range(here.order, after.order), range(here.data, after.data)
