"""`make mutants`: makes one small thing wrong at a time, and asks the tests whether they notice.

Conditions of the store are asked of the storage suite on the default store; the rules of the pure
modules of the unit tests. Prints what nobody noticed, what nobody can (`EXPLAINED`, which does not
count), and the shares.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from infra.local.environment import ROOT
from tests.mutants.explained import EXPLAINED
from tests.mutants.mutations import Mutation, of_conditions, of_rules

COPIED = ("app.py", "chalicelib", "tests", "infra", "pyproject.toml", ".chalice", "agent", "cli")
SKIPPED = shutil.ignore_patterns("node_modules", "__pycache__", "panel", "*.egg-info")
WORKERS = 2
OTHERS = ("tests/unit/agent", "tests/unit/cli")  # the tests of other programs
SECONDS = 240.0  # a mutant that runs for longer is noticed: something waits for ever


@dataclass(frozen=True)
class Kind:
    """Where wrongs are made, and which tests should notice."""

    files: Sequence[Path]
    make: Callable[[str], Iterator[Mutation]]
    tests: Sequence[str]


def _pure() -> list[Path]:
    places = [ROOT / "chalicelib", *(ROOT / "chalicelib").iterdir()]
    layers = {"api", "operations", "dynamo", "s3", "sqs", "aws", "kms", "panel", "templates"}
    found = [p for place in places if place.name not in layers for p in place.glob("*.py")]
    outside = {"clock.py", "settings.py", "reader.py", "__init__.py", "errors.py"}
    return sorted(path for path in found if path.name not in outside)


KINDS = {
    "conditions": Kind(
        sorted((ROOT / "chalicelib" / "dynamo").glob("*.py")),
        of_conditions,
        ("tests/storage", "-k", "not durable and not moto"),
    ),
    "rules": Kind(_pure(), of_rules, ("tests/unit", *(f"--ignore={each}" for each in OTHERS))),
}


@dataclass(frozen=True)
class Mutant:
    """A file, and what is wrong in it."""

    file: Path
    wrong: Mutation

    @property
    def reason(self) -> str | None:
        """Why nobody can notice it; None where somebody should."""
        this = (str(self.file.relative_to(ROOT)), *self.wrong.words)
        return next((reason for *known, reason in EXPLAINED if tuple(known) == this), None)

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.wrong}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--sample", type=int, help="so many of each kind, drawn by --seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--file", action="append", help="only of this one; may be repeated")
    options = parser.parse_args()
    drawn = {
        name: _drawn(kind, options) for name, kind in KINDS.items() if options.only in (None, name)
    }
    if not any(drawn.values()):
        parser.error("there is nothing in these files that is made wrong.")
    for name, mutants in drawn.items():
        if mutants:
            _try_all(name, KINDS[name], mutants)


def _drawn(kind: Kind, options: argparse.Namespace) -> list[Mutant]:
    only = [ROOT / each for each in options.file or ()]
    files = [each for each in kind.files if not only or each in only]
    every = [Mutant(file, wrong) for file in files for wrong in kind.make(file.read_text())]
    if options.sample is None or options.sample >= len(every):
        return every
    return random.Random(options.seed).sample(every, options.sample)


def _try_all(name: str, kind: Kind, drawn: Sequence[Mutant]) -> None:
    for each in drawn:
        if each.reason is not None:
            _say(f"explained {each}: {each.reason}")
    mutants = [each for each in drawn if each.reason is None]
    with tempfile.TemporaryDirectory(prefix="plumber-mutants-") as directory:
        trees: SimpleQueue[Path] = SimpleQueue()
        for number in range(WORKERS):
            trees.put(_copy(Path(directory) / str(number)))
        with ThreadPoolExecutor(WORKERS) as workers:
            noticed = list(workers.map(lambda mutant: _is_noticed(mutant, kind, trees), mutants))
    share = 100 * sum(noticed) / max(1, len(noticed))
    _say(f"{name}: {sum(noticed)} of {len(noticed)} noticed, {share:.0f} %")


def _copy(place: Path) -> Path:
    place.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, place / name, ignore=SKIPPED)
        else:
            shutil.copy(source, place / name)
    modules = Path("infra/local/node_modules")
    (place / modules).symlink_to(ROOT / modules)
    return place


def _is_noticed(mutant: Mutant, kind: Kind, trees: "SimpleQueue[Path]") -> bool:
    tree = trees.get()
    target = tree / mutant.file.relative_to(ROOT)
    right = target.read_text()
    target.write_text(mutant.wrong.applied(right))
    tests = [*_likely(mutant, tree), *kind.tests]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return True
    else:
        is_noticed = done.returncode not in (0, 5)  # 5: no test ran
        if not is_noticed:
            _say(f"nobody noticed {mutant}")
        return is_noticed
    finally:
        target.write_text(right)
        trees.put(tree)


def _likely(mutant: Mutant, tree: Path) -> list[str]:
    """The tests that bear the module's name, which come first: most wrongs end there."""
    name = mutant.file.stem
    wanted = {f"test_{name}.py", f"test_{name.removesuffix('s')}.py", f"test_{name}s.py"}
    found = sorted((tree / "tests" / "unit").rglob("test_*.py"))
    return [str(path.relative_to(tree)) for path in found if path.name in wanted]


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
