"""What a list of agents may be narrowed by. Pure."""

from datetime import datetime
from itertools import islice

import msgspec

from chalicelib.access.scope import EVERYTHING, Scope
from chalicelib.agents.agent import Agent, AgentStatus, Presence, status
from chalicelib.agents.target_index import Place, everybody, group, label, named, sources
from chalicelib.tasks.target import Requirement, Targets


class AgentFilter(msgspec.Struct, frozen=True):
    """All that is given must fit. `label` is a selector, `text` a part of the name, host name,
    address or id, `name` the whole name. What is outside of `scope` is not listed."""

    status: AgentStatus | None = None
    group: str | None = None
    label: str | None = None
    text: str = ""
    name: str | None = None
    scope: Scope = EVERYTHING

    @property
    def is_empty(self) -> bool:
        """Whether everybody fits."""
        return self == AgentFilter()

    @property
    def _targets(self) -> Targets:
        return Targets(group=self.group, selector=self.label)

    def requirements(self) -> tuple[Requirement, ...]:
        """Raises InvalidSelector."""
        return self._targets.requirements()

    def ways(self) -> list[tuple[Place, ...]]:
        """To all agents that may fit, each way in the order of their names."""
        if self.name is not None:
            return [named(self.name)]
        found = [way for way in sources(self._targets) if all(place.by_name for place in way)]
        return found or self._way_of_scope() or [everybody()]

    def _way_of_scope(self) -> list[tuple[Place, ...]]:
        """One way: each is looked into with every look, and the groups of a scope may be many."""
        if self.scope.groups:
            return [tuple(group(each) for each in self.scope.groups)]
        of_labels = (label(key, value) for key, value in self.scope.labels.items())
        return [(place,) for place in islice(of_labels, 1)]

    def fits(
        self,
        agent: Agent,
        presence: Presence | None,
        requirements: tuple[Requirement, ...],
        now: datetime,
    ) -> bool:
        """Whether an agent is listed. `requirements` are the filter's own."""
        parts = (agent.name, agent.facts.hostname, agent.facts.address, agent.id)
        return (
            self.scope.holds_agent(agent.labels, agent.group)
            and self.group in (None, agent.group)
            and self.name in (None, agent.name)
            and all(each.fits(agent.labels) for each in requirements)
            and any(self.text.lower() in part.lower() for part in parts)
            and self.status in (None, status(agent, presence, now))
        )
