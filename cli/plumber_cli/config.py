"""Where the control plane is and with which token: profiles in a file, or the environment."""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plumber_cli.errors import WrongUsage

if sys.version_info >= (3, 11):
    import tomllib as toml
else:
    import tomli as toml


@dataclass(frozen=True)
class Target:
    """A control plane and the token for it."""

    url: str
    token: str


def path() -> Path:
    """The configuration file."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "plumber" / "config.toml"


def parse_toml(text: str) -> dict[str, Any]:
    """Raises BadToml."""
    return toml.loads(text)


BadToml = toml.TOMLDecodeError


def load(profile: str | None) -> Target:
    """The environment first, then the profile, then a local stack's file in or above this folder.

    Raises WrongUsage when there is none of them, or the profile is not there.
    """
    url, token = os.environ.get("PLUMBER_URL"), os.environ.get("PLUMBER_TOKEN")
    if url and token and profile is None:
        return Target(url.rstrip("/"), token)
    profiles = _profiles()
    name = profile or os.environ.get("PLUMBER_PROFILE") or "default"
    if name in profiles:
        stored = profiles[name]
        return Target(url or str(stored["url"]), token or str(stored["token"]))
    if name != "default":
        raise WrongUsage(f"There is no profile '{name}' in {path()}.")
    local = _local_stack()
    if local is not None:
        return Target(url or local.url, token or local.token)
    raise WrongUsage(
        "No control plane is known. Run: plumber-cli set-config --url URL --token TOKEN, "
        "or set PLUMBER_URL and PLUMBER_TOKEN."
    )


def _profiles() -> dict[str, Any]:
    try:
        return parse_toml(path().read_text())
    except FileNotFoundError:
        return {}
    except (OSError, BadToml) as error:
        raise WrongUsage(f"{path()} cannot be read: {error}.") from error


def _local_stack() -> Target | None:
    here = Path.cwd()
    for folder in (here, *here.parents):
        try:
            document = json.loads((folder / ".plumber" / "local.json").read_text())
            return Target(str(document["url"]).rstrip("/"), str(document["token"]))
        except (OSError, ValueError, KeyError):
            continue
    return None


def save(profile: str, target: Target) -> None:
    """Adds the profile, or replaces it; the file is for its owner only."""
    profiles = {**_profiles(), profile: {"url": target.url, "token": target.token}}
    lines = []
    for name, stored in profiles.items():
        lines.append(f"[{json.dumps(name)}]")
        lines += [f"{key} = {json.dumps(str(stored[key]))}" for key in ("url", "token")]
        lines.append("")
    file = path()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(".new")
        temporary.touch(mode=0o600)
        temporary.chmod(0o600)
        temporary.write_text("\n".join(lines))
        temporary.replace(file)
    except OSError as error:
        raise WrongUsage(f"{file} cannot be written: {error.strerror}.") from error
