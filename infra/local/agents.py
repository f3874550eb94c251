"""Agents as local processes, each with a working directory and an identity of its own."""

import json
import sys
from pathlib import Path

from infra.local.control_plane import ControlPlane
from infra.local.processes import Child, Processes

ENROLL_SECONDS = 30.0
_PROGRAMS = Path(sys.executable).parent


def enroll(control_plane: ControlPlane, workdir: Path) -> None:
    """Writes an agent.json with a fresh join token, unless the directory holds an identity."""
    config = workdir / "agent.json"
    if config.exists():
        return
    workdir.mkdir(mode=0o700, parents=True, exist_ok=True)
    joining = control_plane.call("POST", "/enrollments", {"description": f"local {workdir.name}"})
    config.touch(mode=0o600)
    settings = {
        "join_token": joining["join_token"],
        "server_addr": control_plane.url,
        "name": workdir.name,
    }
    config.write_text(json.dumps(settings, indent=2) + "\n")


def start(processes: Processes, workdir: Path) -> Child:
    """Starts the agent that was prepared in the directory, which is to be open to nobody else."""
    for directory in (workdir, workdir / "jobs"):
        if directory.is_dir():
            directory.chmod(0o700)
    program = str(_PROGRAMS / "plumber-agent")
    config = str(workdir / "agent.json")
    command = [program, "--config", config, "--workdir", str(workdir)]
    return processes.start(workdir.name, command, cwd=workdir)


def identity(workdir: Path) -> str | None:
    """The agent's id, once it has enrolled; None before."""
    try:
        config = json.loads((workdir / "agent.json").read_text())
    except ValueError:  # read in mid-write
        return None
    return config.get("id") if "token" in config else None


def is_online(control_plane: ControlPlane, workdir: Path) -> bool:
    """Whether the control plane has heard of the agent."""
    agent_id = identity(workdir)
    if agent_id is None:
        return False
    return bool(control_plane.call("GET", f"/agents/{agent_id}")["status"] == "online")


def wait_until_online(processes: Processes, control_plane: ControlPlane, workdir: Path) -> str:
    """The agent's id, when it has enrolled and is online; raises what `wait_until` raises."""
    processes.wait_until(
        lambda: is_online(control_plane, workdir), ENROLL_SECONDS, f"{workdir.name} going online"
    )
    agent_id = identity(workdir)
    assert agent_id is not None
    return agent_id
