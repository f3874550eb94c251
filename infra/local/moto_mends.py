"""Two faults of moto 5 that tell in a process that lives for long, mended.

It looks for each of the ten members of an AttributeValue by three names, at every value of every
item: 60 % of its time at a query. What it keeps is in the wire's format already. And it remembers
every item that it ever made, copies included, to reset them: 1.6 MB a second of the simulation.
"""

from collections.abc import MutableMapping
from typing import Any

from moto.core.common_models import BaseModel
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
    if shape.name == "AttributeValue" and not _holds_bytes(value):
        serialized[key] = value
    else:
        _stock(serializer, serialized, value, shape, key)


def _holds_bytes(value: MutableMapping[str, Any]) -> bool:
    """Which moto keeps as bytes, not as the wire has them."""
    ((kind, inner),) = value.items()
    if kind == "M":
        return any(map(_holds_bytes, inner.values()))
    return kind in ("B", "BS") or (kind == "L" and any(map(_holds_bytes, inner)))


def _untracked(model: type[BaseModel], *_: Any, **__: Any) -> BaseModel:
    return object.__new__(model)


def mend() -> None:
    """From here on, in this process. May be repeated."""
    BaseModel.__new__ = _untracked  # type: ignore
    BaseJSONSerializer._serialize_type_structure = _written_as_it_is  # type: ignore
