"""The verbs of sealed secrets, on every backend."""

from datetime import datetime, timezone

import pytest

from chalicelib.dynamo import run_secrets
from chalicelib.dynamo.run_items import PartitionItem

pytestmark = pytest.mark.usefixtures("backend")

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def test_what_was_put_first_stays() -> None:
    assert run_secrets.put("01R", b"\0key", b"\xffcontent", NOW)
    assert not run_secrets.put("01R", b"other", b"other", NOW)
    assert run_secrets.get("01R") == (b"\0key", b"\xffcontent")
    assert run_secrets.get("01S") is None


def test_deleting_may_be_repeated_and_leaves_others() -> None:
    run_secrets.put("01R", b"key", b"content", NOW)
    run_secrets.put("01S", b"key", b"content", NOW)
    run_secrets.delete("01R")
    run_secrets.delete("01R")
    assert run_secrets.get("01R") is None
    assert run_secrets.get("01S") is not None


def test_it_expires_with_its_run_and_stands_in_no_index_and_no_run() -> None:
    run_secrets.put("01R", b"key", b"content", NOW)
    (item,) = PartitionItem.scan()
    assert item.ttl == NOW
    assert list(PartitionItem.query("01R")) == []
    keys = {
        key["AttributeName"]
        for index in PartitionItem._get_schema()["global_secondary_indexes"]
        for key in index["key_schema"]
    }
    stored = item.to_dynamodb_dict()
    for index in PartitionItem._get_schema()["global_secondary_indexes"]:
        wanted = {key["AttributeName"] for key in index["key_schema"]}
        assert not wanted <= stored.keys(), index["index_name"]
    assert keys & stored.keys() <= {"run_id", "item"}
