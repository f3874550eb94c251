"""docs/benchmarks.md: how it was measured, the tables of all groups, and the explanations, which
people write and a new measurement keeps."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psutil

from infra.local.environment import ROOT
from tests.bench.rows import Row, tables
from tests.bench.yardstick import Scale

PLACE = ROOT / "docs" / "benchmarks.md"
BELOW = "## Where the time goes"
INTRODUCTION = """\
# Benchmarks

`make bench` measures all of this in about half an hour and writes it down; `make bench
ONLY=<group>` prints one group, and `ONLY=quick` the figures that change first, in two minutes.

**default** is the stack of `make up` (dynalite, rclone and a small SQS of our own, on disk),
**durable** the one with AWS's DynamoDB Local in dynalite's place. Both stand side by side, each
with agents of its own, and run short jobs for up to 45 s before anything counts. They are measured
in turns, one idling while the other works, now one first and now the other. Where processes share
memory (agent, idle) one stack is measured after the other.

Each group stands between two looks at a **yardstick**: a fixed piece of Python, and how many
`sh -c :` the machine does in a second. Where its processor time and the clock differ, others were
at work. A time is said as it was measured, and *scaled*: as it would be on the machine that the
goals are for, where `import app` took 220 ms, and the fixed piece takes the time named as
reference. Rates are scaled the other way round; what waits for a clock or a network is not
scaled. *met* says whether the first column, scaled where it is, reaches the goal. Memory is PSS:
what is shared counts once.
"""


@dataclass(frozen=True)
class Group:
    """A group's rows, and the machine around them."""

    name: str
    rows: Sequence[Row]
    scale: Scale

    def said(self) -> str:
        """In Markdown."""
        return f"## {self.name}\n\n{self.scale.said()}\n\n{tables(self.rows, self.scale.factor)}"


def write(groups: Sequence[Group], today: datetime) -> None:
    """The tables, with date and machine; the explanations below them stay."""
    below = PLACE.read_text().partition(BELOW)[2] if PLACE.exists() else "\n"
    parts = [INTRODUCTION, f"{today:%Y-%m-%d}, {_machine()}.\n", *(each.said() for each in groups)]
    PLACE.write_text("\n".join(parts) + f"\n{BELOW}{below}")


def _machine() -> str:
    """On what this ran, for who compares."""
    memory = psutil.virtual_memory().total / 2**30
    python = platform.python_version()
    return f"{platform.system()}, {os.cpu_count()} cores, {memory:.0f} GB, Python {python}"
