"""Being let in: a join token becomes an identity."""

import socket
import threading
from pathlib import Path

from plumber_agent.machine import config
from plumber_agent.machine.config import Identity, Joining
from plumber_agent.machine.facts import Facts
from plumber_agent.machine.wire import Wire


def enroll(path: Path, joining: Joining, stop: threading.Event) -> Identity | None:
    """Joins with the id and secret of the file, however often that takes; None when stopped.

    Raises Refused when the join token or the id is not taken.
    """
    params = {
        "join_token": joining.join_token,
        "agent_id": joining.id,
        "secret": joining.secret,
        "name": (joining.name or socket.gethostname() or "agent")[:128],
        "facts": Facts(joining.server_addr).now(),
    }
    wire = Wire(joining.server_addr, None)
    answer = wire.call_until_answered("agent.enroll", params, stop)
    if answer is None:
        return None
    identity = Identity(joining.id, str(answer["token"]), joining.server_addr)
    config.save(path, identity)
    return identity
