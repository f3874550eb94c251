"""Imports point one way: `machine` <- `jobs` <- the agent itself."""

import ast
from pathlib import Path

import pytest

import plumber_agent

PACKAGE = Path(plumber_agent.__file__).parent
MAY_IMPORT = {"machine": {"machine"}, "jobs": {"jobs", "machine"}}
ITSELF = {"__version__"}


def imported_by(source: Path) -> set[str]:
    """The parts of the package that a module imports."""
    names = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "absolute imports only"
            names |= {f"{node.module}.{each.name}" for each in node.names}
    found = {name.split(".")[1] for name in names if name.startswith("plumber_agent.")}
    return found - ITSELF


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_what_both_programs_share_knows_nothing_of_the_rest(part: str) -> None:
    sources = sorted((PACKAGE / part).glob("*.py"))
    assert len(sources) > 5
    assert {
        f"{source.name}: {name}"
        for source in sources
        for name in imported_by(source) - MAY_IMPORT[part]
    } == set()
