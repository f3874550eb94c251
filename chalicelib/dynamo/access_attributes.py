"""Who did it and on what, as attributes: stored as maps, in whatever item they stand."""

from typing import Any

import msgspec
from pynamodb.attributes import Attribute
from pynamodb.constants import MAP, STRING
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from chalicelib.access.by import By, Kind
from chalicelib.access.scope import Reach, Scope
from chalicelib.reader import Reader

_SCOPE, _REACH = Reader(Scope), Reader(Reach)


class ByAttribute(Attribute[By]):
    """See `By`: a map of its kind, id and name."""

    attr_type = MAP

    def becomes(self, value: By) -> Action:
        """In place of `set`, which takes of maps only what is written already."""
        return Path(self).set({MAP: self.serialize(value)})

    def serialize(self, value: By) -> dict[str, Any]:
        return {
            "kind": {"S": value.kind.value},
            "id": {"S": value.id},
            "name": {"S": value.name},
        }

    def deserialize(self, value: dict[str, Any]) -> By:
        return By(Kind(value["kind"]["S"]), value["id"]["S"], value["name"]["S"])


class ScopeAttribute(Attribute[Scope]):
    """See `Scope`, as JSON."""

    attr_type = STRING

    def serialize(self, value: Scope) -> str:
        return msgspec.json.encode(value).decode()

    def deserialize(self, value: str) -> Scope:
        return _SCOPE.json(value)


class ReachAttribute(Attribute[Reach]):
    """See `Reach`, as JSON."""

    attr_type = STRING

    def serialize(self, value: Reach) -> str:
        return msgspec.json.encode(value).decode()

    def deserialize(self, value: str) -> Reach:
        return _REACH.json(value)
