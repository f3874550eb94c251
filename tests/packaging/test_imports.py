"""Imports point one way: core <- aws <- dynamo, s3, ... <- operations <- api <- app.py."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.environment import ROOT

TECHNOLOGIES = ("dynamo", "s3", "sqs", "kms")
LAYERS = {"": 0, "aws": 1, **dict.fromkeys(TECHNOLOGIES, 2), "operations": 3, "api": 4}
PYTHON_OF = {
    "chalicelib": ROOT / "chalicelib",
    "agent": ROOT / "agent" / "plumber_agent",
    "cli": ROOT / "cli" / "plumber_cli",
    "infra": ROOT / "infra",
}
AREAS = {"tasks", "runs", "logs", "agents", "access"}  # the same names in every layer
# What stands in no area, for each layer that has areas; the root's other folders are the layers.
SHARED = {
    "": {"clock", "errors", "ids", "patterns", "reader", "settings", "text"},
    "operations": {"connecting", "overview", "shift", "work"},
    "api": {
        "audit", "body_faults", "cursors", "docs_page", "envelope", "health", "inputs", "listing",
        "openapi", "overview", "panel", "refusals", "routing", "rpc", "rpc_route", "shapes", "work",
    },
}  # fmt: skip
# Which of our packages a part may import.
PARTS = {
    "chalicelib": {"chalicelib"},
    "agent": {"plumber_agent"},
    "cli": {"plumber_cli"},
    "infra": {"infra", "chalicelib"},
}
OURS = {"app", "tests"}.union(*PARTS.values())
# Who may import a library, as folders of chalicelib; outside of chalicelib these rules do not hold.
LIBRARIES = {
    "pynamodb": {"dynamo"},
    "boto3": set(),
    "botocore": {"aws", *TECHNOLOGIES},
    "chalice": {"api"},
    "cryptography": {"kms"},
}

USE_OF_RE = {
    "compile",
    "match",
    "fullmatch",
    "search",
    "sub",
    "subn",
    "split",
    "findall",
    "finditer",
}


def sources(part: str) -> list[Path]:
    return [
        path for path in sorted(PYTHON_OF[part].rglob("*.py")) if "node_modules" not in path.parts
    ]


def imported(text: str, package: tuple[str, ...]) -> Iterator[str]:
    """What a module in the package imports, as absolute dotted names."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = [*above, *([node.module] if node.module else [])]
            yield from (".".join([*module, name.name]) for name in node.names)


def imported_by(source: Path) -> Iterator[str]:
    return imported(source.read_text(), source.relative_to(ROOT).parent.parts)


def layer(parts: tuple[str, ...]) -> str:
    """The folder of chalicelib: `("chalicelib", "dynamo", "jobs")` is in `dynamo`."""
    return parts[1] if len(parts) > 1 and parts[1] in LAYERS else ""


def may_read(source: Path) -> bool:
    """Whether a module may ask a store: what renders is given what it shows."""
    return not source.stem.startswith("render")


def is_wrong(name: str, own: str) -> bool:
    """Whether a module in this folder of chalicelib may not import the name."""
    parts = tuple(name.split("."))
    if parts[0] in LIBRARIES:
        return own not in LIBRARIES[parts[0]]
    other = layer(parts)
    return parts[0] == "chalicelib" and other != own and LAYERS[other] >= LAYERS[own]


@pytest.mark.parametrize("source", sources("chalicelib"), ids=lambda p: str(p.relative_to(ROOT)))
def test_chalicelib_imports_only_what_is_below(source: Path) -> None:
    own = layer(source.relative_to(ROOT).with_suffix("").parts)
    assert [name for name in imported_by(source) if is_wrong(name, own)] == []


@pytest.mark.parametrize(
    "source",
    [each for each in sources("chalicelib") if not may_read(each)],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_what_renders_reads_no_store(source: Path) -> None:
    reached = {layer(tuple(name.split("."))) for name in imported_by(source)}
    assert not reached & {"aws", *TECHNOLOGIES}


def is_foreign_pattern(call: ast.Call) -> bool:
    """Whether something else than a pattern of the source itself goes to `re`."""
    of = call.func
    if not (isinstance(of, ast.Attribute) and isinstance(of.value, ast.Name)):
        return False
    if of.value.id != "re" or of.attr not in USE_OF_RE or not call.args:
        return False
    pattern = call.args[0]
    parts = pattern.values if isinstance(pattern, ast.JoinedStr) else [pattern]
    return not all(
        isinstance(part, ast.Constant) or (isinstance(part, ast.Name) and part.id.isupper())
        for each in parts
        for part in [each.value if isinstance(each, ast.FormattedValue) else each]
    )


@pytest.mark.parametrize("source", sources("chalicelib"), ids=lambda p: str(p.relative_to(ROOT)))
def test_patterns_of_others_are_compiled_in_one_place(source: Path) -> None:
    """`re` takes years for some, and nobody else is served meanwhile."""
    tree = ast.parse(source.read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert [call.lineno for call in calls if is_foreign_pattern(call)] == []
    uses_re2 = any(name.split(".")[0] in ("re2", "regex") for name in imported_by(source))
    assert uses_re2 == (source == PYTHON_OF["chalicelib"] / "patterns.py")


@pytest.mark.parametrize(
    ("line", "is_foreign"),
    [
        ("re.compile('a')", False),
        ("re.compile(rf'{_KEY}b')", False),
        ("re.fullmatch(_VALUE, text)", False),
        ("re.compile(pattern)", True),
        ("re.search(self.pattern, text)", True),
        ("re.compile(f'{given}b')", True),
    ],
)
def test_the_rule_of_patterns_finds_what_breaks_it(line: str, is_foreign: bool) -> None:
    (call,) = (node for node in ast.walk(ast.parse(line)) if isinstance(node, ast.Call))
    assert is_foreign_pattern(call) is is_foreign


@pytest.mark.parametrize("name", SHARED)
def test_a_layer_is_divided_by_area(name: str) -> None:
    folder = PYTHON_OF["chalicelib"] / name
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    packages = {path.parent.name for path in folder.glob("*/*.py")}
    assert modules == SHARED[name]
    assert packages - (set() if name else set(LAYERS)) == AREAS


@pytest.mark.parametrize("part", PARTS)
def test_parts_import_nothing_of_each_other(part: str) -> None:
    found = sources(part)
    assert found, f"no sources of {part}"
    foreign = OURS - PARTS[part]
    assert [
        f"{source.relative_to(ROOT)}: {name}"
        for source in found
        for name in imported_by(source)
        if name.split(".")[0] in foreign
    ] == []


@pytest.mark.parametrize("part", ["agent", "cli"])
def test_no_modules_import_each_other_in_a_circle(part: str) -> None:
    folder = PYTHON_OF[part]
    modules = {f"{folder.name}.{path.stem}": path for path in folder.glob("[!_]*.py")}
    imports = {
        module: {
            other
            for name in imported(path.read_text(), (folder.name,))
            for other in (name, name.rpartition(".")[0])
            if other in modules
        }
        for module, path in modules.items()
    }
    while free := {module for module, others in imports.items() if not others}:
        imports = {m: others - free for m, others in imports.items() if m not in free}
    assert imports == {}


def test_app_only_registers() -> None:
    source = ROOT / "app.py"
    assert len(source.read_text().splitlines()) <= 60
    reached = {layer(tuple(name.split("."))) for name in imported_by(source)}
    assert reached <= {"", "api", "operations"}


@pytest.mark.parametrize(
    ("folder", "line"),
    [
        ("", "from chalicelib.dynamo import jobs"),
        ("", "import boto3"),
        ("dynamo", "from chalicelib.operations import trigger"),
        ("dynamo", "from chalicelib.s3 import chunks"),
        ("dynamo", "from ..api.runs import render"),
        ("operations", "from chalicelib import api"),
        ("operations", "from pynamodb.models import Model"),
        ("operations", "import botocore.exceptions"),
        ("api", "def late():\n    import boto3"),
    ],
)
def test_the_rule_finds_what_breaks_it(folder: str, line: str) -> None:
    package = ("chalicelib", folder) if folder else ("chalicelib",)
    assert [is_wrong(name, folder) for name in imported(line, package)] == [True]


def test_the_rule_allows_what_is_below() -> None:
    line = (
        "import pynamodb, json\nfrom chalicelib.runs import job\nfrom chalicelib.dynamo import base"
    )
    names = imported(line, ("chalicelib", "dynamo"))
    assert [is_wrong(name, "dynamo") for name in names] == [False] * 4
