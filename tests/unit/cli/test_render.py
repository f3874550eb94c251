"""How things look on the command line."""

from datetime import datetime, timezone

import click
import pytest
from click.testing import CliRunner

from plumber_cli import render
from plumber_cli.durations import span
from plumber_cli.main import cli
from plumber_cli.printers import LONGEST_LINE, LinePrinter

NOW = datetime(2026, 1, 2, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0, "0.0s"),
        (1.25, "1.2s"),
        (59.94, "59.9s"),
        (60, "1m00s"),
        (184, "3m04s"),
        (7_500, "2h05m"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert render.duration(seconds) == text


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (None, "-"),
        ("2026-01-01T23:59:30Z", "30s ago"),
        ("2026-01-01T23:00:00.5Z", "59m ago"),
        ("2026-01-01T00:00:00Z", "1d ago"),
        ("2026-01-02T03:00:01Z", "in 3h"),
    ],
)
def test_instants_are_told_from_now(instant: str | None, text: str) -> None:
    assert render.when(instant, NOW) == text


def test_wide_characters_take_two_columns(capsys: pytest.CaptureFixture[str]) -> None:
    render.table(["NAME", "N"], [["部署", "1"], ["a", "2"]])
    assert capsys.readouterr().out == "NAME  N\n部署  1\na     2\n"


@pytest.mark.parametrize("text", ["", "s", "0s", "1", "1x", "-1s", "1.5h", "\u0663s"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no span"):
        span(text)


def test_spans() -> None:
    assert [span(text) for text in ("90s", "15m", "24h", "30d")] == [90, 900, 86_400, 2_592_000]


def test_text_of_others_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    render.table(["NAME", "N"], [["a\x1b[2Jb\rc\nd\te", "1"]])
    assert capsys.readouterr().out == "NAME              N\na^[[2Jb^Mc^Jd^Ie  1\n"


def test_lines_stand_behind_their_prefix_and_characters_are_put_together(
    capsys: pytest.CaptureFixture[str],
) -> None:
    printer = LinePrinter("web | ")
    euro = "€".encode()
    printer.write("stdout", b"one\ncosts 5 " + euro[:1])
    printer.write("stderr", b"warning\n")
    printer.write("stdout", euro[1:] + b"\nrest \xff")
    printer.finish()
    assert capsys.readouterr().out == (
        "web | one\nweb | warning\nweb | costs 5 €\nweb | rest \ufffd\n"
    )


def test_a_line_without_end_is_printed_in_parts(capsys: pytest.CaptureFixture[str]) -> None:
    printer = LinePrinter("")
    printer.write("stdout", b"x" * LONGEST_LINE)
    assert capsys.readouterr().out == ""
    printer.write("stdout", b"y")
    assert capsys.readouterr().out == "x" * LONGEST_LINE + "y\n"


def test_every_command_explains_itself() -> None:
    for group, commands in {
        "task": "list show apply validate revisions run delete",
        "run": "list show jobs logs outputs retry open cancel",
        "agent": "list show jobs set label enroll remove",
        "enrollment": "list delete",
        "schedule": "list create run preview next pause resume delete",
        "token": "create list revoke",
    }.items():
        for command in commands.split():
            result = CliRunner().invoke(cli, [group, command, "--help"])
            assert result.exit_code == 0
            assert "Usage:" in result.output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed(shell: str) -> None:
    result = CliRunner().invoke(cli, ["completion", shell])
    assert result.exit_code == 0
    assert "_PLUMBER_CLI_COMPLETE" in result.output


@pytest.mark.parametrize(
    ("kind", "name", "text"),
    [
        ("token", "ci", "ci (token)"),
        ("agent", "web-1", "web-1 (agent)"),
        ("schedule", "@daily", "schedule @daily"),
        ("system", "installation", "installation"),
    ],
)
def test_who_did_something_is_told_in_words(kind: str, name: str, text: str) -> None:
    assert render.by({"kind": kind, "id": "1", "name": name}) == text


@pytest.mark.parametrize(
    ("reason", "kind", "text"),
    [
        (None, None, ""),
        ("exit", "token", "exit"),
        (None, "token", "Cancelled by ann (token)."),
    ],
)
def test_a_job_that_was_cancelled_says_by_whom(
    reason: str | None, kind: str | None, text: str
) -> None:
    by = None if kind is None else {"kind": kind, "id": "1", "name": "ann"}
    assert render.reason({"reason": reason, "stopped_by": by, "agent_status": None}) == text


def test_a_scope_is_told_with_the_names_of_tasks_where_they_are_known() -> None:
    scope = {"tasks": ["T", "U"], "labels": {"env": "prod"}, "groups": ["web"]}
    assert render.scope(scope, {"T": "deploy"}) == "task deploy, task U, env=prod, group web"
    assert render.scope({"tasks": [], "labels": {}, "groups": []}, {}) == "-"
