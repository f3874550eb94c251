"""The far side of an agent: a control plane and a log store that do what the test says."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

SECONDS = 30
PROGRAM = Path(sys.executable).parent / "plumber-agent"


class Plane:
    """Hands out offers, takes reports and chunks. `calls` holds all that was said, with the
    Authorization that came along."""

    def __init__(self) -> None:
        self.offers: list[Any] = []
        self.cancels: list[str] = []
        self.calls: list[tuple[str, dict[str, Any], str | None]] = []
        self.chunks: dict[str, bytes] = {}
        self.store_status = 200
        self.store_goes_on = threading.Event()  # until then it takes nothing
        self.store_goes_on.set()
        self.signed: list[tuple[str, str | None]] = []  # method and Authorization
        self.signed_headers: list[str | None] = []
        self.answers_lost = 0  # so many chunks are stored and nobody is told
        self.first_open = 1  # chunks before it have been put together
        self.connections = 0
        self._lock = threading.Lock()
        plane = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def setup(self) -> None:
                plane.connections += 1
                super().setup()

            def do_POST(self) -> None:
                asked = json.loads(self._body())
                calls = asked if isinstance(asked, list) else [asked]
                token = self.headers.get("Authorization")
                answers = [
                    {"id": each["id"], **plane._answer(each["method"], each["params"], token)}
                    for each in calls
                ]
                self._say(200, json.dumps(answers if isinstance(asked, list) else answers[0]))

            def do_PUT(self) -> None:
                body = self._body()
                plane.store_goes_on.wait(SECONDS)
                plane.signed.append(("PUT", self.headers.get("Authorization")))
                plane.signed_headers.append(self.headers.get("If-None-Match"))
                if plane.store_status != 200:
                    self._say(plane.store_status, "")
                elif plane.chunks.setdefault(self.path, body) is not body:
                    self._say(412, "")  # as S3 says of what is there already
                elif plane.answers_lost > 0:
                    plane.answers_lost -= 1
                    self.close_connection = True
                else:
                    self._say(200, "")

            def do_GET(self) -> None:
                plane.signed.append(("GET", self.headers.get("Authorization")))
                self._say(200, "<Message>")

            def _body(self) -> bytes:
                return self.rfile.read(int(self.headers["Content-Length"]))

            def _say(self, status: int, text: str) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _answer(self, method: str, params: dict[str, Any], token: str | None) -> dict[str, Any]:
        with self._lock:
            self.calls.append((method, params, token))
            return {"jsonrpc": "2.0", "result": self._result(method, params)}

    def _result(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        match method:
            case "agent.poll":
                room = params["capacity"]
                offers, self.offers = self.offers[:room], self.offers[room:]
                said = {"cancels": self.cancels, "followed": [], "next_poll_ms": 50}
                return {"jobs": offers, "doorbell": None, **said}
            case "agent.heartbeat":
                return {"heartbeat_seconds": 30, "cancels": []}
            case "job.log_urls":
                wanted = self.urls(params["lease"], params["from"], params["count"])
                return {"urls": [each for each in wanted if each["seq"] >= self.first_open]}
            case "job.finish":
                return {"state": "succeeded" if params["exit_code"] == 0 else "failed"}
        return {"cancel": False}

    def urls(self, lease: str, first: int, count: int) -> list[dict[str, Any]]:
        """Where chunks go."""
        numbers = range(first, first + count)
        once = {"headers": {"if-none-match": "*"}}
        return [{"seq": n, "url": f"{self.url}/logs/{lease}/{n}", **once} for n in numbers]

    def offer(self, command: str, lease: str = "l1", **keys: Any) -> dict[str, Any]:
        """A job as `agent.poll` hands it out (docs/wire.md)."""
        offer = {
            "run_id": "01R", "job_id": f"1-{lease}", "step": 1, "attempt": 1, "lease": lease,
            "path": None, "command": command, "script": None, "shell": None, "user": None,
            "env": {}, "mask": {"values": [], "patterns": []}, "timeout_seconds": None,
            "kill_after_seconds": 0.3,
            "urls": self.urls(lease, 1, 3), "max_log_bytes": 1 << 30, "protocol": 1,
        }  # fmt: skip
        return {**offer, **keys}

    def said(self, method: str) -> list[dict[str, Any]]:
        """The parameters of all calls of the method so far."""
        with self._lock:
            return [params for name, params, _ in self.calls if name == method]

    def ends(self) -> dict[str, dict[str, Any]]:
        """The reported end of each lease."""
        return {each["lease"]: each for each in self.said("job.finish")}

    def close(self) -> None:
        self.store_goes_on.set()
        self._server.shutdown()
        self._server.server_close()


def wait_until(ready: Callable[[], Any], seconds: float = SECONDS) -> None:
    """Fails the test when it does not become so."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def start_agent(
    plane: Plane, place: Path, *options: str, workdir: Path | None = None, **keys: Any
) -> "subprocess.Popen[bytes]":
    """The real program, enrolled; its work directory is `place/work`."""
    config = place / "agent.json"
    if not config.exists():
        config.touch(mode=0o600)
        config.write_text(json.dumps({"id": "a", "token": "secret", "server_addr": plane.url}))
    command = [PROGRAM, "--config", config, "--workdir", workdir or place / "work", *options]
    return subprocess.Popen([*map(str, command)], stderr=subprocess.PIPE, **keys)
