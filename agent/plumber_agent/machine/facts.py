"""What the control plane is told of this machine."""

import platform
import socket
import time

from plumber_agent import __version__

RESOLVED_SECONDS = 600.0  # for which the control plane's address is not looked up again
SOME_PORT = 9


class Facts:
    """Of one machine, seen from one thread."""

    def __init__(self, server_addr: str) -> None:
        self._host = server_addr.split("://", 1)[-1].split("/", 1)[0].rsplit(":", 1)[0].strip("[]")
        self._address: str | None = None
        self._resolved_at = float("-inf")

    def now(self) -> dict[str, str]:
        """As `agent.enroll` and `agent.heartbeat` name them."""
        return {
            "hostname": socket.gethostname()[:256],
            "address": self._own_address(),
            "os": f"{platform.system()} {platform.release()}"[:256],
            "arch": platform.machine(),
            "version": __version__,
        }

    def _own_address(self) -> str:
        """From which this machine would reach the control plane; nothing is sent."""
        address = self._resolved()
        if address is None:
            return ""
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.connect((address, SOME_PORT))
                own: str = probe.getsockname()[0]
                return own
        except OSError:
            return ""

    def _resolved(self) -> str | None:
        """The control plane's address; also that there is none is remembered for a while: whoever
        was woken for a job does not wait for a name server."""
        if time.monotonic() - self._resolved_at > RESOLVED_SECONDS:
            try:
                self._address = socket.gethostbyname(self._host)
            except OSError:
                self._address = None
            self._resolved_at = time.monotonic()
        return self._address
