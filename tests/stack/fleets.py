"""Fleets of many agents, written to the store in batches: as if they had been let in one by one."""

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from msgspec.structs import asdict

from chalicelib.agents.agent import Agent
from chalicelib.agents.target_index import entries
from chalicelib.dynamo.agents import AgentItem
from chalicelib.dynamo.targets import TargetItem
from chalicelib.dynamo.transport import dynamodb

WRITTEN_AT_ONCE = 25  # DynamoDB's limit
WRITERS = 4


def build(agents: Iterable[Agent]) -> None:
    """Writes the agents and their entries in the index."""
    items = _items(agents)
    with ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(_write, iter(lambda: list(islice(items, WRITTEN_AT_ONCE)), [])))


def _items(agents: Iterable[Agent]) -> Iterator[tuple[str, dict[str, Any]]]:
    for agent in agents:
        item = AgentItem(
            agent.id,
            name=agent.name,
            created_at=agent.created_at,
            secret_hash=agent.secret_hash,
            facts=asdict(agent.facts),
            labels=dict(agent.labels),
            group=agent.group,
            version=agent.version,
        )
        yield AgentItem.Meta.table_name, item.to_dynamodb_dict()
        for entry in entries(agent):
            entered = TargetItem(entry.partition, entry.place, version=agent.version)
            yield TargetItem.Meta.table_name, entered.to_dynamodb_dict()


def _write(items: list[tuple[str, dict[str, Any]]]) -> None:
    requests: dict[str, list[Any]] = {}
    for table, item in items:
        requests.setdefault(table, []).append({"PutRequest": {"Item": item}})
    sent = json.dumps({"RequestItems": requests}).encode()
    answer = json.loads(dynamodb().send("BatchWriteItem", sent))
    assert not answer.get("UnprocessedItems")
