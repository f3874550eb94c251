"""What a list of agents may be narrowed by. Pure."""

from datetime import datetime

import msgspec

from chalicelib.agents.agent import Agent, AgentStatus, Presence, status
from chalicelib.agents.target_index import Place, everybody, named, sources
from chalicelib.tasks.target import Requirement, Targets


class AgentFilter(msgspec.Struct, frozen=True):
    """All that is given must fit. `label` is a selector, `text` a part of the name, host name,
    address or id, `name` the whole name."""

    status: AgentStatus | None = None
    group: str | None = None
    label: str | None = None
    text: str = ""
    name: str | None = None

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
        return found or [everybody()]

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
            self.group in (None, agent.group)
            and self.name in (None, agent.name)
            and all(each.fits(agent.labels) for each in requirements)
            and any(self.text.lower() in part.lower() for part in parts)
            and self.status in (None, status(agent, presence, now))
        )
