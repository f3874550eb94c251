"""A job's output on disk, as its supervisor writes it: in segments, counted, hashed and bounded.

There is no room at the job's limit, when the agent's quota is used up, and when the disk is nearly
full. Then the newest `TAIL_BYTES` are kept, and what falls out of them is counted. When room comes
back, and at the end, a mark says what is missing, and the tail follows it. The command never waits.
"""

import contextlib
import hashlib
import os

from plumber_agent.machine.segments import (
    RECORD_HEADER,
    STDERR,
    STDOUT,
    STREAM_NAMES,
    Segment,
    append_tail,
    last_segment,
    segment_path,
)

RECORD_BYTES = 65_536  # the largest record
SEGMENT_BYTES = 4 << 20
TAIL_BYTES, TAIL_SEGMENT_BYTES = 4 << 20, 1 << 20
DISK_RESERVE_BYTES = 64 << 20  # of the disk, that output leaves free
LIMIT, QUOTA, DISK = (
    "the log's limit was reached",
    "the agent's spool was full",
    "the machine's disk was full",
)


class Kept:
    """What is in the log of one stream."""

    def __init__(self) -> None:
        self.missing = 0
        self._bytes = 0
        self._hash = hashlib.sha256()

    def add(self, data: bytes) -> None:
        """Counts and hashes."""
        self._bytes += len(data)
        self._hash.update(data)

    def summary(self) -> dict[str, object]:
        """As in the final report."""
        return {"bytes": self._bytes, "sha256": self._hash.hexdigest(), "missing": self.missing}


class Output:
    """Keeps what the command writes. `quota` is for all jobs of the agent together, in bytes."""

    def __init__(self, directory: str, max_bytes: int, quota: int) -> None:
        self._directory = directory
        self._quota = quota
        self._tail_room = min(TAIL_BYTES, max_bytes // 2)
        self._tail_segment_bytes = min(TAIL_SEGMENT_BYTES, max(1, self._tail_room // 4))
        self._head_room = max_bytes - self._tail_room
        self._number = 0
        self._segment: Segment | None = None
        self._tail: list[Segment] = []
        self._tail_number = 0
        self._no_room: str | None = None  # why the tail is being kept
        self._dropped = {STDOUT: 0, STDERR: 0}  # since then
        self._kept = {STDOUT: Kept(), STDERR: Kept()}
        self.reason: str | None = None  # why something is missing

    def write(self, stream: int, data: bytes) -> None:
        """Keeps the data, or counts it as missing. Raises nothing."""
        for begin in range(0, len(data), RECORD_BYTES):
            self._write(stream, data[begin : begin + RECORD_BYTES])

    def _write(self, stream: int, data: bytes) -> None:
        if self._no_room is None:
            head = data[: self._head_room]
            if head and self._append(stream, head):
                data = data[len(head) :]
            if self._head_room == 0 and data:
                self._no_room = LIMIT
        for begin in range(0, len(data), self._tail_segment_bytes):
            self._keep_in_tail(stream, data[begin : begin + self._tail_segment_bytes])

    def _append(self, stream: int, data: bytes) -> bool:
        """To the head; False when there is no room."""
        segment = self._open_segment()
        if segment is None:
            return False
        try:
            segment.append(stream, data)
        except OSError:
            self._no_room = DISK
            return False
        self._head_room -= len(data)
        self._kept[stream].add(data)
        return True

    def _open_segment(self) -> Segment | None:
        if self._segment is not None and self._segment.size < SEGMENT_BYTES:
            return self._segment
        self._no_room = self._lack_of_room()
        if self._no_room is not None:
            return None
        self._close_segment()
        try:
            self._segment = Segment(segment_path(self._directory, self._number + 1))
            self._number += 1
        except OSError:
            self._no_room = DISK
            return None
        return self._segment

    def _close_segment(self) -> None:
        if self._segment is not None:
            with contextlib.suppress(OSError):  # a fault of the disk shows at the agent's reading
                self._segment.close()
            self._segment = None

    def _lack_of_room(self) -> str | None:
        """Why no other segment should be begun; None when it can."""
        try:
            disk = os.statvfs(self._directory)
        except OSError:
            return DISK
        if disk.f_bavail * disk.f_frsize < DISK_RESERVE_BYTES + SEGMENT_BYTES:
            return DISK
        spooled = spooled_bytes(os.path.dirname(self._directory))  # noqa: PTH120
        return QUOTA if spooled + SEGMENT_BYTES > self._quota else None

    # --- the tail

    def _keep_in_tail(self, stream: int, data: bytes) -> None:
        if not self._tail or self._tail[-1].size >= self._tail_segment_bytes:
            self._rotate_tail()
            if self._no_room is None:  # there is room again
                self._write(stream, data)
                return
        if not self._append_to_tail(stream, data):
            self._make_way()
            if not self._append_to_tail(stream, data):
                self._drop(stream, len(data))
        while sum(each.output_bytes for each in self._tail) > self._tail_room:
            self._forget_oldest()

    def _append_to_tail(self, stream: int, data: bytes) -> bool:
        try:
            self._tail[-1].append(stream, data)
        except (OSError, IndexError):
            return False
        return True

    def _make_way(self) -> None:
        """The disk takes nothing more: the newest output is worth more than the oldest."""
        if self._tail:
            self._forget_oldest()
        self._begin_tail_segment()

    def _forget_oldest(self) -> None:
        oldest = self._tail.pop(0)
        with contextlib.suppress(OSError):
            oldest.close()
            os.remove(oldest.path)  # noqa: PTH107
        for stream, count in oldest.bytes.items():
            self._drop(stream, count)

    def _rotate_tail(self) -> None:
        """Begins another piece of the tail. When there is room again, it becomes a part of the
        log."""
        if self._no_room != LIMIT and self._tail and self._lack_of_room() is None:
            self._settle()
            return
        self._begin_tail_segment()

    def _begin_tail_segment(self) -> None:
        with contextlib.suppress(OSError):  # what finds no place is counted as missing
            path = f"{self._directory}/tail.{self._tail_number + 1:08d}"
            self._tail.append(Segment(path))
            self._tail_number += 1

    def _drop(self, stream: int, count: int) -> None:
        self._dropped[stream] += count
        self._kept[stream].missing += count
        self.reason = self._no_room or self.reason

    def _settle(self) -> None:
        """The tail becomes a part of the log, behind a mark of what is missing before it."""
        for each in self._tail:
            with contextlib.suppress(OSError):
                each.close()
        self._tail = []
        self._close_segment()
        for path in append_tail(self._directory, self._mark()):
            self._add_records(path)
        self._number = last_segment(self._directory)
        self._dropped = {STDOUT: 0, STDERR: 0}
        self._no_room = None

    def _mark(self) -> str:
        lost = [f"{n:,} bytes of {STREAM_NAMES[s]}" for s, n in self._dropped.items() if n]
        return f"{' and '.join(lost)} are missing here: {self._no_room}." if lost else ""

    def _add_records(self, path: str) -> None:
        with open(path, "rb") as file:  # noqa: PTH123
            while header := file.read(RECORD_HEADER.size):
                stream, _, length = RECORD_HEADER.unpack(header)
                data = file.read(length)
                self._head_room = max(0, self._head_room - length)
                self._kept[stream].add(data)

    def close(self) -> dict[str, object]:
        """Everything is on disk when this returns; the summary of each stream."""
        if self._no_room is not None:
            try:
                self._settle()
            except OSError as error:
                self.reason = f"the output could not be kept: {error.strerror}"
        self._close_segment()
        return {name: self._kept[stream].summary() for stream, name in STREAM_NAMES.items()}


def spooled_bytes(jobs: str) -> int:
    """What all jobs' output takes on disk."""
    total = 0
    with contextlib.suppress(OSError):  # a job that ends meanwhile takes its directory along
        for job in os.scandir(jobs):
            with contextlib.suppress(OSError):
                for entry in os.scandir(job.path):
                    if entry.name.startswith(("spool.", "tail.")):
                        total += entry.stat().st_size
    return total
