"""One attempt's log as chunks, wherever they lie now: as they came, or compacted."""

from chalicelib.logs import log
from chalicelib.logs.line_count import Lines
from chalicelib.logs.log import CorruptChunk, Position, Record, Stream
from chalicelib.logs.log_index import Index
from chalicelib.runs.job import Job
from chalicelib.s3 import chunks


class LogSource:
    """Reads chunk by chunk; compaction may run meanwhile.

    A chunk is looked for first where it came. When it is not there it has not arrived, or the
    index was there before it went.

    In place of a damaged chunk a `tolerant` source has a mark, and remembers its number; any other
    raises CorruptChunk.
    """

    def __init__(self, job: Job, *, tolerant: bool = False) -> None:
        self.job = job
        self.damaged: set[int] = set()
        self._is_tolerant = tolerant
        self._index: Index | None = self._find_index() if job.log_compacted else None
        self._latest: tuple[int, list[Record]] = (0, [])

    def _find_index(self) -> Index | None:
        return chunks.index(self.job.key, self.job.attempt)

    def chunk(self, seq: int) -> list[Record] | None:
        """Its records; None when it has not arrived."""
        if self._latest[0] != seq:
            found = self._fetch_or_mark(seq)
            if found is None:
                return None
            self._latest = (seq, found)
        return self._latest[1]

    def _fetch_or_mark(self, seq: int) -> list[Record] | None:
        try:
            return self._fetch(seq)
        except CorruptChunk:
            if not self._is_tolerant:
                raise
            self.damaged.add(seq)
            return [log.damage(seq, self.job.started_at or log.EPOCH)]

    def _fetch(self, seq: int) -> list[Record] | None:
        if self._index is not None and seq <= self._index.chunks:
            return chunks.get_compacted(self.job.key, self.job.attempt, self._index, seq)
        found = chunks.get(self.job.key, self.job.attempt, seq)
        if found is not None or not self.job.state.is_terminal or self._index is not None:
            return found
        self._index = self._find_index()
        return self._fetch(seq) if self._index and seq <= self._index.chunks else None

    def end(self) -> int:
        """The number of the last chunk that is there; 0 when there is none."""
        compacted = self._index.chunks if self._index else 0
        promised = log.reported_chunks(self.job.log)
        if promised and self.chunk(promised) is not None:
            return promised
        numbers = chunks.numbers(self.job.key, self.job.attempt)
        return max(numbers, default=compacted)

    @property
    def line_count(self) -> int | None:
        """How many lines there are; None of a log that has not been compacted."""
        return self._index.lines if self._index else None

    def at_line(self, number: int) -> tuple[Position, Lines]:
        """The record in which a line begins, and the lines before it; past the end the last one,
        of a log that has not been compacted the beginning."""
        if self._index is None:
            return Position(), Lines()
        seq = self._index.chunk_of_line(number)
        number = min(number, self._index.lines)
        before = self._index.entries[seq - 1].lines
        for index, record in enumerate(self.chunk(seq) or ()):
            after = before.after(record)
            if after.begun >= number:
                return Position(seq, index), before
            before = after
        return Position(seq), self._index.entries[seq - 1].lines  # it is damaged

    def first_at_or_after(self, milliseconds: int) -> Position:
        """Where the records of that time begin, by the agent's clock; the end when there is none.

        Found by halving: where the agent's clock jumped back, later records may lie before it.
        """
        low, high = 1, self.end() + 1
        while low < high:
            middle = (low + high) // 2
            begin = self.chunk(middle)
            if begin and log.milliseconds(begin[0].at) >= milliseconds:
                high = middle
            else:
                low = middle + 1
        before = max(1, low - 1)
        for index, record in enumerate(self.chunk(before) or ()):
            if log.milliseconds(record.at) >= milliseconds:
                return Position(before, index)
        return Position(low)

    def last_lines(
        self, count: int, wanted: Stream | None, at_most: int, chunks_at_most: int
    ) -> tuple[Position, int]:
        """Where the last `count` lines begin: a record, and how many of its bytes to pass over.

        Looks at no more than `at_most` bytes and `chunks_at_most` from the end, and begins there
        then. Each record has its cost, also one of another stream: they may be empty.
        """
        ends, size = count, 0  # ends of lines to pass over, going back
        looked_at = 0
        end = self.end()
        first = max(1, end - chunks_at_most + 1)
        for seq in range(end, first - 1, -1):
            found = self.chunk(seq) or []
            for index in range(len(found) - 1, -1, -1):
                record = found[index]
                if wanted not in (None, record.stream):
                    continue
                if size == 0 and record.data.endswith(b"\n"):
                    ends += 1  # the end of the last line comes on top
                size += len(record.data)
                if record.data.count(b"\n") >= ends:
                    return Position(seq, index), _after_nth_last_line(record.data, ends)
                ends -= record.data.count(b"\n")
                if size >= at_most:
                    return Position(seq, index), 0
            looked_at += log.weight(found)
            if looked_at >= at_most:
                return Position(seq), 0
        return Position(first), 0


def _after_nth_last_line(data: bytes, ends: int) -> int:
    at = len(data)
    for _ in range(ends):
        at = data.rindex(b"\n", 0, at)
    return at + 1
