"""`make bench`: every figure of the design, or `ONLY` one group of them. All of them together are
written to docs/benchmarks.md; what stands there below the table is kept."""

import argparse
import importlib
import os
import platform
import sys
from datetime import datetime, timezone
from pathlib import Path

import psutil

from infra.local.environment import ROOT, base
from tests.bench.rows import Row, table

BENCHES = (
    "calls", "fleet", "wake", "throughput", "load", "history", "agent", "start", "logs",
    "functions", "cost",
)  # fmt: skip
PLACE = ROOT / "docs" / "benchmarks.md"
BELOW = "## What holds the figures that are not met"


def main() -> None:
    """Prints a table; progress goes to standard error."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", choices=BENCHES)
    only = parser.parse_args().only
    environment = base(os.environ)  # before the product is imported, which reads it once
    os.environ.clear()
    os.environ.update(environment)
    found: dict[str, list[Row]] = {}
    for name in BENCHES:
        if only in (None, name):
            sys.stderr.write(f"{name}…\n")
            found[name] = importlib.import_module(f"tests.bench.{name}").measure()
    sys.stdout.write(table([row for rows in found.values() for row in rows]))
    if only is None:
        write(PLACE, found)


def write(place: Path, found: dict[str, list[Row]]) -> None:
    """The tables, with date and machine; the explanations below them stay."""
    below = place.read_text().partition(BELOW)[2] if place.exists() else "\n"
    parts = [
        "# Benchmarks\n",
        "`make bench` measures all of this and writes it down; `make bench ONLY=<group>` prints one"
        " group. It starts a\ndurable stack of its own (DynamoDB Local and rclone on disk), warms"
        " up, repeats, and ends it.\n",
        f"{datetime.now(timezone.utc):%Y-%m-%d}, {machine()}.\n",  # noqa: TID251  an entry point
    ]
    for name, rows in found.items():
        parts += [f"## {name}\n", table(rows)]
    place.write_text("\n".join(parts) + f"\n{BELOW}{below}")


def machine() -> str:
    """On what this ran, for who compares."""
    memory = psutil.virtual_memory().total / 2**30
    python = platform.python_version()
    return f"{platform.system()}, {os.cpu_count()} cores, {memory:.0f} GB, Python {python}"


if __name__ == "__main__":
    main()
