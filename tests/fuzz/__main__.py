"""`make fuzz`: all fuzzers in turn for so long, or `ONLY` one of them, on a stack of their own.
What fails is kept in .build/fuzz, and tried again with `--replay`."""

import argparse
import faulthandler
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NoReturn

import msgspec

from infra.local.backends import Endpoints, local
from infra.local.control_plane import TICK_SECONDS
from infra.local.environment import base
from infra.local.key_file import kept
from infra.local.processes import Processes
from tests.fuzz import description
from tests.fuzz.asking import Asker, Fuzzer
from tests.fuzz.canary import Canary
from tests.fuzz.chunks import Chunks
from tests.fuzz.cursors import Cursors
from tests.fuzz.judge import Judge
from tests.fuzz.memory import Memory
from tests.fuzz.rounds import batch, judged, try_case
from tests.fuzz.rpc import Rpc
from tests.fuzz.stage import Stage
from tests.fuzz.toml import Tasks
from tests.stack.live import AgentProcess, LiveControlPlane

SAVED = Path(".build/fuzz")
FUZZERS: Sequence[type[Fuzzer]] = (Rpc, Tasks, Cursors, Chunks)
BATCHES = {Rpc.name: 200, Tasks.name: 80, Cursors.name: 200, Chunks.name: 12}  # cases of one seed
BATCH_SECONDS, SCHEMATHESIS_SECONDS = 40.0, 40  # at most, so that all have their turns
REPORT_SECONDS = 60.0
_told = threading.Event()


def main() -> int:
    """Exit code 1 when anything was found."""
    options = _options()
    os.environ.update(base(os.environ))
    end_when_told()
    faulthandler.register(signal.SIGUSR1)  # says where it is
    with _stages() as (stage, playground):
        judge = Judge(SAVED)
        if options.replay is not None:
            return _replay(stage, playground, judge, options.replay)
        return _fuzz(stage, playground, judge, options)


@contextmanager
def _stages() -> Iterator[tuple[Stage, Stage]]:
    """Two control planes, with an agent each, on the same servers: one to be tried beside a canary,
    and one in which anything may be removed."""
    with tempfile.TemporaryDirectory(prefix="plumber-fuzz-") as directory:
        place = Path(directory)
        processes = Processes(place / "logs", base(os.environ))
        try:
            endpoints = local(processes, place)
            stage = _stage(processes, endpoints, place / "stage")
            playground = _stage(processes, endpoints, place / "playground")
            stage.children = playground.children  # all of them
            yield stage, playground
        finally:
            processes.stop()


def _stage(processes: Processes, endpoints: Endpoints, place: Path) -> Stage:
    own = {
        "PLUMBER_TABLE_PREFIX": f"{place.name}-",
        "PLUMBER_BUCKET": place.name,
        "PLUMBER_KEY_FILE": str(kept(place.with_suffix(".key"))),
    }
    plane = LiveControlPlane(processes, {**endpoints, **own}, TICK_SECONDS)
    plane.start()
    agent = AgentProcess(processes, plane, place)
    agent.start()
    return Stage(plane, agent, processes.children)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--only", choices=[*BATCHES, description.NAME])
    parser.add_argument(
        "--seed", type=int, default=time.time_ns() % 10**9, help="of the first batch"
    )
    parser.add_argument("--replay", type=Path, help="a file of .build/fuzz")
    return parser.parse_args()


def _fuzz(stage: Stage, playground: Stage, judge: Judge, options: argparse.Namespace) -> int:
    memory, canary = Memory(playground.children), Canary(stage, judge)
    memory.start()
    canary.start()
    try:
        with suppress(KeyboardInterrupt):  # what was found until then is told
            _rounds(stage, playground, judge, options)
    finally:
        canary.stop()
        memory.stop()
    problems = [f"memory: {each}" for each in memory.problems()]
    problems += [f"left behind: {each}" for each in playground.left_behind()]
    _say(f"{judge.said()}\n{memory.said()}")
    for problem in problems:
        _say(f"  FAILED {problem}")
    return 1 if problems or judge.failures else 0


def end_when_told() -> None:
    """By SIGINT and SIGTERM, once; the second one ends it at once. A shell that starts something in
    the background has it ignore the first of them, and Python leaves that as it is."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)


def _end(number: int, _: object) -> NoReturn:
    _told.set()  # it may be raised where something takes it for its own
    signal.signal(number, signal.SIG_DFL)
    raise KeyboardInterrupt


def is_over(until: float) -> bool:
    """Whether the moment has passed, or it was told to end."""
    return _told.is_set() or time.monotonic() > until


def _rounds(stage: Stage, playground: Stage, judge: Judge, options: argparse.Namespace) -> None:
    fuzzers = [each() for each in FUZZERS if options.only in (None, each.name)]
    askers = {each.name: Asker(stage, judge, each.name) for each in fuzzers}
    playing = Asker(playground, judge, description.NAME)
    until: float = time.monotonic() + options.minutes * 60
    reported, seed = time.monotonic(), options.seed

    while not is_over(until):
        for each in fuzzers:
            share = min(until, time.monotonic() + BATCH_SECONDS)
            batch(each, askers[each.name], seed, BATCHES[each.name], partial(is_over, share))
            if time.monotonic() - reported > REPORT_SECONDS:
                reported = time.monotonic()
                _say(judge.said())
        left = int(until - time.monotonic())
        if options.only in (None, description.NAME) and left > 0:
            seconds = min(SCHEMATHESIS_SECONDS, left)
            with judged(playing):
                description.round_of(playground, judge, SAVED, seed, seconds)
        seed += 1


def _replay(stage: Stage, playground: Stage, judge: Judge, file: Path) -> int:
    """The case of a kept file, on a new stack."""
    kept = msgspec.json.decode(file.read_bytes())  # noqa: TID251  one thread
    name, seed, case = kept["fuzzer"], kept["seed"], kept["case"]
    if name == description.NAME:
        description.carry_out(playground, judge, SAVED, seed, case["caller"], case["options"])
    else:
        (fuzzer,) = (each() for each in FUZZERS if each.name == name)
        asker = Asker(stage, judge, name)
        fuzzer.prepare(asker)
        case = msgspec.convert(case, fuzzer.kind)  # noqa: TID251  one thread
        try_case(fuzzer, asker, seed, case)
    _say(judge.said())
    return 1 if judge.failures else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
