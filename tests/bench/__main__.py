"""`make bench`: every figure of the design, or `ONLY` one group of them."""

import argparse
import importlib
import os
import sys

from infra.local.environment import base
from tests.bench.rows import Row, table

BENCHES = (
    "calls",
    "wake",
    "throughput",
    "load",
    "history",
    "agent",
    "start",
    "logs",
    "functions",
    "cost",
)


def main() -> None:
    """Prints a table; progress goes to standard error."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", choices=BENCHES)
    only = parser.parse_args().only
    environment = base(os.environ)  # before the product is imported, which reads it once
    os.environ.clear()
    os.environ.update(environment)
    rows: list[Row] = []
    for name in BENCHES:
        if only in (None, name):
            sys.stderr.write(f"{name}…\n")
            rows += importlib.import_module(f"tests.bench.{name}").measure()
    sys.stdout.write(table(rows))


if __name__ == "__main__":
    main()
