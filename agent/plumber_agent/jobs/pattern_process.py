"""Patterns matched in a process that the kernel ends when it takes too long. Part of the
supervisor, of those whose job has patterns.

`re` may take for ever, and nothing else of its process gets a turn meanwhile: no time-out, no
cancel. So a child of the supervisor matches, for `PROCESSOR_SECONDS` at most, and the supervisor
looks after its command while it waits. What the child did not get done is masked whole: a line
where that can be told, and all that was asked for once `MAX_OVERRUNS` lines have been.
"""

import contextlib
import os
import select
import signal
import struct
from collections.abc import Callable, Sequence
from typing import NoReturn

from plumber_agent.jobs.command import CannotStart
from plumber_agent.jobs.masking import MASK
from plumber_agent.jobs.pattern import BadPattern, PatternMask, masked_whole
from plumber_agent.machine.processes import enlarge

PROCESSOR_SECONDS = 0.2  # for one question, of at most some 200 KB; most take a hundredth of it
MAX_OVERRUNS = 8  # then the job's end matters more than which line it was
HURRIED_SECONDS = 0.05  # from then on: what is left in two full pipes takes 1.6 s at most
PATIENCE_SECONDS = 30.0  # by the clock: the process is stopped, or the machine is
MEMORY_BYTES = 512 << 20  # of addresses; Python takes some 50 MB
_QUESTION, _ANSWER = struct.Struct("!fBI"), struct.Struct("!II")
_MAX_DESCRIPTORS = 1_024  # more than a supervisor has

Attend = Callable[[int, int, float], bool]


class _Gone(Exception):
    """The child has no answer."""


class PatternProcess:
    """As `PatternMask`, in bounded time. `attend(descriptor, event, seconds)` waits for an event of
    `select.poll` and does meanwhile what else must be done; False when it did not come in time.

    Raises BadPattern, and OSError when there can be no process.
    """

    def __init__(self, patterns: Sequence[str], attend: Attend) -> None:
        self._patterns = patterns
        self._attend = attend
        self._overruns = 0
        self.pid: int | None = None
        self._to_child = self._from_child = -1
        self._start()
        try:
            problem, _ = self._answer()
        except _Gone:
            problem = b"its patterns are too large for this machine"
        if problem:
            self.close()
            raise BadPattern(problem.decode(errors="replace"))

    def mask(self, data: bytes, is_open: bool) -> tuple[bytes, int]:
        """As `PatternMask.mask`."""
        answer = self._ask(data, is_open)
        if answer is not None:
            return answer
        return (MASK if is_open else self._line_by_line(data)), len(data)

    def _line_by_line(self, data: bytes) -> bytes:
        kept = []
        for line in data.splitlines(keepends=True):
            answer = self._ask(line, False) if self._overruns < MAX_OVERRUNS else None
            kept.append(masked_whole(line) if answer is None else answer[0])
        return b"".join(kept)

    def _ask(self, data: bytes, is_open: bool) -> tuple[bytes, int] | None:
        """None when there is no answer in time."""
        try:
            if self.pid is None:
                self.close()
                self._start()
                self._answer()  # that its patterns are good
            is_hurried = self._overruns >= MAX_OVERRUNS
            seconds = HURRIED_SECONDS if is_hurried else PROCESSOR_SECONDS
            self._send(_QUESTION.pack(seconds, is_open, len(data)) + data)
            return self._answer()
        except (_Gone, OSError):
            self._overruns += 1
            self.close()
            return None

    # --- the supervisor's end

    def _start(self) -> None:
        questions, self._to_child = os.pipe()
        self._from_child, answers = os.pipe()
        os.set_blocking(self._to_child, False)
        enlarge(questions)  # so that one write is enough
        try:
            self.pid = os.fork()
        except OSError:
            self.close()
            raise
        finally:
            if self.pid != 0:
                os.close(questions)
                os.close(answers)
        if self.pid == 0:
            _serve(self._patterns, questions, answers)

    def _send(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._to_child, data) :]
            except BlockingIOError:
                self._wait(self._to_child, select.POLLOUT)

    def _answer(self) -> tuple[bytes, int]:
        size, length = _ANSWER.unpack(self._receive(_ANSWER.size))
        return self._receive(length), size

    def _receive(self, size: int) -> bytes:
        pieces = []
        while size > 0:
            self._wait(self._from_child, select.POLLIN)
            pieces.append(os.read(self._from_child, size))
            if not pieces[-1]:
                raise _Gone
            size -= len(pieces[-1])
        return b"".join(pieces)

    def _wait(self, descriptor: int, event: int) -> None:
        if not self._attend(descriptor, event, PATIENCE_SECONDS):
            raise _Gone

    def has_ended(self, pid: int) -> None:
        """Whoever waits for children has buried this one: its number may be another's now."""
        if pid == self.pid:
            self.pid = None

    def close(self) -> None:
        """Ends the child. Another one is made when there is something to ask."""
        for descriptor in (self._to_child, self._from_child):
            if descriptor >= 0:
                os.close(descriptor)
        self._to_child = self._from_child = -1
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, 0)
            self.pid = None


def start(patterns: Sequence[str], attend: Attend) -> PatternProcess:
    """Raises CannotStart: what could not be masked is not printed."""
    try:
        return PatternProcess(patterns, attend)
    except BadPattern as problem:
        raise CannotStart(f"its output cannot be masked: {problem}") from problem


# --- the child's end


def _serve(patterns: Sequence[str], questions: int, answers: int) -> NoReturn:
    """Until the supervisor is gone, or one question takes too long."""
    try:
        _be_nobody_else(questions, answers)
        _answer_questions(patterns, questions, answers)
    finally:
        os._exit(0)


def _answer_questions(patterns: Sequence[str], questions: int, answers: int) -> None:
    signal.setitimer(signal.ITIMER_PROF, 10 * PROCESSOR_SECONDS)
    try:
        masking = PatternMask(patterns)
    except BadPattern as problem:
        _write(answers, str(problem).encode("utf-8", "replace"), 0)
        return
    _write(answers, b"", 0)
    while question := _read(questions, _QUESTION.size):
        seconds, is_open, size = _QUESTION.unpack(question)
        data = _read(questions, size)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        masked, done = masking.mask(data, bool(is_open))
        signal.setitimer(signal.ITIMER_PROF, 0)
        _write(answers, masked, done)


def _be_nobody_else(*kept: int) -> None:
    """Keeps nothing of the supervisor: not its signals, nor the lock that says that it lives."""
    import resource

    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGPROF):
        signal.signal(number, signal.SIG_DFL)
    begin = 3
    for descriptor in (*sorted(kept), _MAX_DESCRIPTORS):
        os.closerange(begin, descriptor)
        begin = descriptor + 1
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def _read(descriptor: int, size: int) -> bytes:
    """So many bytes; nothing at the end."""
    pieces = []
    while size > 0:
        piece = os.read(descriptor, size)
        if not piece:
            return b""
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _write(descriptor: int, data: bytes, size: int) -> None:
    answer = _ANSWER.pack(size, len(data)) + data
    while answer:
        answer = answer[os.write(descriptor, answer) :]
