"""A few attributes of many items, on every backend."""

from datetime import datetime, timezone
from typing import Any

import pytest
from msgspec.structs import replace
from pynamodb.connection.table import TableConnection

from chalicelib.agents.agent import Agent, Candidate, Facts
from chalicelib.dynamo import agents

pytestmark = pytest.mark.usefixtures("known")

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
AGENT = Agent("a", "web", NOW, "hash", Facts(hostname="h"), {"role": "web"}, "prod", version=3)
BARE = Agent("b", "db", NOW, "hash", disabled=True)
EXPECTED = {
    "a": Candidate("a", "web", {"role": "web"}, "prod", False, 3),
    "b": Candidate("b", "db", {}, None, True, 0),
}


@pytest.fixture
def known(backend: str) -> None:
    removed = replace(AGENT, id="c")
    for each in (AGENT, BARE, removed):
        assert agents.enroll(each)
    assert agents.remove(removed)


def test_candidates_are_what_is_described_of_agents_that_there_are() -> None:
    assert agents.candidates(["a", "b", "c", "d", "a"]) == EXPECTED
    assert agents.candidates(["a"], as_of_now=True) == {"a": EXPECTED["a"]}
    assert agents.candidates([]) == {}


def test_everybody_is_who_was_not_removed() -> None:
    assert {each.id: each for each in agents.everybody()} == EXPECTED


def test_what_dynamodb_did_not_get_to_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    real, asked = TableConnection.batch_get_item, list[int]()

    def one_at_a_time(connection: TableConnection, keys: Any, **given: Any) -> Any:
        asked.append(len(keys))
        answer = real(connection, keys[:1], **given)
        unread = [
            {"agent_id": {"S": key["agent_id"]}} if isinstance(key["agent_id"], str) else key
            for key in keys[1:]
        ]
        table = agents.AgentItem.Meta.table_name
        return {**answer, "UnprocessedKeys": {table: {"Keys": unread}} if unread else {}}

    monkeypatch.setattr(TableConnection, "batch_get_item", one_at_a_time)
    assert agents.candidates(["a", "b", "c"]) == EXPECTED
    assert asked == [3, 2, 1]


def test_only_what_is_asked_for_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    real, seen = TableConnection.batch_get_item, list[Any]()

    def noted(connection: TableConnection, *given: Any, **named: Any) -> Any:
        answer = real(connection, *given, **named)
        seen.extend(answer["Responses"][agents.AgentItem.Meta.table_name])
        return answer

    monkeypatch.setattr(TableConnection, "batch_get_item", noted)
    agents.candidates(["a"])
    (row,) = seen
    assert set(row) == {
        "agent_id", "name", "labels", "group", "disabled", "version", "secret_hash",
    }  # fmt: skip
