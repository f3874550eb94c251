"""What the shapes of all nouns have in common. A noun's own stand in its `shapes` module: bodies
that come in, data that goes out.

The OpenAPI document and the panel's types are generated from them. Instants are RFC 3339 in UTC,
durations are seconds, data of logs is base64.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Name = Annotated[str, Meta(min_length=1, max_length=128)]


class Shape(Struct, frozen=True, forbid_unknown_fields=True):
    """What every shape has in common: immutable, and strict about unknown keys when parsed."""


class Page(Shape, frozen=True):
    """A page of a list; `next` is the cursor of the next one, null at the end."""

    items: list[Any]
    next: str | None


class By(Shape, frozen=True):
    """Who did something; `name` is what it was called then."""

    kind: Literal["token", "agent", "schedule", "system"]
    id: str
    name: str


class TomlFault(Shape, frozen=True):
    """Where a definition is wrong."""

    line: int | None
    column: int | None
    key: str | None


class TomlError(TomlFault, frozen=True):
    """One of the things that are wrong with a definition."""

    message: str


class TomlFaults(TomlFault, frozen=True):
    """Where a definition is wrong first. `errors` are all faults that could be found in one go, in
    the order of their lines, the first one among them."""

    errors: list[TomlError]
