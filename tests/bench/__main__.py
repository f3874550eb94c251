"""`make bench`: every figure of the design, or `ONLY` one group of them. All of them together are
written to docs/benchmarks.md."""

import argparse
import importlib
import os
import sys
import time
from datetime import datetime, timezone

from infra.local.environment import base
from tests.bench import page
from tests.bench.page import Group
from tests.bench.yardstick import Scale, look

GROUPS = (
    "calls", "fleet", "wide", "slices", "call", "wake", "trace", "throughput", "drift", "load",
    "clients",
    "history", "agent", "idle", "start", "logs", "panel", "functions", "cost",
)  # fmt: skip
QUICK = "quick"  # some of them, shorter


def main() -> None:
    """Prints each group when it is done; progress goes to standard error."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", choices=(*GROUPS, QUICK))
    only = parser.parse_args().only
    environment = base(os.environ)  # before the product is imported, which reads it once
    os.environ.clear()
    os.environ.update(environment)
    groups = [_measured(name) for name in ([only] if only else GROUPS)]
    if only is None:
        page.write(groups, datetime.now(timezone.utc))  # noqa: TID251  an entry point


def _measured(name: str) -> Group:
    sys.stderr.write(f"{name}…\n")
    began = time.monotonic()
    module = importlib.import_module(f"tests.bench.{name}")
    before = look()
    rows = module.measure()
    group = Group(name, rows, Scale(before, look()))
    sys.stdout.write(f"{group.said()}\n")
    sys.stdout.flush()
    sys.stderr.write(f"{name}: {time.monotonic() - began:.0f} s\n")
    return group


if __name__ == "__main__":
    main()
