"""What CloudFormation would refuse between two versions of the template."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from infra.changes import compare, main

Template = dict[str, Any]


def index(name: str, *projected: str, key: str = "task_id") -> dict[str, Any]:
    projection: dict[str, Any] = {"ProjectionType": "ALL"}
    if projected:
        projection = {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(projected)}
    keys = [{"AttributeName": key, "KeyType": "HASH"}]
    return {"IndexName": name, "KeySchema": keys, "Projection": projection}


def template(*indexes: dict[str, Any]) -> Template:
    keys = [{"AttributeName": "run_id", "KeyType": "HASH"}]
    table = {
        "TableName": "plumber-runs",
        "KeySchema": keys,
        "GlobalSecondaryIndexes": list(indexes),
    }
    kept = {"DeletionPolicy": "RetainExceptOnCreate"}
    return {
        "Resources": {
            "RunsTable": {"Type": "AWS::DynamoDB::Table", **kept, "Properties": table},
            "SweepLog": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 30}},
        }
    }


def said(old: Template, new: Template) -> list[str]:
    return [str(each) for each in compare(old, new)]


ONE, TWO, THREE = index("one"), index("two", "kind", "trigger"), index("three")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ((ONE, TWO), (ONE, TWO)),
        ((ONE, TWO), (TWO, ONE)),
        ((ONE,), (ONE, TWO)),
        ((ONE, TWO), (ONE,)),
        ((TWO,), (index("two", "trigger", "kind"),)),
    ],
)
def test_one_index_may_come_or_go(old: tuple[Any, ...], new: tuple[Any, ...]) -> None:
    assert said(template(*old), template(*new)) == []


@pytest.mark.parametrize(
    ("old", "new", "steps"),
    [
        ((), (ONE, TWO), "+one, +two"),
        ((ONE, TWO), (), "-one, -two"),
        ((ONE,), (TWO,), "-one, +two"),
        ((ONE, TWO), (THREE,), "-one, -two, +three"),
    ],
)
def test_more_than_one_index_is_refused(
    old: tuple[Any, ...], new: tuple[Any, ...], steps: str
) -> None:
    count = steps.count(",") + 1
    assert said(template(*old), template(*new)) == [
        f"refused: RunsTable: an update makes or deletes one index of a table, not {count}: {steps}"
    ]


@pytest.mark.parametrize("other", [index("two", "kind"), index("two", "kind", "trigger", key="x")])
def test_an_index_cannot_be_changed(other: dict[str, Any]) -> None:
    assert said(template(ONE, TWO), template(ONE, other)) == [
        "refused: RunsTable: an index cannot be changed: two; "
        "add it under another name, then delete the old"
    ]


def test_a_table_that_would_be_made_anew_is_told() -> None:
    old, new = template(ONE), template(ONE)
    new["Resources"]["RunsTable"]["Properties"]["TableName"] = "plumber-runs-2"
    assert said(old, new) == [
        "replaced: RunsTable: TableName would change; nothing of its data is moved"
    ]
    keys = new["Resources"]["RunsTable"]["Properties"]["KeySchema"]
    new["Resources"]["RunsTable"]["Properties"]["KeySchema"] = [
        *keys, {"AttributeName": "item", "KeyType": "RANGE"},
    ]  # fmt: skip
    assert said(old, new) == [
        "replaced: RunsTable: TableName, KeySchema would change; nothing of its data is moved"
    ]
    new["Resources"]["RunsTable"]["Properties"]["TableName"] = "plumber-runs"
    (refused,) = said(old, new)
    assert refused.startswith("refused: RunsTable: KeySchema cannot be changed under the same")


def test_what_goes_and_what_takes_its_name() -> None:
    old, new = template(ONE), template(ONE)
    new["Resources"]["HistoryTable"] = new["Resources"].pop("RunsTable")
    del new["Resources"]["SweepLog"]
    assert said(old, new) == [
        "refused: HistoryTable: it has the TableName of RunsTable, which is still there",
        "left: RunsTable: it is taken out of the stack and stays; "
        "under the same name none can be made again",
    ]


def test_what_is_new_or_has_other_settings_needs_no_thought() -> None:
    old = template(ONE)
    new = copy.deepcopy(old)
    new["Resources"]["OtherTable"] = copy.deepcopy(old["Resources"]["RunsTable"])
    new["Resources"]["OtherTable"]["Properties"]["TableName"] = "plumber-others"
    new["Resources"]["RunsTable"]["Properties"]["BillingMode"] = "PROVISIONED"
    new["Resources"]["SweepLog"]["Properties"]["RetentionInDays"] = 7
    assert said(old, new) == []
    new["Resources"]["SweepLog"]["Type"] = "AWS::SQS::Queue"
    assert said(old, new) == [
        "refused: SweepLog: it was AWS::Logs::LogGroup and would be AWS::SQS::Queue"
    ]


def test_the_command_prints_what_it_finds_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in (("old", template()), ("one", template(ONE)), ("two", template(ONE, TWO))):
        (tmp_path / name).write_text(json.dumps(content))
    assert main([str(tmp_path / "old"), str(tmp_path / "one")]) == 0
    assert capsys.readouterr().out == ""
    assert main([str(tmp_path / "old"), str(tmp_path / "two")]) == 1
    assert capsys.readouterr().out.startswith("refused: RunsTable: ")
