"""What people call runs, tasks and agents on the command line."""

from typing import Any

import click
import pytest
from click.testing import CliRunner

from plumber_cli import names, render
from plumber_cli.errors import Refused
from plumber_cli.main import cli

A, B, C = "01M88FBW3WE2M58C21DXAN4AKY", "01M88FBW3WE2M58C21DXAN4AKZ", "01M88G0000E2M58C21DXAN4AKZ"


class Lists:
    """The lists of a control plane, as its API narrows them."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []

    def get(self, *path: str, **query: str) -> Any:
        self.asked.append(query)
        if path == ("tasks",):
            known = {"deploy shop": "T1", "backup": "T2"}
            given = query["name"]
            return {"items": [{"id": known[given]}] if given in known else []}
        if path == ("tasks", "T1", "executions"):
            return {"items": [{"id": B}]}
        return {"items": [{"id": C}] if path == ("runs",) else []}

    def pages(self, *path: str, at_most: int | None, **query: str) -> tuple[list[Any], bool]:
        self.asked.append(query)
        if path == ("tasks",):
            return [{"name": "deploy shop"}, {"name": "backup"}], False
        if path == ("agents",):
            everybody = [{"id": "1", "name": "web-1"}, {"id": "2", "name": "db"}]
            twins = [{"id": "3", "name": "db"}]
            named = query.get("name")
            return [e for e in everybody + twins if named in (None, e["name"])], False
        return [{"id": each, "task_name": "t"} for each in (C, B, A)], False


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (A, A), (A.lower(), A), ("latest", C), ("01M88G", C), ("01m88g00", C), (A[:26], A),
        ("deploy shop", B),
    ],
)  # fmt: skip
def test_a_run_is_called_by_its_id_a_beginning_latest_or_its_task(
    given: str, expected: str
) -> None:
    assert names.run_id(Lists(), given) == expected


def test_a_beginning_is_looked_for_in_the_time_that_it_stands_for() -> None:
    lists = Lists()
    names.run_id(lists, C[:12])
    (query,) = lists.asked
    assert query["from"][:19] <= query["to"][:19]
    assert query["from"].startswith("2026-11-25T")
    lists = Lists()
    names.run_id(lists, "01M88G")
    assert lists.asked[0]["from"] < lists.asked[0]["to"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("01M88F", f"Several runs begin with '01M88F': {B} (t), {A} (t). Give more of the id."),
        ("deploi shop", "Did you mean 'deploy shop'?"),
        ("backup", "has not run yet"),
        ("nothing like it", "'plumber-cli run list' shows the newest runs"),
    ],
)
def test_what_is_no_run_is_told_with_what_may_be_meant(given: str, says: str) -> None:
    with pytest.raises(Refused) as caught:
        names.run_id(Lists(), given)
    assert says in caught.value.message


def test_tasks_and_agents_that_there_are_not_are_told_with_what_may_be_meant() -> None:
    with pytest.raises(Refused, match="Did you mean"):
        names.task_id(Lists(), "bakcup")
    with pytest.raises(Refused, match="Did you mean"):
        names.agent_id(Lists(), "web1")
    with pytest.raises(Refused, match="2 agents are named"):
        names.agent_id(Lists(), "db")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["runs"], "No such command 'runs'. Did you mean run?"),
        (["run", "lst"], "No such command 'lst'. Did you mean list?"),
        (["run", "xyzzy"], "No such command 'xyzzy'."),
    ],
)
def test_a_misspelled_command_is_told_what_may_be_meant(arguments: list[str], says: str) -> None:
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert says in click.unstyle(result.output)


# --- tables


@pytest.mark.parametrize(
    ("widths", "room", "fit"),
    [
        ([26, 10, 9], 80, [26, 10, 9]),
        ([26, 60, 9], 80, [26, 45, 9]),
        ([26, 60, 60, 9], 80, [26, 22, 23, 9]),
        ([26, 60, 60, 9], 20, [26, 12, 12, 9]),  # no further: the terminal breaks the lines
        ([90], 20, [90]),
    ],
)
def test_the_widest_columns_give_way_and_never_the_first(
    widths: list[int], room: int, fit: list[int]
) -> None:
    assert render.fitted(widths, room) == fit


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [
        ("short", 5, "short"),
        ("longer", 5, "long…"),
        ("部署部署", 5, "部署…"),
        ("部署部署", 4, "部…"),
        (click.style("failed", fg="red"), 6, click.style("failed", fg="red")),
        (click.style("failed", fg="red"), 4, "fai…"),
    ],
)
def test_what_has_no_room_is_cut_with_a_mark(text: str, columns: int, shown: str) -> None:
    assert render.cut(text, columns) == shown


def test_a_table_is_whole_where_no_terminal_is(capsys: pytest.CaptureFixture[str]) -> None:
    render.table(["ID", "REASON"], [["1", "x" * 500]])
    assert "x" * 500 in capsys.readouterr().out


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "succeeded"),
        (1, "succeeded, 1 failure tolerated"),
        (3, "succeeded, 3 failures tolerated"),
    ],
)
def test_a_run_with_tolerated_failures_says_so(number: int, text: str) -> None:
    run = {"state": "succeeded", "tolerated_failures": number}
    assert render.outcome(run) == text
