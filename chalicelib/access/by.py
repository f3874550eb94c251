"""Who did something, as it is kept beside what was done. Pure."""

from enum import Enum

import msgspec


class Kind(str, Enum):
    """What kind of actor: a token of people and programs, an agent, a schedule, or the
    installation itself."""

    TOKEN = "token"
    AGENT = "agent"
    SCHEDULE = "schedule"
    SYSTEM = "system"


class By(msgspec.Struct, frozen=True):
    """Who did it. `name` is what it was called then: whoever it was may be gone by now."""

    kind: Kind
    id: str
    name: str

    def __str__(self) -> str:
        """For people: `ci (token)`, `schedule @daily`, and the name alone of the installation."""
        match self.kind:
            case Kind.SCHEDULE:
                return f"schedule {self.name}"
            case Kind.SYSTEM:
                return self.name
            case Kind.TOKEN | Kind.AGENT:
                return f"{self.name} ({self.kind.value})"


INSTALLATION = By(Kind.SYSTEM, "installation", "installation")
