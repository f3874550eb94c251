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


def test_what_was_erased_is_gone_and_nothing_takes_its_place() -> None:
    for run_id in ("01R", "01S"):
        run_secrets.put(run_id, b"key", b"content", NOW)
    for _ in range(2):
        run_secrets.erase("01R", NOW)
        assert run_secrets.get("01R") is None
        assert not run_secrets.put("01R", b"late", b"late", NOW)
    assert run_secrets.get("01S") == (b"key", b"content")
    (erased,) = [each for each in PartitionItem.scan() if each.run_id.endswith("R")]
    assert set(erased.to_dynamodb_dict()) == {"run_id", "item", "kind", "ttl"}
    assert erased.ttl == NOW + run_secrets.ERASED_FOR


def test_erasing_what_is_not_there_makes_nothing() -> None:
    run_secrets.erase("01R", NOW)
    assert list(PartitionItem.scan()) == []


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
