"""agent.json: who this agent is and where its control plane is."""

import json
import secrets
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plumber_agent.machine.files import write_durably
from plumber_agent.machine.ownership import read_own_file, require_firm_ground


class ConfigError(Exception):
    """agent.json is missing or says something that cannot be used."""


@dataclass(frozen=True)
class Identity:
    """An enrolled agent."""

    id: str
    token: str
    server_addr: str


@dataclass(frozen=True)
class Joining:
    """An agent that has not been let in yet. Id and secret are its own choice, and kept."""

    id: str
    secret: str
    join_token: str
    server_addr: str
    name: str | None = None


def load(path: Path) -> Identity | Joining:
    """What the file says. A first start adds an id and a secret to it.

    Raises ConfigError for a file that is missing, unreadable or incomplete, and NotOurs for one
    that another user may have written, or could put another one in the place of.
    """
    try:
        require_firm_ground(path)
        document = json.loads(read_own_file(path))
    except (FileNotFoundError, ValueError):
        document = None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    if not isinstance(document, dict):
        reason = "is not valid JSON" if path.exists() else "does not exist"
        raise ConfigError(f"{path} {reason}. 'plumber-cli agent enroll --write {path}' makes one.")
    server_addr = _text(path, document, "server_addr").rstrip("/")
    if not server_addr.startswith(("http://", "https://")):
        raise ConfigError(f"{path}: server_addr must begin with http:// or https://.")
    if "token" in document:
        return Identity(_text(path, document, "id"), _text(path, document, "token"), server_addr)
    return _joining(path, document, server_addr)


def _joining(path: Path, document: dict[str, Any], server_addr: str) -> Joining:
    join_token = _text(path, document, "join_token")
    if "id" not in document or "secret" not in document:
        made = {"id": str(uuid.uuid4()), "secret": secrets.token_hex(32)}  # noqa: TID251
        document = {**document, **made}
        _save(path, document)
    agent_id, secret = _text(path, document, "id"), _text(path, document, "secret")
    name = _text(path, document, "name") if "name" in document else None
    return Joining(agent_id, secret, join_token, server_addr, name)


def _text(path: Path, document: dict[str, Any], key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{path}: the key '{key}' is missing or is not text.")
    return value


def save(path: Path, identity: Identity) -> None:
    """Replaces the join token by the identity. Raises ConfigError when it cannot."""
    document = {
        "id": identity.id,
        "token": identity.token,
        "server_addr": identity.server_addr,
    }
    _save(path, document)


def _save(path: Path, document: dict[str, Any]) -> None:
    try:
        write_durably(path, document)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from error
