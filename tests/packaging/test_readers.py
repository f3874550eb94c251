"""Threads that read a type for the first time at once do not crash: all types are learnt at import.
Why that is needed stands in `chalicelib/reader.py`."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.environment import ROOT

TRIES = 100
MAKES = re.compile(r"(\w+\.)*Reader(\[.*\])?")
# Forks after the import, and lets threads in each child read everything at once. Each field is
# given a value of no type, so that its type is looked at. Answers the children's exit codes.
SCRIPT = """
import dataclasses, json, os, resource, sys, threading, typing
import msgspec
from chalicelib import reader

readers = []

learn = reader.Reader.__init__

def noted(self, kind):
    self.kind = kind
    if sys.argv[1] == "learnt":
        learn(self, kind)
    readers.append(self)

reader.Reader.__init__ = noted
import app

def value(kind):
    if typing.get_origin(kind) is dict:
        return {"0": value(typing.get_args(kind)[1])}
    if typing.get_origin(kind) is list:
        return [value(typing.get_args(kind)[0])]
    names = getattr(kind, "__struct_encode_fields__", ())
    if dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind)]
    return dict.fromkeys(names)

def read_all():
    together.wait()
    for each in readers:
        try:
            each.plain(value(each.kind))
        except msgspec.ValidationError:
            continue

resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
codes = []
for _ in range(int(sys.argv[2])):
    child = os.fork()
    if child == 0:
        sys.setswitchinterval(1e-6)
        together = threading.Barrier(6)
        threads = [threading.Thread(target=read_all) for _ in range(6)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        os._exit(0)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(json.dumps([len(readers), codes]))
"""


def race(how: str, tries: int) -> tuple[int, set[int]]:
    """How many readers there were, and how the processes ended in which threads raced."""
    answer = subprocess.run(
        [sys.executable, "-c", SCRIPT, how, str(tries)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    readers, codes = json.loads(answer.stdout)
    return readers, set(codes)


@pytest.mark.skipif(sys.platform != "linux", reason="children are made by fork")
def test_threads_may_read_every_type_for_the_first_time_at_once() -> None:
    readers, codes = race("learnt", TRIES)
    assert codes == {0}
    assert readers > 15, "the test looks at the whole product"


@pytest.mark.skipif(sys.platform != "linux", reason="children are made by fork")
def test_without_learning_them_at_import_that_is_a_crash() -> None:
    """When this fails, msgspec has been mended, and `chalicelib/reader.py` may go."""
    _, codes = race("unlearnt", TRIES)
    assert -11 in codes


def made_late(text: str) -> Iterator[int]:
    """The lines on which a reader is made in a function."""
    for function in ast.walk(ast.parse(text)):
        if isinstance(function, ast.FunctionDef | ast.Lambda):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and MAKES.fullmatch(ast.unparse(node.func)):
                    yield node.lineno


def test_readers_are_made_at_import() -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in sorted(Path(ROOT / "chalicelib").rglob("*.py"))
        if list(made_late(path.read_text()))
    }
    assert found == {"chalicelib/api/routing.py"}, "where routes are declared, at import"


def test_a_reader_made_late_is_found() -> None:
    assert list(made_late("def read(text):\n    return Reader[int](int).json(text)\n")) == [2]
