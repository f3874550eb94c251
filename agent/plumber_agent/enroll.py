"""Being let in: a join token becomes an identity."""

import platform
import socket
import threading
from pathlib import Path

from plumber_agent import __version__, config
from plumber_agent.config import Identity, Joining
from plumber_agent.wire import Wire


def facts(server_addr: str) -> dict[str, str]:
    """What the control plane is told of this machine."""
    return {
        "hostname": socket.gethostname()[:256],
        "address": _address(server_addr),
        "os": f"{platform.system()} {platform.release()}"[:256],
        "arch": platform.machine(),
        "version": __version__,
    }


def _address(server_addr: str) -> str:
    """The address from which this machine would reach the control plane; nothing is sent."""
    host = server_addr.split("://", 1)[-1].split("/", 1)[0].rsplit(":", 1)[0].strip("[]")
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((host, 9))
            address: str = probe.getsockname()[0]
            return address
    except OSError:
        return ""


def enroll(path: Path, joining: Joining, stop: threading.Event) -> Identity | None:
    """Joins with the id and secret of the file, however often that takes; None when stopped.

    Raises Refused when the join token or the id is not taken.
    """
    params = {
        "join_token": joining.join_token,
        "agent_id": joining.id,
        "secret": joining.secret,
        "name": (joining.name or socket.gethostname() or "agent")[:128],
        "facts": facts(joining.server_addr),
    }
    wire = Wire(joining.server_addr, None)
    answer = wire.call_until_answered("agent.enroll", params, stop)
    if answer is None:
        return None
    identity = Identity(joining.id, str(answer["token"]), joining.server_addr)
    config.save(path, identity)
    return identity
