"""`make fuzz`: all fuzzers in turn for so long, or `ONLY` one of them, on a stack of their own. What fails is kept in
.build/fuzz, and tried again with `--replay`."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from infra.local.backends import local
from infra.local.control_plane import TICK_SECONDS
from infra.local.environment import base
from infra.local.processes import Processes
from tests.fuzz.asking import Asker, Fuzzer
from tests.fuzz.canary import Canary
from tests.fuzz.chunks import Chunks
from tests.fuzz.cursors import Cursors
from tests.fuzz.judge import Judge
from tests.fuzz.memory import Memory
from tests.fuzz.rounds import batch, try_case
from tests.fuzz.rpc import Rpc
from tests.fuzz.stage import Stage
from tests.fuzz.toml import Tasks
from tests.stack.live import AgentProcess, LiveControlPlane

SAVED = Path(".build/fuzz")
FUZZERS: Sequence[type[Fuzzer]] = (Rpc, Tasks, Cursors, Chunks)
BATCH = 60  # cases of one seed
REPORT_SECONDS = 60.0


def main() -> int:
    """Exit code 1 when anything was found."""
    options = _options()
    os.environ.update(base(os.environ))
    with tempfile.TemporaryDirectory(prefix="plumber-fuzz-") as directory, _stage(Path(directory)) as stage:
        judge = Judge(SAVED)
        if options.replay is not None:
            return _replay(stage, judge, options.replay)
        return _fuzz(stage, judge, options)


@contextmanager
def _stage(place: Path) -> Iterator[Stage]:
    processes = Processes(place / "logs", base(os.environ))
    try:
        plane = LiveControlPlane(processes, local(processes, place), TICK_SECONDS)
        plane.start()
        agent = AgentProcess(processes, plane, place / "agent")
        agent.start()
        yield Stage(plane, agent, processes.children)
    finally:
        processes.stop()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--only", choices=[each.name for each in FUZZERS])
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**9, help="of the first batch")
    parser.add_argument("--replay", type=Path, help="a file of .build/fuzz")
    return parser.parse_args()


def _fuzz(stage: Stage, judge: Judge, options: argparse.Namespace) -> int:
    memory, canary = Memory(stage.children), Canary(stage, judge)
    memory.start()
    canary.start()
    try:
        _rounds(stage, judge, options)
    finally:
        canary.stop()
        memory.stop()
    problems = memory.problems()
    _say(f"{judge.said()}\n{memory.said()}")
    for problem in problems:
        _say(f"  FAILED memory: {problem}")
    return 1 if problems or judge.failures else 0


def _rounds(stage: Stage, judge: Judge, options: argparse.Namespace) -> None:
    fuzzers = [each() for each in FUZZERS if options.only in (None, each.name)]
    askers = {each.name: Asker(stage, judge, each.name) for each in fuzzers}
    until, reported, seed = time.monotonic() + options.minutes * 60, time.monotonic(), options.seed

    def has_ended() -> bool:
        return time.monotonic() > until

    while not has_ended():
        for each in fuzzers:
            batch(each, askers[each.name], seed, BATCH, has_ended)
        seed += 1
        if time.monotonic() - reported > REPORT_SECONDS:
            reported = time.monotonic()
            _say(judge.said())


def _replay(stage: Stage, judge: Judge, file: Path) -> int:
    """The case of a kept file, on a new stack."""
    kept = msgspec.json.decode(file.read_bytes())  # noqa: TID251  one thread
    (fuzzer,) = (each() for each in FUZZERS if each.name == kept["fuzzer"])
    asker = Asker(stage, judge, fuzzer.name)
    fuzzer.prepare(asker)
    case = msgspec.convert(kept["case"], fuzzer.kind)  # noqa: TID251  one thread
    try_case(fuzzer, asker, kept["seed"], case)
    _say(judge.said())
    return 1 if judge.failures else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
