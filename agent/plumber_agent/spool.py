"""Cutting a job's spool into chunks: always at record boundaries, and never differently again."""

import os
import struct
import threading
from dataclasses import dataclass
from pathlib import Path

MAGIC = b"PLB1"
HEADER = struct.Struct(">BQI")
CHUNK_BYTES = 1 << 20  # of records in a chunk, at most (docs/wire.md)


@dataclass(frozen=True)
class Cut:
    """A chunk: its number, and the range of the spool that it holds."""

    seq: int
    start: int
    end: int


class Spool:
    """A job's output on disk. Safe to use from several threads."""

    def __init__(self, directory: Path) -> None:
        self._spool = directory / "spool"
        self._cuts_file = directory / "cuts"
        self._shipped_file = directory / "shipped"
        self._lock = threading.Lock()
        self._cuts = self._load_cuts()
        self._shipped = self._load_shipped()

    def _load_cuts(self) -> list[Cut]:
        """A line that was cut off by a crash was not followed by a PUT, so it does not count."""
        try:
            lines = self._cuts_file.read_text().split("\n")[:-1]
        except FileNotFoundError:
            return []
        cuts = [Cut(*map(int, line.split())) for line in lines]
        whole = "".join(_line(cut) for cut in cuts)
        os.truncate(self._cuts_file, len(whole))
        return cuts

    def _load_shipped(self) -> int:
        try:
            return int(self._shipped_file.read_text() or "0")
        except (FileNotFoundError, ValueError):
            return 0

    def waiting_bytes(self) -> int:
        """How much output has not been cut yet."""
        try:
            size = self._spool.stat().st_size
        except FileNotFoundError:
            return 0
        return size - self._end()

    def _end(self) -> int:
        return self._cuts[-1].end if self._cuts else 0

    @property
    def chunks(self) -> int:
        """How many chunks there are."""
        return len(self._cuts)

    def cut(self) -> bool:
        """Makes a chunk of what is waiting, at most `CHUNK_BYTES` of it; False when there is none.

        Where it was cut is on disk before this returns, hence before any PUT.
        """
        with self._lock:
            start = self._end()
            end = start + _whole_records(self._read(start, start + CHUNK_BYTES))
            if end == start:
                return False
            cut = Cut(len(self._cuts) + 1, start, end)
            with self._cuts_file.open("a") as file:
                file.write(_line(cut))
                file.flush()
                os.fdatasync(file.fileno())
            self._cuts.append(cut)
            return True

    def cut_rest(self) -> int:
        """Cuts all that is waiting, after the end of the job; answers how many chunks there are."""
        while self.cut():
            pass
        return self.chunks

    def next_to_ship(self) -> Cut | None:
        """The first chunk that has not arrived."""
        cuts = self._cuts
        return cuts[self._shipped] if self._shipped < len(cuts) else None

    def content(self, cut: Cut) -> bytes:
        """The chunk as it is sent."""
        return MAGIC + self._read(cut.start, cut.end)

    def mark_shipped(self, cut: Cut) -> None:
        """The chunk has arrived. Lost by a crash of the machine, it is sent once more."""
        self._shipped = cut.seq
        self._shipped_file.write_text(str(cut.seq))

    def _read(self, start: int, end: int) -> bytes:
        try:
            with self._spool.open("rb") as file:
                file.seek(start)
                return file.read(end - start)
        except FileNotFoundError:
            return b""


def _line(cut: Cut) -> str:
    return f"{cut.seq} {cut.start} {cut.end}\n"


def _whole_records(data: bytes) -> int:
    """How many bytes of the data are whole records."""
    at = 0
    while at + HEADER.size <= len(data):
        after = at + HEADER.size + HEADER.unpack_from(data, at)[2]
        if after > len(data):
            break
        at = after
    return at
