"""Of what others wrote nothing but text and colours reaches the terminal, however it is printed."""

import ast
import json
from collections.abc import Callable
from pathlib import Path

import pytest

import plumber_cli
from plumber_cli import render, terminal
from plumber_cli.context import Context
from plumber_cli.main import main
from plumber_cli.printers import LinePrinter, RawPrinter

PACKAGE = Path(plumber_cli.__file__).parent
RED, RESET = "\x1b[31m", "\x1b[0m"
EVIL = {
    "the window's title": ("\x1b]0;pwned\x07", "^[]0;pwned^G"),
    "a link": ("\x1b]8;;http://evil\x1b\\x\x1b]8;;\x1b\\", "^[]8;;http://evil^[\\x^[]8;;^[\\"),
    "the clipboard": ("\x1b]52;c;cm0gLXJm\x07", "^[]52;c;cm0gLXJm^G"),
    "a reset of the terminal": ("\x1bc", "^[c"),
    "an empty screen": ("\x1b[2J\x1b[H", "^[[2J^[[H"),
    "a question that is answered into the shell": ("\x1b[6n", "^[[6n"),
    "a device control string": ("\x1bP$q\x1b\\", "^[P$q^[\\"),
    "a private mode": ("\x1b[?1049h", "^[[?1049h"),
    "C1": ("\x9b2J\x9d0;x\x9c\x85", "\\x9b2J\\x9d0;x\\x9c\\x85"),
    "a bell": ("\x07", "^G"),
    "backspaces": ("rm\b\bls", "rm^H^Hls"),
    "a line written over": ("bad\rgood", "bad^Mgood"),
    "a line that is no line": ("a\nError: b\x0bc\x0cd", "a^JError: b^Kc^Ld"),
    "NUL and DEL": ("\0\x7f", "^@^?"),
    "text that runs backwards": ("a\u202eb\u2066c\u2028", "a\\u202eb\\u2066c\\u2028"),
    "half a character": ("\ud800", "\\ud800"),
    "half a sequence": ("\x1b[31", "^[[31"),
    "what only looks like colours": ("\x1b[3\x1b[2Jm", "^[[3^[[2Jm"),
}


@pytest.fixture
def screen(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[], str]:
    """Both outputs are a terminal; what they were sent since the last look."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(terminal, "is_terminal", lambda *, err=False: True)
    return lambda: "".join(capsys.readouterr())


@pytest.mark.parametrize("colours", [True, False])
@pytest.mark.parametrize("name", EVIL)
def test_what_a_terminal_would_obey_is_shown(name: str, colours: bool) -> None:
    given, shown = EVIL[name]
    assert terminal.visible(f"é {given} 部", colours=colours) == f"é {shown} 部"


def test_colours_pass_and_end_with_the_line() -> None:
    assert terminal.visible(f"a {RED}b", colours=True) == f"a {RED}b{RESET}"
    assert terminal.visible(f"{RED}b{RESET}", colours=True) == f"{RED}b{RESET}"
    assert terminal.visible("\x1b[38;5;8mb\x1b[m", colours=True) == "\x1b[38;5;8mb\x1b[m"
    assert terminal.visible(f"{RED}b\x07", colours=True) == f"{RED}b^G{RESET}"
    assert terminal.visible(f"a {RED}b{RESET}\tc", colours=False) == "a b\tc"


def _logged(text: str) -> None:
    printer = LinePrinter("web | ")
    printer.write("stdout", text.encode("utf-8", "surrogatepass"))
    printer.finish()


WAYS: dict[str, Callable[[str], None]] = {
    "a line": terminal.say,
    "an error": lambda text: terminal.say(text, err=True),
    "a hint": render.hint,
    "a warning": render.warn,
    "a table": lambda text: render.table(["NAME", "N"], [[text, "1"]]),
    "facts": lambda text: render.facts({"Name": text}),
    "what was done": lambda text: Context().say({}, text),
    "a document": terminal.document,
    "JSON": lambda text: terminal.as_json({"name": text}),
    "a log": _logged,
    "a log's prefix": lambda text: LinePrinter(text).write("stdout", b"x\n"),
    "a raw log's marks": lambda text: RawPrinter().write(
        "plumber", text.encode("utf-8", "replace")
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_printing_is_clean(way: str, screen: Callable[[], str]) -> None:
    for given, _ in EVIL.values():
        WAYS[way](f"a {given} {RED}b")
    sent = screen()
    left = sent.replace(RED, "").replace("\x1b[33m", "").replace(RESET, "")
    assert [c for c in left if c != "\n" and not c.isprintable()] == []
    assert sent.count(RED) + sent.count("\x1b[33m") <= sent.count(RESET)
    assert "\n" in sent


@pytest.mark.parametrize("name", EVIL)
def test_a_sequence_that_comes_in_pieces_is_shown_all_the_same(
    name: str, screen: Callable[[], str]
) -> None:
    given, _ = EVIL[name]
    data = f"{given}{RED}x\n".encode("utf-8", "surrogatepass")
    printer = LinePrinter("")
    for at in range(len(data)):
        printer.write("stdout", data[at : at + 1])
    once = terminal.visible(data.decode(errors="replace").split("\n")[-2], colours=True)
    sent = screen()
    assert once in sent
    assert "\x1b" not in sent.replace(RED, "").replace(RESET, "")


def test_json_reads_back_as_it_was(screen: Callable[[], str]) -> None:
    document = {name: given for name, (given, _) in EVIL.items()}
    terminal.as_json(document)
    assert json.loads(screen()) == document


def test_without_a_terminal_documents_and_raw_output_are_exact(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    terminal.document("a = 'é\x9b'\r\n")
    RawPrinter().write("stdout", b"\x1b[2J\xff\r")
    assert capfdbinary.readouterr().out == "a = 'é\x9b'\r\n".encode() + b"\x1b[2J\xff\r"


def test_raw_output_is_exact_on_a_terminal_too(screen: Callable[[], str]) -> None:
    RawPrinter().write("stdout", b"\x1b[2J")
    assert screen() == "\x1b[2J"


def test_wrong_usage_is_clean(screen: Callable[[], str]) -> None:
    """click shows or leaves out some of it by itself."""
    evil = "\x1b[2J\x1b]0;x\x07"
    for arguments in (
        ["run", evil],
        ["run", "logs", "R", "--since", evil],
        ["task", "apply", evil],
    ):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
        sent = screen()
        assert "Error: " in sent
        assert not {"\x1b", "\x07"} & set(sent)


def test_a_fault_of_the_program_is_clean(
    screen: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("\x1b[2J\x9b")

    monkeypatch.setattr("plumber_cli.config.load", fail)
    with pytest.raises(SystemExit) as ended:
        main(["task", "list"])
    assert ended.value.code == 1
    sent = screen()
    assert "KeyError" in sent
    assert "\x1b[2J" not in sent


PRINTING = {"click": {"echo", "secho", "confirm", "prompt", "echo_via_pager", "pause"}}


def prints(node: ast.AST) -> bool:
    """Whether something is written to the outside."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in ("print", "input")
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return node.attr in ("stdout", "stderr") or node.attr in PRINTING.get(node.value.id, ())
    if isinstance(node, ast.ImportFrom):
        names = {each.name for each in node.names}
        return bool(names & {"stdout", "stderr"} or names & PRINTING.get(node.module or "", set()))
    return False


@pytest.mark.parametrize("source", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.stem)
def test_one_module_alone_prints(source: Path) -> None:
    found = [node for node in ast.walk(ast.parse(source.read_text())) if prints(node)]
    assert bool(found) == (source.stem == "terminal")


@pytest.mark.parametrize(
    "line",
    ["click.echo(x)", "sys.stdout.write(x)", "print(x)", "from sys import stderr", "input()",
     "out = sys.stdout.buffer", "from click import secho", "click.confirm(x)"],
)  # fmt: skip
def test_the_rule_finds_what_breaks_it(line: str) -> None:
    assert any(map(prints, ast.walk(ast.parse(line))))
