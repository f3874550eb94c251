"""Cutting a job's spool into chunks: always at record boundaries, and never differently again.

The supervisor writes segments (see `output`); a chunk lies within one of them. A segment goes as
soon as all of it has been shipped, so what is on disk is what has not arrived.
"""

import contextlib
import errno
import os
import threading
import zlib
from dataclasses import dataclass
from pathlib import Path

from plumber_agent.machine.segments import (
    PLUMBER,
    RECORD_HEADER,
    append_tail,
    record,
    segment_path,
)

MAGIC, PACKED_MAGIC = b"PLB1", b"PLZ1"
CHUNK_BYTES = 1 << 20  # of records in a chunk, at most (docs/wire.md)
SAMPLE_BYTES = 16_384  # by which is judged whether packing pays
PACKED_AT_MOST = 0.9  # of the size; less is saved by no reader
PACKING_LEVEL = 3
ROOM_BYTES = 4096  # of a list of cuts, set aside: more than a hundred lines


@dataclass(frozen=True)
class Cut:
    """A chunk: its number, and the range of the segment that it holds."""

    seq: int
    segment: int
    start: int
    end: int


class Cuts:
    """Where a spool was cut, on disk: a line for each chunk. Shipping is what frees a full disk,
    and needs a line first; so room for the next ones is set aside, as zeros behind the last."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._end = self._size = 0

    def load(self) -> list[Cut]:
        """A line that was cut off by a crash was not followed by a PUT, so it does not count."""
        with contextlib.suppress(FileNotFoundError):
            content = self._path.read_bytes()
            lines = content.split(b"\0", 1)[0].split(b"\n")[:-1]
            self._end, self._size = sum(len(line) + 1 for line in lines), len(content)
            if content[self._end :].strip(b"\0"):
                self._write(bytes(self._size - self._end), self._end)
            self._set_room_aside()
            return [Cut(*map(int, line.split())) for line in lines]
        self._set_room_aside()
        return []

    def append(self, cut: Cut) -> None:
        """On disk when this returns. Raises OSError, and then the line does not count."""
        line = f"{cut.seq} {cut.segment} {cut.start} {cut.end}\n".encode()
        self._write(line, self._end)
        self._end += len(line)
        self._size = max(self._size, self._end)
        self._set_room_aside()

    def _set_room_aside(self) -> None:
        if self._size - self._end < ROOM_BYTES // 2:
            with contextlib.suppress(OSError):  # what is left may do until there is room again
                self._write(bytes(ROOM_BYTES), self._size, is_durable=False)
                self._size += ROOM_BYTES

    def _write(self, data: bytes, place: int, *, is_durable: bool = True) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            if os.pwrite(descriptor, data, place) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if is_durable:
                os.fdatasync(descriptor)
        finally:
            os.close(descriptor)


class Spool:
    """A job's output on disk. Safe to use from several threads."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._cuts = Cuts(directory / "cuts")
        self._shipped_file = directory / "shipped"
        self._lock = threading.Lock()
        cuts = self._cuts.load()
        self._last = cuts[-1] if cuts else Cut(0, 1, 0, 0)
        shipped = self._load_shipped()
        # A segment goes only when all of it has arrived, even if the note of that was lost.
        left = (cut for cut in cuts if cut.seq > shipped and self._segment(cut.segment).exists())
        self._waiting = {cut.seq: cut for cut in left}
        self._oldest = 1  # segment that may be there

    def _load_shipped(self) -> int:
        try:
            return int(self._shipped_file.read_text() or "0")
        except (FileNotFoundError, ValueError):
            return 0

    def _segment(self, number: int) -> Path:
        return Path(segment_path(str(self._directory), number))

    def waiting_bytes(self) -> int:
        """How much output has not been cut yet; a lower bound when there is more than a chunk."""
        last = self._last
        try:
            size = self._segment(last.segment).stat().st_size - last.end
        except FileNotFoundError:
            return 0
        try:
            return size + self._segment(last.segment + 1).stat().st_size
        except FileNotFoundError:
            return size

    @property
    def chunks(self) -> int:
        """How many chunks there are."""
        return self._last.seq

    def cut(self) -> bool:
        """Makes a chunk of what is waiting, at most `CHUNK_BYTES` of it; False when there is none.

        Where it was cut is on disk before this returns, hence before any PUT. Raises OSError.
        """
        with self._lock:
            last = self._last
            cut = self._next_cut(last.segment, last.end)
            if cut is None:
                return False
            self._cuts.append(cut)
            self._waiting[cut.seq] = cut
            self._last = cut
            return True

    def _next_cut(self, segment: int, start: int) -> Cut | None:
        is_complete = self._segment(segment + 1).exists()  # asked first: nothing is added then
        end = start + _whole_records(self._read(segment, start, start + CHUNK_BYTES))
        if end > start:
            return Cut(self._last.seq + 1, segment, start, end)
        return self._next_cut(segment + 1, 0) if is_complete else None

    def cut_rest(self) -> int:
        """Cuts all that is waiting, after the end of the job; answers how many chunks there are."""
        while self.cut():
            pass
        return self.chunks

    def next_to_ship(self) -> Cut | None:
        """The first chunk that has not arrived."""
        with self._lock:
            return self._first_waiting()

    def _first_waiting(self) -> Cut | None:
        return next(iter(self._waiting.values()), None)

    def content(self, cut: Cut) -> bytes:
        """The chunk as it is sent: packed where that pays, which depends on nothing but its bytes.

        Of what somebody has removed from the disk only a mark is left.
        """
        records = self._read(cut.segment, cut.start, cut.end)
        if len(records) != cut.end - cut.start:
            lost = cut.end - cut.start
            return MAGIC + record(
                PLUMBER, f"[plumber] {lost:,} bytes were removed here.\n".encode()
            )
        sample = records[:SAMPLE_BYTES]
        if len(zlib.compress(sample, 1)) < PACKED_AT_MOST * len(sample):
            return PACKED_MAGIC + zlib.compress(records, PACKING_LEVEL)
        return MAGIC + records

    def mark_shipped(self, cut: Cut) -> None:
        """The chunk has arrived. Lost by a crash of the machine, it is sent once more."""
        with contextlib.suppress(OSError):
            self._note_shipped(cut.seq)
        with self._lock:
            self._waiting.pop(cut.seq, None)
            following = self._first_waiting() or self._last
        while self._oldest < following.segment:
            self._segment(self._oldest).unlink(missing_ok=True)
            self._oldest += 1

    def _note_shipped(self, seq: int) -> None:
        """In place: numbers grow, and a file that is not emptied first needs no room."""
        descriptor = os.open(self._shipped_file, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(descriptor, b"%d" % seq, 0)
        finally:
            os.close(descriptor)

    def take_in_tail(self, mark: str) -> None:
        """After the death of the supervisor: what it had set aside is a part of the log too."""
        append_tail(str(self._directory), mark)

    def _read(self, segment: int, start: int, end: int) -> bytes:
        try:
            with self._segment(segment).open("rb") as file:
                file.seek(start)
                return file.read(end - start)
        except OSError:  # not there yet, removed by somebody, or on a disk that fails
            return b""


def _whole_records(data: bytes) -> int:
    """How many bytes of the data are whole records."""
    at = 0
    while at + RECORD_HEADER.size <= len(data):
        after = at + RECORD_HEADER.size + RECORD_HEADER.unpack_from(data, at)[2]
        if after > len(data):
            break
        at = after
    return at
