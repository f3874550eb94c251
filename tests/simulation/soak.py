"""`make soak`: schedules for as long as asked, on the default store. A failing one is saved, and
replayed by its seed."""

import argparse
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path
from random import Random

from infra.local.backends import local
from infra.local.environment import base
from infra.local.processes import Processes
from tests.simulation.schedule import Laboratory, laboratory

SAVED = Path(".build/soak")
REPORT_SECONDS = 60.0


def main() -> int:
    """Exit code 1 when a schedule violated an invariant."""
    options = _options()
    # The product reads its settings when it is imported, and it has been: without them there is no
    # queue. And the order of sets of texts belongs to a schedule as much as its seed does.
    if os.environ.get("PYTHONHASHSEED") != "0":
        program = [sys.executable, "-m", "tests.simulation.soak", *sys.argv[1:]]
        os.execve(sys.executable, program, {**base(os.environ), "PYTHONHASHSEED": "0"})
    os.environ.update(base(os.environ))  # this process's own keys
    with tempfile.TemporaryDirectory(prefix="plumber-soak-") as directory:
        processes = Processes(Path(directory) / "logs", base(os.environ))
        try:
            with laboratory(local(processes, Path(directory))) as lab:
                return _run(lab, options)
        finally:
            processes.stop()


def _run(lab: Laboratory, options: argparse.Namespace) -> int:
    lab.before = options.before
    if options.seed is not None:
        return 0 if _try(lab, options.seed, options.actions) else 1
    return _soak(lab, options.minutes * 60, options.first_seed, options.actions)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--actions", type=int, default=80, help="in one schedule")
    parser.add_argument("--first-seed", type=int, default=time.time_ns() % 10**9)
    parser.add_argument("--seed", type=int, help="replay this one")
    parser.add_argument("--before", type=int, default=1, help="schedules before this one")
    return parser.parse_args()


def _soak(lab: Laboratory, seconds: float, seed: int, actions: int) -> int:
    began = reported = time.monotonic()
    failed = 0
    while time.monotonic() - began < seconds:
        failed += not _try(lab, seed, actions)
        seed += 1
        if time.monotonic() - reported > REPORT_SECONDS:
            reported = time.monotonic()
            _report(lab, failed, reported - began)
    _report(lab, failed, time.monotonic() - began)
    return 1 if failed else 0


def _try(lab: Laboratory, seed: int, actions: int) -> bool:
    before = lab.before + lab.tried.schedules
    try:
        lab.run(Random(seed), actions)
    except Exception:
        SAVED.mkdir(parents=True, exist_ok=True)
        file = SAVED / f"{seed}.txt"
        file.write_text(traceback.format_exc())
        again = f"--seed {seed} --actions {actions} --before {before}"
        _say(f"Seed {seed} failed, see {file}. Replay: {again}")
        return False
    return True


def _report(lab: Laboratory, failed: int, seconds: float) -> None:
    tried = lab.tried
    faults, work = (
        ", ".join(f"{count} {kind}" for kind, count in sorted(counted.items()))
        for counted in (tried.faults, tried.work)
    )
    _say(
        f"{seconds / 60:.1f} min: {tried.schedules} schedules, {failed} failed, "
        f"{tried.aws_calls} AWS calls, {tried.passes} passes between handlers, "
        f"{tried.late_answers} late answers of indexes, "
        f"{sum(tried.faults.values())} faults ({faults}), work: {work}"
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
