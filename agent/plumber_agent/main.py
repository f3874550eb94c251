"""The command `plumber-agent`."""

import argparse
import fcntl
import logging
import logging.handlers
import os
import signal
import stat
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from plumber_agent import __version__
from plumber_agent.agent import Agent
from plumber_agent.machine import config
from plumber_agent.machine.config import ConfigError, Identity
from plumber_agent.machine.enroll import enroll
from plumber_agent.machine.ownership import (
    NotOurs,
    private_directory,
    require_firm_ground,
    require_own_file,
)
from plumber_agent.machine.wire import Refused

LOG_BYTES, LOG_FILES = 2 << 20, 5
EXIT_USAGE, EXIT_REFUSED = 2, 3
OF_ROOT = Path("/var/lib/plumber-agent")

log = logging.getLogger("plumber.agent")


def main() -> None:
    """Runs the agent until SIGTERM; exits 2 for a bad configuration, 3 when it is not let in."""
    try:
        sys.exit(_run(_options()))
    except (ConfigError, NotOurs) as error:
        sys.stderr.write(f"plumber-agent: {error}\n")
        sys.exit(EXIT_USAGE)


def default_workdir(euid: int, environ: Mapping[str, str]) -> Path:
    """Where only this user writes. https://specifications.freedesktop.org/basedir-spec/latest/"""
    if euid == 0:
        return OF_ROOT
    given = Path(environ.get("XDG_STATE_HOME", ""))
    if given.is_absolute():  # others are to be ignored, says the specification
        return given / "plumber-agent"
    try:
        return Path.home() / ".local" / "state" / "plumber-agent"
    except RuntimeError as error:
        raise ConfigError("this user has no home directory. Choose a --workdir.") from error


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "plumber-agent", description="Fetches Plumber's jobs for this machine and runs them."
    )
    parser.add_argument(
        "--config", type=Path, default=Path("agent.json"), help="default: agent.json"
    )
    parser.add_argument(
        "--workdir",
        type=Path,
        help="where jobs without a path run, and what the agent keeps, open to nobody else; "
        f"default: {OF_ROOT} for root, else plumber-agent in $XDG_STATE_HOME or ~/.local/state",
    )
    parser.add_argument("--log-file", type=Path, help="default: agent.log in the work directory")
    parser.add_argument(
        "--drain-seconds",
        type=float,
        default=300.0,
        help="how long SIGTERM waits for running jobs; default: %(default)g",
    )
    parser.add_argument(
        "--spool-quota-mb",
        type=int,
        default=10_240,
        help="how much output of all jobs may wait on the disk to be shipped; default: %(default)d",
    )
    parser.add_argument("--version", action="version", version=__version__)
    return parser.parse_args()


def _run(options: argparse.Namespace) -> int:
    workdir = (options.workdir or default_workdir(os.geteuid(), os.environ)).absolute()
    try:
        _own(workdir)
        lock = _lock(workdir)
        _log_to(_own_log(options.log_file or workdir / "agent.log"))
    except OSError as error:
        raise ConfigError(f"{workdir} cannot be used: {error.strerror}.") from error
    try:
        return _serve(options, workdir)
    finally:
        os.close(lock)


def _own(workdir: Path) -> None:
    """Raises NotOurs when somebody else could have a say in what the agent keeps."""
    private_directory(workdir)
    private_directory(workdir / "jobs")
    for name in ("agent.lock", "incarnation"):
        require_own_file(workdir / name)


def _own_log(path: Path) -> Path:
    """Raises NotOurs when somebody else could have the log written, or moved, elsewhere."""
    require_firm_ground(path)
    if path.parent.stat().st_mode & stat.S_IWOTH:  # sticky: others may make files there
        raise NotOurs(f"Others may make files in {path.parent}. Choose another --log-file.")
    for each in path.parent.glob(f"{path.name}*"):
        require_own_file(each)
    return path


def _lock(workdir: Path) -> int:
    """Held as long as the agent lives. Raises ConfigError when another one holds it."""
    descriptor = os.open(workdir / "agent.lock", os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise ConfigError(f"another agent works in {workdir}. Choose another --workdir.") from error
    return descriptor


def _log_to(path: Path) -> None:
    line = logging.Formatter("%(asctime)s %(levelname)-7s %(message)s")
    rotating = logging.handlers.RotatingFileHandler(
        path, maxBytes=LOG_BYTES, backupCount=LOG_FILES - 1
    )
    for handler in (rotating, logging.StreamHandler()):
        handler.setFormatter(line)
        log.addHandler(handler)
    log.setLevel(logging.INFO)


def _serve(options: argparse.Namespace, workdir: Path) -> int:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    try:
        identity = _identity(options.config, stop)
    except Refused as error:
        log.error("Not let in: %s", error.message)
        return EXIT_REFUSED
    if identity is None:
        return 0
    log.info("Agent %s for %s, version %s.", identity.id, identity.server_addr, __version__)
    agent = Agent(identity, workdir, options.drain_seconds, options.spool_quota_mb << 20)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: agent.shut_down())
    if stop.is_set():
        agent.shut_down()
    agent.run()
    return 0


def _identity(path: Path, stop: threading.Event) -> Identity | None:
    known = config.load(path)
    if isinstance(known, Identity):
        return known
    log.info("Joining %s as %s.", known.server_addr, known.id)
    return enroll(path, known, stop)


if __name__ == "__main__":
    main()
