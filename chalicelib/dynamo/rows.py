"""A few attributes of many items, as they are stored.

A model makes an object of each item with all of its attributes, which takes 40 µs and lets no
other thread go on meanwhile: too much where a step chooses among thousands of agents. What an
attribute means is said by the models here too.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pynamodb.attributes import Attribute, NumberAttribute
from pynamodb.constants import NUMBER
from pynamodb.expressions.condition import Condition

from chalicelib.dynamo.transport import TableModel

Row = Mapping[str, dict[str, Any]]
Attributes = Sequence[Attribute[Any]]

GOT_AT_ONCE = 100  # BatchGetItem's limit


def read(row: Row, attribute: Attribute[Any]) -> Any:
    """The value of an attribute, None where the item has it not."""
    stored = row.get(attribute.attr_name)
    return None if stored is None else attribute.deserialize(stored[attribute.attr_type])


def read_whole(row: Row, attribute: NumberAttribute) -> int:
    """A whole number, which is there."""
    return int(row[attribute.attr_name][NUMBER])


def _names(attributes: Attributes) -> list[str]:
    return [each.attr_name for each in attributes]


def get_many(
    model: type[TableModel], keys: Sequence[str], attributes: Attributes, *, as_of_now: bool
) -> Iterator[Row]:
    """Of the items with these hash keys, those that there are, in no order."""
    table, connection = model.Meta.table_name, model._get_connection()
    hash_key = model._hash_keyname
    for first in range(0, len(keys), GOT_AT_ONCE):
        left: Any = [{hash_key: key} for key in keys[first : first + GOT_AT_ONCE]]
        while left:
            answer = connection.batch_get_item(
                left, consistent_read=as_of_now, attributes_to_get=_names(attributes)
            )
            yield from answer["Responses"].get(table, ())
            left = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])


def query(
    model: type[TableModel],
    partition: str,
    condition: Condition | None,
    attributes: Attributes,
    *,
    limit: int,
    after: Mapping[str, Any] | None,
) -> list[Row]:
    """At most `limit` items of a partition, in their order, as of now; those behind the key `after`
    if there is one."""
    connection, found = model._get_connection(), list[Row]()
    while len(found) < limit:
        answer = connection.query(
            partition,
            condition,
            attributes_to_get=_names(attributes),
            consistent_read=True,
            limit=limit - len(found),
            exclusive_start_key=after,
        )
        found += answer["Items"]
        after = answer.get("LastEvaluatedKey")
        if after is None:
            break
    return found


def scan(model: type[TableModel], attributes: Attributes) -> Iterator[Row]:
    """All items, in no order, as of now."""
    connection, after = model._get_connection(), None
    while True:
        answer = connection.scan(
            attributes_to_get=_names(attributes), consistent_read=True, exclusive_start_key=after
        )
        yield from answer["Items"]
        after = answer.get("LastEvaluatedKey")
        if after is None:
            return
