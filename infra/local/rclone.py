"""S3 on this machine with its objects on disk: `rclone serve s3`. It checks every signature."""

import os
import sys
from pathlib import Path

from infra.local.addresses import HOST, answers, kept_port
from infra.local.processes import Child, Processes

START_SECONDS = 30.0


def start(processes: Processes, state: Path) -> tuple[Child, str]:
    """Starts it with its buckets under `state`; answers the child and its URL, the same as before
    where that is free."""
    state.mkdir(parents=True, exist_ok=True)
    url = f"http://{HOST}:{kept_port(state.with_suffix('.port'))}"
    arguments = [
        str(Path(sys.executable).parent / "rclone"), "serve", "s3", str(state),
        "--addr", url.removeprefix("http://"), "--config", os.devnull,
    ]  # fmt: skip
    own = processes.environment
    # By the environment, which others cannot see; quoted, because it is a list in CSV.
    pair = f'"{own["AWS_ACCESS_KEY_ID"]},{own["AWS_SECRET_ACCESS_KEY"]}"'
    child = processes.start("rclone", arguments, {"RCLONE_AUTH_KEY": pair})
    processes.wait_until(lambda: answers(url), START_SECONDS, f"An answer of S3 at {url}")
    return child, url
