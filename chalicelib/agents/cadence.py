"""How often an agent calls. Pure.

| an agent | beats each | polls |
| --- | --- | --- |
| without a doorbell | `heartbeat_seconds` | 0.5 s after activity, backing off to idle |
| with one, not `SETTLED` | `heartbeat_seconds` | when it is rung, and with each heartbeat |
| with one, idle for longer | `idle_heartbeat_seconds` | when it is rung, and with each heartbeat |
"""

from datetime import timedelta
from enum import Enum

import msgspec

SETTLED = timedelta(minutes=10)
BUSY_POLL_MS = 500
MISSED_BEATS = 3  # in a row, and an agent is offline


class Doorbell(str, Enum):
    """What an agent says of its doorbell, as spelled on the wire."""

    NONE = "none"  # it has no address, or one that does not work
    LISTENING = "listening"
    LAPSING = "lapsing"  # it listens, and its address works for not much longer
    GONE = "gone"  # SQS says that there is no such queue

    @property
    def listens(self) -> bool:
        """Whether a ring reaches it."""
        return self in (Doorbell.LISTENING, Doorbell.LAPSING)


class Cadence(msgspec.Struct, frozen=True):
    """An installation's intervals, in seconds: see `Settings`."""

    heartbeat_seconds: int
    ttl_seconds: int
    idle_heartbeat_seconds: int
    poll_idle_seconds: float

    def next_heartbeat_seconds(self, idle_ms: int, doorbell: Doorbell | None) -> int:
        """When the next heartbeat is due. `idle_ms` is the time since the agent last had a job."""
        is_settled = idle_ms >= SETTLED / timedelta(milliseconds=1)
        if is_settled and doorbell is not None and doorbell.listens:
            return max(self.heartbeat_seconds, self.idle_heartbeat_seconds)
        return self.heartbeat_seconds

    def patience_seconds(self, heartbeat_seconds: int) -> int:
        """Without a further heartbeat the agent is offline after so long."""
        return max(self.ttl_seconds, MISSED_BEATS * heartbeat_seconds)

    def next_poll_ms(
        self, idle_ms: int, doorbell: Doorbell | None, *, is_active: bool, due_in_ms: int | None
    ) -> int:
        """When the next poll is due, unless there is a ring before. `due_in_ms` is when a job of
        the inbox may start, None where there is none that waits."""
        if doorbell is not None and doorbell.listens:
            wait = self.next_heartbeat_seconds(idle_ms, doorbell) * 1_000
            return wait if due_in_ms is None else max(1, min(wait, due_in_ms))
        most = int(self.poll_idle_seconds * 1_000)
        busiest = min(BUSY_POLL_MS, most)
        return busiest if is_active else max(busiest, min(most, idle_ms // 10))
