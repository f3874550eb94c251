"""The generated CloudFormation resources are those of the models."""

import json
from typing import Any

import pytest

from chalicelib.api.refusals import ANY_PATH
from chalicelib.dynamo.schema import MODELS
from infra import gateway, resources
from infra.local.environment import ROOT

STORED = json.loads((ROOT / "infra" / "resources.json").read_text())["Resources"]


def tables() -> dict[str, dict[str, Any]]:
    """The stored tables by name, as their properties."""
    found = [item for item in STORED.values() if item.get("Type") == "AWS::DynamoDB::Table"]
    return {item["Properties"]["TableName"]: item["Properties"] for item in found}


def test_the_stored_resources_are_what_the_models_say() -> None:
    stored = (ROOT / "infra" / "resources.json").read_text()
    assert stored == resources.text(), "run `make resources`"


def test_every_model_has_its_table_on_demand() -> None:
    assert {model.Meta.table_name for model in MODELS} == set(tables())
    assert {table["BillingMode"] for table in tables().values()} == {"PAY_PER_REQUEST"}


def test_tables_with_history_expire_it() -> None:
    expiring = {name for name, table in tables().items() if "TimeToLiveSpecification" in table}
    assert "plumber-runs" in expiring
    assert "plumber-tasks" not in expiring


def test_every_key_of_table_and_index_is_defined_once_and_nothing_else() -> None:
    for name, table in tables().items():
        schemas = [table["KeySchema"]]
        schemas += [index["KeySchema"] for index in table.get("GlobalSecondaryIndexes", [])]
        keys = {key["AttributeName"] for schema in schemas for key in schema}
        defined = [entry["AttributeName"] for entry in table["AttributeDefinitions"]]
        assert sorted(keys) == defined, name
        assert all(schema[0]["KeyType"] == "HASH" for schema in schemas), name


def test_nothing_that_holds_history_goes_with_the_stack() -> None:
    kinds = ("AWS::DynamoDB::Table", "AWS::S3::Bucket")
    kept = [item for item in STORED.values() if item.get("Type") in kinds]
    assert len(kept) == len(MODELS) + 1
    assert {item["DeletionPolicy"] for item in kept} == {"RetainExceptOnCreate"}


def test_the_bucket_is_closed_and_expires_logs() -> None:
    bucket = STORED["Files"]["Properties"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    expiry = {
        rule.get("Prefix"): rule.get("ExpirationInDays")
        for rule in bucket["LifecycleConfiguration"]["Rules"]
    }
    assert expiry["logs/"] == {"Ref": "HistoryDays"}


def test_the_days_of_history_are_one_number_for_items_and_objects() -> None:
    template = json.loads((ROOT / "infra" / "resources.json").read_text())
    assert template["Parameters"]["HistoryDays"]["Default"] == 90
    for name in resources.FUNCTIONS:
        variables = STORED[name]["Properties"]["Environment"]["Variables"]
        assert variables["PLUMBER_HISTORY_DAYS"] == {"Ref": "HistoryDays"}


def test_every_table_can_be_brought_back_to_an_earlier_minute() -> None:
    recovery = [table["PointInTimeRecoverySpecification"] for table in tables().values()]
    assert recovery == [{"PointInTimeRecoveryEnabled": True}] * len(MODELS)


def test_a_changed_model_changes_the_resources(monkeypatch: pytest.MonkeyPatch) -> None:
    before = resources.text()
    monkeypatch.setattr(MODELS[0].Meta, "table_name", "plumber-renamed")
    assert resources.text() != before


def test_the_gateway_hands_the_app_every_path_that_it_has() -> None:
    from app import app

    below = {path for path in app.routes if path.startswith("/api/v1/") or path == "/rpc"}
    assert below | {ANY_PATH} == set(gateway.any_method_paths())
