"""The default store: dynalite, DynamoDB's protocol over LevelDB. See ADR 14."""

from pathlib import Path

from infra.local import programs
from infra.local.addresses import HOST, answers, free_port
from infra.local.processes import Child, NotReady, Processes

START_SECONDS = 30.0
_HERE = Path(__file__).parent


def start(processes: Processes, state: Path) -> tuple[Child, str]:
    """Starts it with its tables under `state`; answers the child and its URL.

    LevelDB leaves writing to the disk to the system: what was answered survives a killed process,
    and a power cut may take the last seconds.
    """
    node = programs.find("node")
    if node is None or not (_HERE / "node_modules" / "dynalite").exists():
        raise NotReady("The store is not installed. `make deps` installs it.")
    port = free_port()
    state.mkdir(parents=True, exist_ok=True)
    child = processes.start("dynalite", [node, str(_HERE / "dynalite.cjs"), str(port), str(state)])
    url = f"http://{HOST}:{port}"
    processes.wait_until(lambda: answers(url), START_SECONDS, f"An answer of the store at {url}")
    return child, url
