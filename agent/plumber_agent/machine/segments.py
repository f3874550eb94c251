"""Records on disk: the segments of a spool, and of the tail that may come behind it.

| file | is |
| --- | --- |
| `spool.00000001`, … | records (docs/wire.md), complete when there is a next one |
| `tail.00000001`, … | the newest output, set aside while there is no room |

Whoever writes runs beside the command: little is imported.
"""

import contextlib
import errno
import os
import struct
import time

STDOUT, STDERR, PLUMBER = 1, 2, 3
STREAM_NAMES = {STDOUT: "stdout", STDERR: "stderr"}
RECORD_HEADER = struct.Struct(">BQI")  # stream, milliseconds since 1970, length


def segment_path(directory: str, number: int) -> str:
    """Of the spool."""
    return f"{directory}/spool.{number:08d}"


def tail_paths(directory: str) -> list[str]:
    """Of the tail, oldest first."""
    names = sorted(name for name in os.listdir(directory) if name.startswith("tail."))  # noqa: PTH208
    return [f"{directory}/{name}" for name in names]


def last_segment(directory: str) -> int:
    """The highest number; 0 when there is none."""
    names = (name for name in os.listdir(directory) if name.startswith("spool."))  # noqa: PTH208
    return max((int(name[6:]) for name in names), default=0)


def record(stream: int, data: bytes) -> bytes:
    """A record of this moment. The clock is for display only."""
    return RECORD_HEADER.pack(stream, time.time_ns() // 1_000_000, len(data)) + data


def append_tail(directory: str, mark: str) -> list[str]:
    """Puts a mark and the tail on the spool's end; answers the segments that were the tail."""
    if mark:
        _write_mark(segment_path(directory, last_segment(directory) + 1), mark)
    tail, number = tail_paths(directory), last_segment(directory)
    moved = [segment_path(directory, number + index) for index in range(1, len(tail) + 1)]
    for path, target in zip(tail, moved, strict=True):
        os.replace(path, target)  # noqa: PTH105
    return moved


def _write_mark(path: str, text: str) -> None:
    """On a full disk there is none: the final report says what is missing."""
    with contextlib.suppress(OSError):
        segment = Segment(path)
        try:
            segment.append(PLUMBER, f"[plumber] {text}\n".encode())
        finally:
            segment.close()


class Segment:
    """A file of records that grows."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.size = 0
        self.bytes = {STDOUT: 0, STDERR: 0}
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def append(self, stream: int, data: bytes) -> None:
        """Raises OSError, and leaves no half record then."""
        whole = record(stream, data)
        try:
            written = os.write(self._file, whole)
            if written < len(whole):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self.size)
            raise
        self.size += len(whole)
        if stream in self.bytes:
            self.bytes[stream] += len(data)

    @property
    def output_bytes(self) -> int:
        """Of the command's, in it."""
        return sum(self.bytes.values())

    def close(self) -> None:
        """It is on disk when this returns. Raises OSError when that is not certain."""
        try:
            os.fdatasync(self._file)
        finally:
            os.close(self._file)
