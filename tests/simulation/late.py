"""Indexes that are late, as DynamoDB's global ones are: a query of one answers what was there a
moment ago.

Every write is remembered with the image that it left. What the store answers to a query is taken
back by the writes of the last moment: items that they touched are shown as they were before.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from chalicelib.dynamo.schema import MODELS

AT_MOST = timedelta(seconds=1)  # of the world's time: what is older is everywhere
CALLS = (0, 0, 3, 10, 30)  # how many calls late an answer may be
_KEYS = {
    model.Meta.table_name: [
        name for name in (model._hash_keyname, model._range_keyname) if name is not None
    ]
    for model in MODELS
}
_RANGE_KEYS = {
    (model.Meta.table_name, name): next(
        each.attr_name for each in index.Meta.attributes.values() if each.is_range_key
    )
    for model in MODELS
    for name, index in model._indexes.items()
}
_CLAUSE = re.compile(r"(#\w+) (?:(=|<=|<|>=|>) (:\w+)|BETWEEN (:\w+) AND (:\w+))")

Item = Mapping[str, Any]
Key = tuple[str, ...]  # the table's name, then the item's key


@dataclass(frozen=True)
class _Write:
    call: int
    at: datetime
    image: Item | None


class LateIndexes:
    """Between the faults and the store. `made` counts answers that were not of the present."""

    def __init__(self, chance: Random, now: Callable[[], datetime]) -> None:
        self._chance = chance
        self._now = now
        self._calls = 0
        self._writes: defaultdict[Key, list[_Write]] = defaultdict(list)
        self.is_on = False
        self.made = 0

    def send(self, operation: str, body: bytes, send: Callable[[], bytes]) -> bytes:
        """One call of DynamoDB."""
        self._calls += 1
        answer = send()
        request = json.loads(body)
        if operation == "Query" and "IndexName" in request:
            lag = self._chance.choice(CALLS) if self.is_on else 0
            return self._as_it_was(request, answer, self._calls - lag) if lag else answer
        for key, image in _written(operation, request, answer):
            writes = self._writes[key]
            if not writes and operation == "UpdateItem":  # it was there before all this
                writes.append(_Write(0, datetime.min.replace(tzinfo=self._now().tzinfo), image))
            writes.append(_Write(self._calls, self._now(), image))
        return answer

    def _as_it_was(self, request: Item, answer: bytes, call: int) -> bytes:
        said = json.loads(answer)
        if "LastEvaluatedKey" in said or "ExclusiveStartKey" in request:
            return answer  # a part of a long list
        table = request["TableName"]
        touched = {
            key: self._image(writes, call)
            for key, writes in self._writes.items()
            if key[0] == table and not self._is_settled(writes[-1], call)
        }
        kept = [item for item in said["Items"] if _key(table, item) not in touched]
        back = [item for item in touched.values() if item is not None and _fits(request, item)]
        found = sorted(kept + back, key=lambda item: _order(request, item))
        if not request.get("ScanIndexForward", True):
            found.reverse()
        found = found[: request.get("Limit")]
        if found == said["Items"]:
            return answer
        self.made += 1
        said |= {"Items": found, "Count": len(found), "ScannedCount": len(found)}
        return json.dumps(said).encode()

    def _is_settled(self, write: _Write, call: int) -> bool:
        return write.call <= call or write.at < self._now() - AT_MOST

    def _image(self, writes: list[_Write], call: int) -> Item | None:
        settled = [write for write in writes if self._is_settled(write, call)]
        return settled[-1].image if settled else None


def _key(table: str, item: Item) -> Key:
    return (table, *(next(iter(item[name].values())) for name in _KEYS[table]))


def _written(operation: str, request: Item, answer: bytes) -> Iterable[tuple[Key, Item | None]]:
    """What a call has written, as it is afterwards."""
    table = request.get("TableName", "")
    if operation == "PutItem":
        yield _key(table, request["Item"]), request["Item"]
    elif operation == "DeleteItem":
        yield _key(table, request["Key"]), None
    elif operation == "UpdateItem":
        yield _key(table, request["Key"]), json.loads(answer)["Attributes"]
    elif operation == "BatchWriteItem":
        for name, changes in request["RequestItems"].items():
            for change in changes:
                put = change.get("PutRequest", {}).get("Item")
                yield _key(name, put or change["DeleteRequest"]["Key"]), put


def _clauses(request: Item) -> Iterable[tuple[str, str, list[Any]]]:
    """Of the condition on the index's keys: attribute, comparison, values. The first is the hash
    key's."""
    names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
    for name, sign, value, low, high in _CLAUSE.findall(request["KeyConditionExpression"]):
        operands = [value] if sign else [low, high]
        yield names[name], sign or "BETWEEN", [_plain(values[each]) for each in operands]


def _plain(value: Item) -> Any:
    ((kind, inner),) = value.items()
    return Decimal(inner) if kind == "N" else inner


def _fits(request: Item, item: Item) -> bool:
    for name, sign, values in _clauses(request):
        if name not in item:
            return False
        own = _plain(item[name])
        holds = {
            "=": own == values[0],
            "<=": own <= values[0],
            "<": own < values[0],
            ">=": own >= values[0],
            ">": own > values[0],
            "BETWEEN": values[0] <= own <= values[-1],
        }
        if not holds[sign]:
            return False
    return True


def _order(request: Item, item: Item) -> tuple[Any, ...]:
    """By the index's range key, then by the item's own."""
    table = request["TableName"]
    range_key = _RANGE_KEYS[table, request["IndexName"]]
    return (_plain(item[range_key]), *_key(table, item))
