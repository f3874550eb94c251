"""Ports and answers on this machine."""

import errno
import socket
from pathlib import Path

HOST = "127.0.0.1"


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def kept_port(place: Path) -> int:
    """The port that a file names, where it is still free; else another, which it names then.

    What was handed out before a restart, such as an address of an object, is good after it.
    """
    kept = place.read_text() if place.exists() else ""
    if kept.isdigit() and is_free(int(kept)):
        return int(kept)
    port = free_port()
    draft = place.with_suffix(".new")  # whole or not at all, whenever the stack is killed
    draft.write_text(str(port))
    draft.rename(place)
    return port


def is_free(port: int) -> bool:
    """Whether a server could listen there; raises OSError for ports that may not be used."""
    with socket.socket() as probe:
        # As the servers do: a port whose last connections are still closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


def answers(url: str, *, only_well: bool = False) -> bool:
    """Whether an HTTP server answers at all, or with `only_well`, answers 200."""
    # Here, because it is as large as the smallest process that only wants to know HOST.
    import urllib.error
    import urllib.request

    # No proxy of the environment stands between two programs of one machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2):
            return True
    except urllib.error.HTTPError:
        return not only_well
    except OSError:
        return False
