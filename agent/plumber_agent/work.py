"""What an agent carries through."""

from typing import Protocol


class Work(Protocol):
    """Something that runs on the machine under a lease, goes on without the agent, and has an end
    that the control plane is to learn. The agent's loop makes all calls.

    It says by two callbacks what has become of it: `on_reported(lease)`, the control plane knows
    the end, the lease is no longer held; `on_gone(lease)`, nothing is left to do.
    """

    lease: str

    @property
    def is_reported(self) -> bool:
        """Whether the control plane knows the end."""

    @property
    def may_be_left(self) -> bool:
        """Whether an agent that goes does not wait for it: it is over, and what is left to do has
        failed for some time. It is on disk, and the next agent's."""

    def start(self) -> None:
        """Begins, or goes on where an earlier agent left off."""

    def cancel(self) -> None:
        """Ends it; may be asked for again and again."""

    def follow(self, is_followed: bool) -> None:
        """Whether somebody waits for its output."""

    def leave(self) -> None:
        """The agent goes; it stays."""
