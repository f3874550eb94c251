"""What a role is narrowed to: tasks, and agents by labels and groups. Pure, see ADR 19.

A part of a scope that is empty narrows nothing, and so does a scope that is empty as a whole. What
is outside is as if it were not there.
"""

from collections.abc import Iterable, Mapping

import msgspec

from chalicelib.errors import NotAllowed

MAX_TASKS, MAX_LABELS, MAX_GROUPS = 50, 10, 10
NO_GROUP = ""  # how a reach names the group of agents that are in none


class OutOfScope(NotAllowed):
    """This is outside of the token's scope."""


class Reach(msgspec.Struct, frozen=True):
    """What the agents of a run have, so far as scopes ask for it.

    `labels` are those that all of them have, None as long as there are no agents; `groups` are
    those of any of them, of which one more than a scope may name says as much as all.
    """

    labels: Mapping[str, str] | None = None
    groups: tuple[str, ...] = ()

    def __add__(self, other: "Reach") -> "Reach":
        """Of the agents of both."""
        groups = tuple(sorted({*self.groups, *other.groups})[: MAX_GROUPS + 1])
        if self.labels is None or other.labels is None:
            return Reach(other.labels if self.labels is None else self.labels, groups)
        both = self.labels.items() & other.labels.items()
        return Reach(dict(sorted(both)), groups)


NOWHERE = Reach()


def reach_of(agents: Iterable[tuple[Mapping[str, str], str | None]]) -> Reach:
    """Of agents, given by their labels and group."""
    common: set[tuple[str, str]] | None = None
    groups: set[str] = set()
    for labels, group in agents:
        common = set(labels.items()) if common is None else common & labels.items()
        groups.add(group or NO_GROUP)
    if common is None:
        return NOWHERE
    return Reach(dict(sorted(common)), tuple(sorted(groups)[: MAX_GROUPS + 1]))


def together(reaches: Iterable[Reach]) -> Reach:
    """Of the agents of all."""
    found = NOWHERE
    for each in reaches:
        found += each
    return found


class Scope(msgspec.Struct, frozen=True, omit_defaults=True):
    """Only these tasks, and only agents that have all these labels and are in one of the groups."""

    tasks: tuple[str, ...] = ()
    labels: Mapping[str, str] = msgspec.field(default_factory=dict)
    groups: tuple[str, ...] = ()

    @property
    def is_everything(self) -> bool:
        """Whether nothing is outside."""
        return not (self.tasks or self.names_agents)

    @property
    def names_agents(self) -> bool:
        """Whether it narrows agents."""
        return bool(self.labels or self.groups)

    @property
    def only_task(self) -> str | None:
        """The task, if there is just one."""
        return self.tasks[0] if len(self.tasks) == 1 else None

    def holds_task(self, task_id: str) -> bool:
        """Whether a task is inside. Ad-hoc commands belong to none: where tasks are
        named, they are outside."""
        return not self.tasks or task_id in self.tasks

    def holds_agent(self, labels: Mapping[str, str], group: str | None) -> bool:
        """Whether an agent with these labels and this group is inside."""
        has_labels = self.labels.items() <= labels.items()
        return has_labels and (not self.groups or group in self.groups)

    def holds_reach(self, reach: Reach) -> bool:
        """Whether all these agents are inside; none are."""
        if reach.labels is None:
            return True
        has_labels = self.labels.items() <= reach.labels.items()
        return has_labels and (not self.groups or set(reach.groups) <= set(self.groups))

    def holds_run(self, task_id: str, reach: Reach) -> bool:
        """Whether a run is inside: its task is, and every one of its agents."""
        return self.holds_task(task_id) and self.holds_reach(reach)

    def holds(self, other: "Scope") -> bool:
        """Whether another scope is no wider, in any part."""
        tasks = not self.tasks or (other.tasks and set(other.tasks) <= set(self.tasks))
        groups = not self.groups or (other.groups and set(other.groups) <= set(self.groups))
        return bool(tasks and groups and self.labels.items() <= other.labels.items())

    def require_whole(self, what: str) -> None:
        """Raises OutOfScope for what nobody may do who has a scope."""
        if not self.is_everything:
            raise OutOfScope(
                f"A token with a scope cannot {what}: that decides what is inside of scopes. "
                f"This one is narrowed to {self.describe()}."
            )

    def require_agents(self, what: str) -> None:
        """Raises OutOfScope where the scope names tasks alone: then agents are only to be seen."""
        if not self.is_everything and not self.names_agents:
            raise OutOfScope(f"This token is narrowed to {self.describe()}: it cannot {what}.")

    def require_new_task(self, what: str) -> None:
        """Raises OutOfScope where the scope names tasks: something new is none of them."""
        if self.tasks:
            raise OutOfScope(f"This token is narrowed to {self.describe()}: it cannot {what}.")

    def describe(self) -> str:
        """For people."""
        parts = [f"the tasks {', '.join(self.tasks)}"] if self.tasks else []
        agents = [f"{key}={value}" for key, value in self.labels.items()]
        agents += [f"group {' or '.join(self.groups)}"] if self.groups else []
        parts += [f"agents with {', '.join(agents)}"] if agents else []
        return " and ".join(parts) or "everything"


EVERYTHING = Scope()
