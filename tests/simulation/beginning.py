"""What the store held before the first schedule. Each begins with that and nothing else: what one
left behind would change the calls of the next, and its seed would not be enough to replay it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pynamodb.models import Model

from chalicelib.dynamo.schema import MODELS
from chalicelib.dynamo.transport import dynamodb

AT_ONCE = 25  # BatchWriteItem's limit

Item = Mapping[str, Any]


class Beginning:
    """All items as they are when it is made."""

    def __init__(self) -> None:
        self._items = {model: _by_key(model) for model in MODELS}

    def restore(self) -> None:
        """Deletes what has come since, and puts back what was changed."""
        for model, then in self._items.items():
            now = _by_key(model)
            come = (item for key, item in now.items() if key not in then)
            gone = [{"DeleteRequest": {"Key": _key_of(model, item)}} for item in come]
            changed = (item for key, item in then.items() if now.get(key) != item)
            _write(model, [*gone, *({"PutRequest": {"Item": item}} for item in changed)])


def _by_key(model: type[Model]) -> dict[str, Item]:
    return {json.dumps(_key_of(model, item)): item for item in _scanned(model)}


def _key_of(model: type[Model], item: Item) -> Item:
    names = (model._hash_keyname, model._range_keyname)
    return {name: item[name] for name in names if name is not None}


def _scanned(model: type[Model]) -> Iterator[Item]:
    after: Item = {}
    while True:
        answer = _asked("Scan", {"TableName": model.Meta.table_name, **after})
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        after = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def _write(model: type[Model], changes: Sequence[Item]) -> None:
    for first in range(0, len(changes), AT_ONCE):
        some = {model.Meta.table_name: changes[first : first + AT_ONCE]}
        _asked("BatchWriteItem", {"RequestItems": some})


def _asked(operation: str, request: Item) -> Any:
    return json.loads(dynamodb().send(operation, json.dumps(request).encode()))
