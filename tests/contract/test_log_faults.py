"""A long log arrives whole, whoever is killed on its way."""

import hashlib
import os
from pathlib import Path
from typing import Any

from infra.local import rclone
from infra.local.backends import Endpoints
from infra.local.processes import Processes
from tests.contract.conftest import task
from tests.stack.live import LiveControlPlane

MEGABYTES = 200


def test_killing_agent_control_plane_and_s3_in_turn_loses_no_byte(
    live_processes: Processes,
    local_backend: Endpoints,
    agent_process: Any,
    cli: Any,
    tmp_path: Path,
) -> None:
    s3, url = rclone.start(live_processes, tmp_path / "s3")
    own = {"PLUMBER_TABLE_PREFIX": "faults-", "PLUMBER_BUCKET": "faults"}
    plane = LiveControlPlane(live_processes, {**local_backend, "AWS_ENDPOINT_URL_S3": url, **own})
    plane.start()
    agent, run = agent_process(plane), cli(plane)
    files = {"stdout": tmp_path / "out", "stderr": tmp_path / "err"}
    for file in files.values():
        file.write_bytes(os.urandom(MEGABYTES // 2 << 20))
    # In pieces, with a pause after each, so that it goes on while things are killed.
    command = (
        f"for n in $(seq 0 49); do dd if={files['stdout']} bs=2M skip=$n count=1 status=none; "
        f"dd if={files['stderr']} bs=2M skip=$n count=1 status=none >&2; sleep 0.05; done"
    )
    run_id = run.trigger(task([(agent.id, command)], "long"))
    objects = tmp_path / "s3" / "faults"

    def arrived(chunks: int) -> bool:
        return len([*objects.glob("logs/*/*/*/*/*/0*")]) >= chunks

    for turn, chunks in enumerate((5, 25, 45)):
        plane.wait_until(lambda chunks=chunks: arrived(chunks), 60, f"{chunks} chunks")
        match turn:
            case 0:
                agent.kill()
                agent.start()
            case 1:
                plane.kill()
                plane.start()
            case 2:
                live_processes.kill(s3)
                s3, _ = rclone.start(live_processes, tmp_path / "s3")

    def shown() -> Any:
        return run.json("run", "show", run_id)["steps"][0]["jobs"][0]

    def is_whole() -> bool:
        page = plane.call("GET", f"/runs/{run_id}/jobs/{shown()['id']}/log?tail=1")
        return page["state"] == "complete" and page["job_state"] == "succeeded"

    plane.wait_until(is_whole, 120, "the whole log")
    job = shown()  # now that its log is whole
    for stream, file in files.items():
        code, read, problem = run.run("run", "logs", run_id, "1", "--raw", "--stream", stream)
        assert (code, problem) == (0, b"")
        expected = hashlib.sha256(file.read_bytes()).hexdigest()
        assert hashlib.sha256(read).hexdigest() == expected
        assert job["log"]["streams"][stream]["sha256"] == expected
