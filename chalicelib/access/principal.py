"""Who calls and what it may do: permissions, and roles as one table of them."""

from enum import Enum

import msgspec

from chalicelib.access.by import By, Kind
from chalicelib.access.scope import EVERYTHING, Scope
from chalicelib.errors import NotAllowed


class Permission(str, Enum):
    """What a route or method needs."""

    AGENTS_READ = "agents:read"
    AGENTS_WRITE = "agents:write"
    ENROLLMENTS_WRITE = "enrollments:write"
    TASKS_READ = "tasks:read"
    TASKS_WRITE = "tasks:write"
    RUNS_READ = "runs:read"
    RUNS_TRIGGER = "runs:trigger"
    RUNS_CANCEL = "runs:cancel"
    LOGS_READ = "logs:read"
    TOKENS_WRITE = "tokens:write"
    WORK_WRITE = "work:write"
    JOBS_CLAIM = "jobs:claim"
    JOBS_REPORT = "jobs:report"


class Role(str, Enum):
    """What a token is for. The roles of agents are theirs alone, and follow from their state."""

    VIEWER = "viewer"
    TRIGGER = "trigger"
    OPERATOR = "operator"
    ADMIN = "admin"
    AGENT = "agent"
    DISABLED_AGENT = "disabled_agent"


_VIEWER = frozenset(
    {
        Permission.AGENTS_READ,
        Permission.TASKS_READ,
        Permission.RUNS_READ,
        Permission.LOGS_READ,
    }
)
_TRIGGER = _VIEWER | {Permission.RUNS_TRIGGER}
_OPERATOR = _TRIGGER | {
    Permission.RUNS_CANCEL,
    Permission.TASKS_WRITE,
    Permission.AGENTS_WRITE,
    Permission.WORK_WRITE,
}
_ADMIN = _OPERATOR | {Permission.ENROLLMENTS_WRITE, Permission.TOKENS_WRITE}

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.TRIGGER: _TRIGGER,
    Role.OPERATOR: _OPERATOR,
    Role.ADMIN: _ADMIN,
    Role.AGENT: frozenset({Permission.JOBS_CLAIM, Permission.JOBS_REPORT}),
    Role.DISABLED_AGENT: frozenset({Permission.JOBS_REPORT}),
}


class Principal(msgspec.Struct, frozen=True):
    """An authenticated caller. `id` is a token's id, or the agent's for the roles of agents. It may
    do what its role includes, to what is in its scope."""

    id: str
    name: str
    role: Role
    scope: Scope = EVERYTHING

    @property
    def by(self) -> By:
        """As it is kept beside what it does."""
        is_agent = self.role in (Role.AGENT, Role.DISABLED_AGENT)
        return By(Kind.AGENT if is_agent else Kind.TOKEN, self.id, self.name)

    def may(self, permission: Permission) -> bool:
        """Whether the role includes it."""
        return permission in PERMISSIONS[self.role]

    def require(self, permission: Permission) -> None:
        """Raises NotAllowed, naming what is missing."""
        if not self.may(permission):
            raise NotAllowed(
                f"The role '{self.role.value}' does not include '{permission.value}'. "
                "Use a token with a role that does.",
                permission=permission.value,
            )
