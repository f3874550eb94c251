"""moto's answers for DynamoDB, written faster.

moto 5 looks for each of the ten members of an AttributeValue by three names, at every value of
every item: 60 % of its time at a query. What it keeps is in the wire's format already.
"""

from collections.abc import MutableMapping
from typing import Any

from moto.core.model import StructureShape
from moto.core.serialize import BaseJSONSerializer

_stock = BaseJSONSerializer._serialize_type_structure


def _written_as_it_is(
    serializer: BaseJSONSerializer,
    serialized: MutableMapping[str, Any],
    value: Any,
    shape: StructureShape,
    key: str,
) -> None:
    if shape.name == "AttributeValue":
        serialized[key] = value
    else:
        _stock(serializer, serialized, value, shape, key)


def hasten() -> None:
    """From here on, in this process. May be repeated."""
    BaseJSONSerializer._serialize_type_structure = _written_as_it_is  # type: ignore
