"""Which agents a step is for: named ones, or all that labels, group and selector fit. Pure."""

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import TypeVar

import msgspec

from chalicelib.access.scope import Scope
from chalicelib.agents.agent import Described
from chalicelib.errors import BadParameter

_KEY = r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?"
_VALUE = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?"
_SET = re.compile(rf"({_KEY})\s+(in|notin)\s+\(([^()]*)\)")
_EQUALITY = re.compile(rf"({_KEY})\s*(==|=|!=)\s*({_VALUE}|)")
_EXISTENCE = re.compile(rf"(!?)\s*({_KEY})")
_Agent = TypeVar("_Agent", bound=Described)
_SPLIT = re.compile(r",(?![^(]*\))")  # commas that stand in no parentheses


class InvalidSelector(BadParameter):
    """The label selector is not understood."""


class Operator(str, Enum):
    """How a requirement judges a label. Without the label, `notin` is true as in Kubernetes."""

    IN = "in"
    NOT_IN = "notin"
    EXISTS = "exists"
    MISSING = "missing"


class Requirement(msgspec.Struct, frozen=True):
    """One part of a selector."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def fits(self, labels: Mapping[str, str]) -> bool:
        """Whether labels fulfil it."""
        match self.operator:
            case Operator.IN:
                return labels.get(self.key) in self.values
            case Operator.NOT_IN:
                return labels.get(self.key) not in self.values
            case Operator.EXISTS:
                return self.key in labels
            case Operator.MISSING:
                return self.key not in labels


def parse_selector(text: str) -> tuple[Requirement, ...]:
    """A Kubernetes label selector: `role=web,env in (prod,stage),!canary`; all parts must fit.

    Raises InvalidSelector, naming the part. Syntax:
    https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
    """
    parts = [part.strip() for part in _SPLIT.split(text)]
    if not all(parts):
        raise InvalidSelector("is empty, or has a comma too many.")
    return tuple(_requirement(part) for part in parts)


def _requirement(part: str) -> Requirement:
    if found := _SET.fullmatch(part):
        key, operator, inside = found.groups()
        values = frozenset(value.strip() for value in inside.split(","))
        if all(re.fullmatch(_VALUE, value) for value in values):
            return Requirement(key, Operator(operator), values)
    elif found := _EQUALITY.fullmatch(part):
        key, sign, value = found.groups()
        operator = Operator.NOT_IN if sign == "!=" else Operator.IN
        return Requirement(key, operator, frozenset({value}))
    elif found := _EXISTENCE.fullmatch(part):
        return Requirement(found[2], Operator.MISSING if found[1] else Operator.EXISTS)
    raise InvalidSelector(
        f"'{part[:60]}' is not understood. Write role=web, env!=test, env in (prod,stage), "
        "canary or !canary, separated by commas."
    )


def in_order(agents: Iterable[Described]) -> dict[str, str]:
    """The agents' names, by id, as a step has them."""
    return {each.id: each.name for each in sorted(agents, key=lambda a: (a.name, a.id))}


class Targets(msgspec.Struct, frozen=True):
    """Named agents, everybody, or all that fit labels, group and selector together."""

    agent_ids: tuple[str, ...] = ()
    labels: Mapping[str, str] = msgspec.field(default_factory=dict)
    group: str | None = None
    selector: str | None = None
    everybody: bool = False
    allow_empty: bool = False

    @property
    def is_fixed(self) -> bool:
        """Whether the agents are named, so that nothing needs to be looked up."""
        return bool(self.agent_ids)

    def requirements(self) -> tuple[Requirement, ...]:
        """All that labels and selector ask of an agent's labels."""
        labels = (
            Requirement(key, Operator.IN, frozenset({value})) for key, value in self.labels.items()
        )
        return (*labels, *(parse_selector(self.selector) if self.selector else ()))

    def stay_within(self, scope: Scope) -> bool:
        """Whether no agent that ever fits is outside of the scope: all that it asks for is asked
        for here too. Of named agents it says nothing."""
        exact = {
            (each.key, value)
            for each in self.requirements()
            if each.operator is Operator.IN and len(each.values) == 1
            for value in each.values
        }
        has_labels = scope.labels.items() <= exact
        return has_labels and (not scope.groups or self.group in scope.groups)

    def fitting(self, agents: Iterable[_Agent]) -> list[_Agent]:
        """The agents that fit; disabled ones do not.

        Agents that are offline fit: their jobs wait for them, up to `DeliverWithin`.
        """
        requirements = self.requirements()
        return [
            agent
            for agent in agents
            if not agent.disabled
            and self.group in (None, agent.group)
            and all(requirement.fits(agent.labels) for requirement in requirements)
        ]

    def describe(self) -> str:
        """For a person: what was looked for."""
        if self.is_fixed:
            named = len(self.agent_ids)
            return "1 named agent" if named == 1 else f"{named} named agents"
        parts = [f"{key}={value}" for key, value in self.labels.items()]
        parts += [f"group {self.group}"] if self.group is not None else []
        parts += [self.selector] if self.selector else []
        return ", ".join(parts) or "all agents"
