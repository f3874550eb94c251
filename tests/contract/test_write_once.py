"""Log chunks are written once, whatever happens to answers and whoever wants otherwise. On moto:
rclone, which serves the other backends, overwrites in spite of `If-None-Match`."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from infra.local.backends import Endpoints
from infra.local.processes import Processes
from tests.contract.conftest import task
from tests.contract.test_races import call
from tests.stack.live import LiveControlPlane


class LossyStore:
    """S3 behind a line on which the answers to the first PUTs of chunks are lost."""

    def __init__(self, s3: str, lost: int) -> None:
        self.told: list[int] = []  # of the PUTs of chunks, what S3 said
        self._left = lost
        store = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer = requests.request(
                    self.command, s3 + self.path, headers=dict(self.headers), data=body, timeout=30
                )
                if self.command == "PUT" and "/logs/" in self.path:
                    store.told.append(answer.status_code)
                    if store._left > 0:
                        store._left -= 1
                        self.close_connection = True
                        return
                self.send_response(answer.status_code)
                for name in ("Content-Type", "ETag", "Content-Range"):
                    if name in answer.headers:
                        self.send_header(name, answer.headers[name])
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass_on

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def lossy_store(moto_backend: Endpoints) -> Iterator[LossyStore]:
    made = LossyStore(moto_backend["AWS_ENDPOINT_URL_S3"], lost=2)
    yield made
    made.close()


def test_chunks_arrive_once_and_their_own_agent_cannot_write_over_them(
    live_processes: Processes,
    moto_backend: Endpoints,
    lossy_store: LossyStore,
    agent_process: Any,
    cli: Any,
    tmp_path: Path,
) -> None:
    own = {
        "AWS_ENDPOINT_URL_S3": lossy_store.url,
        "PLUMBER_TABLE_PREFIX": "once-",
        "PLUMBER_BUCKET": "once",
    }
    plane = LiveControlPlane(live_processes, {**moto_backend, **own})
    plane.start()
    agent, run = agent_process(plane), cli(plane)
    goes_on = tmp_path / "goes-on"
    command = f"printf 'one\\000\\377'; until [ -e {goes_on} ]; do sleep 0.05; done; echo two"
    run_id = run.trigger(task([(agent.id, command)], "once"))
    plane.wait_until(lambda: 412 in lossy_store.told, 60, "a chunk that was sent again")
    (entry,) = (agent.workdir / "jobs").glob("*/job.json")
    job = json.loads(entry.read_text())
    identity = json.loads((agent.workdir / "agent.json").read_text())
    reference = {key: job[key] for key in ("run_id", "job_id", "lease")}
    asked = call(plane, identity["token"], "job.log_urls", {**reference, "from": 1, "count": 1})
    for address in (job["urls"][0], *asked["urls"]):
        told = requests.put(address["url"], data=b"PLB1", headers=address["headers"], timeout=10)
        assert told.status_code == 412
    goes_on.touch()
    job_path = f"/runs/{run_id}/jobs/{job['job_id']}/log"

    def is_whole() -> bool:
        return bool(plane.call("GET", job_path)["state"] == "complete")

    plane.wait_until(is_whole, 60, "the whole log")
    code, read, _ = run.run("run", "logs", run_id, "1", "--raw")
    assert (code, read) == (0, b"one\0\xfftwo\n")
    assert {200, 412} == set(lossy_store.told)
