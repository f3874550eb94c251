"""Who works under an agent's identity: the holder's heartbeat is one write; only strangers cost
more. See `agents/seat.py` and ADR 25."""

from datetime import datetime

from chalicelib.agents.absence import back, is_away
from chalicelib.agents.agent import Facts
from chalicelib.agents.seat import Heard, SecondProcess, polls_until, seat_until
from chalicelib.dynamo import agents, presences
from chalicelib.dynamo.base import milliseconds
from chalicelib.errors import Conflict
from chalicelib.settings import settings
from chalicelib.sqs import doorbells


class NotSeated(Conflict):
    """Another process works under this agent's identity: it must not have a second agent.json."""

    rpc_code = -32007


def beat(
    agent_id: str,
    instance: str,
    facts: Facts | None,
    *,
    now: datetime,
    offline_at: datetime,
    running: int,
    metrics: dict[str, float] | None,
) -> tuple[Heard, int]:
    """Notes that the agent is there; with it, until when its polls name the seat, in milliseconds.
    One write, and another one when it was away. Raises NotSeated for another instance than the one
    that is at work."""
    seat = seat_until(now, settings.ttl_seconds)
    for _ in range(2):
        heard = presences.beat(agent_id, instance, now, offline_at, seat, running, metrics)
        if heard is not None:
            if is_away(heard.absences):
                presences.note_back(agent_id, heard.absences, back(heard.absences, now))
            return heard, _told(now)
        if not presences.take_seat(agent_id, instance, now, seat):
            break
    raise _refuse(agent_id, instance, facts, now)


def sit(agent_id: str, instance: str, told: int, now: datetime) -> int:
    """What a poll names from now on. `told` is what it named: as long as that holds, nothing is
    asked, else it is one write. Raises NotSeated."""
    if (milliseconds(now) or 0) < told <= _told(now):
        return told
    if not presences.keep_seat(agent_id, instance, seat_until(now, settings.ttl_seconds)):
        raise NotSeated
    return _told(now)


def _told(now: datetime) -> int:
    return milliseconds(polls_until(now, settings.ttl_seconds)) or 0


def _refuse(agent_id: str, instance: str, facts: Facts | None, now: datetime) -> NotSeated:
    """Has people and the holder know, who shows that it lives when it is rung."""
    facts = facts or Facts()
    who = SecondProcess(facts.hostname, facts.address, now)
    seat_ends = presences.note_refused(agent_id, instance, who, now)
    if seat_ends is not None and seat_ends <= now:
        doorbells.ring(agent_id)
    agent = agents.get(agent_id)
    if agent is None or not agent.facts.hostname:
        return NotSeated()
    holder = f"{agent.facts.hostname} ({agent.facts.address})"
    return NotSeated(
        f"Another process works under this agent's identity, on {holder}. An agent.json is for one "
        "machine and one work directory: enroll this one anew, or stop the other."
    )
