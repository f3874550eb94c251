"""The codes of errors stand in `chalicelib.errors`, and its subclasses, once. Agent, CLI, panel and
docs name those that they know: by the same names, and with the same numbers."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import app as _app  # so that all kinds of errors are there  # noqa: F401
from chalicelib.api import rpc
from chalicelib.errors import PlumberError
from infra import gateway
from infra.local.environment import ROOT
from plumber_agent.machine import wire
from plumber_cli import errors as cli_errors

PROTOCOLS_OWN = {"PARSE_ERROR", "INVALID_REQUEST", "METHOD_NOT_FOUND", "INVALID_PARAMS"}


def kinds(of: type[PlumberError] = PlumberError) -> Iterator[type[PlumberError]]:
    yield of
    for kind in of.__subclasses__():
        yield from kinds(kind)


def upper(name: str) -> str:
    """`OldLease` or `oldLease` as a constant: `OLD_LEASE`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()


REST = {upper(kind.__name__): kind.code for kind in kinds()}
REST |= {"FAULT": PlumberError.code, "TOO_MANY": gateway.TOO_MANY_CODE}
RPC = {upper(kind.__name__): kind.rpc_code for kind in kinds()}
RPC |= {name: getattr(rpc, name) for name in PROTOCOLS_OWN}


def constants(module: object) -> dict[str, int]:
    return {name: value for name, value in vars(module).items() if is_code(value)}


def is_code(value: object) -> bool:
    return isinstance(value, int) and (value <= -32000 or 1000 < value < 6000)


def panels() -> dict[str, int]:
    source = (ROOT / "frontend" / "src" / "api" / "errors.ts").read_text()
    found = re.findall(r"^  (\w+): (\d{4}),$", source, re.MULTILINE)
    return {upper(name): int(code) for name, code in found}


@pytest.mark.parametrize(
    ("named", "known"),
    [(constants(wire), RPC), (constants(cli_errors), REST), (panels(), REST)],
    ids=["agent", "cli", "panel"],
)
def test_who_names_a_code_means_the_same(
    named: Mapping[str, int], known: Mapping[str, int]
) -> None:
    assert named
    assert named == {name: known.get(name) for name in named}


@pytest.mark.parametrize("source", ["agent", "cli"])
def test_no_code_stands_there_without_its_name(source: str) -> None:
    written = [
        f"{path.name}: {line.strip()}"
        for path in sorted(Path(ROOT / source).rglob("plumber_*/**/*.py"))
        for line in path.read_text().splitlines()
        if re.search(r"-32\d{3}\b|(?<![\w.#/])(100[1-6]|2001)(?![\w.])", line)
        and not re.match(r"[A-Z_, ]+ = ", line)
    ]
    assert written == []


def test_the_wires_tables_have_every_code_and_no_other() -> None:
    text = (ROOT / "docs" / "wire.md").read_text()
    rows = re.findall(r"^\| (-320\d\d|\d{4}) \|(?: (\d{3}) \|)?", text, re.MULTILINE)
    own = {kind.rpc_code for kind in kinds() if "rpc_code" in vars(kind)} - {rpc.INVALID_PARAMS}
    assert {int(code) for code, status in rows if not status} == own
    answered = {(kind.code, kind.http_status) for kind in kinds()}
    assert {(int(code), int(status)) for code, status in rows if status} == answered


def test_a_code_of_the_agents_protocol_has_one_meaning() -> None:
    own = [kind.rpc_code for kind in kinds() if "rpc_code" in vars(kind)]
    assert len(own) == len(set(own))
    assert PlumberError.rpc_code == rpc.INVALID_PARAMS
