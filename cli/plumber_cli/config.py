"""Where the control plane is and with which token: profiles in a file, or the environment."""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plumber_cli.errors import WrongUsage
from plumber_cli.files import NotOwn, read_own, replace

if sys.version_info >= (3, 11):
    import tomllib as toml
else:
    import tomli as toml

DEFAULT = "default"


@dataclass(frozen=True)
class Target:
    """A control plane and the token for it."""

    url: str
    token: str


def target(url: str, token: str) -> Target:
    """Raises WrongUsage for what cannot be an address or a token."""
    if not url.startswith(("http://", "https://")):
        raise WrongUsage(f"The address must begin with http:// or https://; '{url}' does not.")
    if not token or not all("!" <= character <= "~" for character in token):
        raise WrongUsage("The token is empty or not whole: it is one word such as plb_1a2b_3c4d.")
    return Target(url.rstrip("/"), token)


def path() -> Path:
    """The configuration file."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "plumber" / "config.toml"


def parse_toml(text: str) -> dict[str, Any]:
    """Raises BadToml."""
    return toml.loads(text)


BadToml = toml.TOMLDecodeError


def load(profile: str | None) -> Target:
    """`--profile`, the environment, the default profile, a local stack in or above this folder.

    A token in the environment goes with the address of a profile; an address in the environment
    never with the token of a profile, which is another control plane's. Raises WrongUsage when
    nothing is known, or the profile is not there.
    """
    url, token = os.environ.get("PLUMBER_URL"), os.environ.get("PLUMBER_TOKEN")
    if profile is not None:
        return _of_profile(_profiles(), profile)
    if url:
        if not token:
            raise WrongUsage("PLUMBER_URL is set, but PLUMBER_TOKEN is not. Set both.")
        return target(url, token)
    found = _stored()
    if found is None:
        raise WrongUsage(
            "No control plane is known. Run: plumber-cli set-config --url URL, "
            "or set PLUMBER_URL and PLUMBER_TOKEN."
        )
    return target(found.url, token) if token else found


def _stored() -> Target | None:
    profiles, named = _profiles(), os.environ.get("PLUMBER_PROFILE")
    if named or DEFAULT in profiles:
        return _of_profile(profiles, named or DEFAULT)
    return _local_stack()


def _of_profile(profiles: dict[str, Any], name: str) -> Target:
    if name not in profiles:
        known = f"Known are: {', '.join(profiles)}." if profiles else "There are none yet."
        raise WrongUsage(f"There is no profile '{name}' in {path()}. {known}")
    try:
        return target(str(profiles[name]["url"]), str(profiles[name]["token"]))
    except (KeyError, TypeError) as error:
        raise WrongUsage(f"The profile '{name}' in {path()} needs url and token.") from error


def _profiles() -> dict[str, Any]:
    try:
        return parse_toml(read_own(path()))
    except FileNotFoundError:
        return {}
    except NotOwn as problem:
        raise WrongUsage(str(problem)) from problem
    except (OSError, ValueError) as error:
        raise WrongUsage(f"{path()} cannot be read: {error}.") from error


def _local_stack() -> Target | None:
    """Not one of another user: in a folder that all may write, anybody could say where agents are
    to join."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        try:
            document = json.loads(read_own(folder / ".plumber" / "local.json"))
            return target(str(document["url"]), str(document["token"]))
        except (NotOwn, OSError, ValueError, KeyError, TypeError):
            continue
    return None


def save(profile: str, stored: Target) -> None:
    """Adds the profile, or replaces it; the file is for its owner only."""
    if not profile.isprintable():
        raise WrongUsage("The profile's name must be printable.")
    profiles = {**_profiles(), profile: {"url": stored.url, "token": stored.token}}
    _write(path(), "\n".join(_table(name, keys) for name, keys in profiles.items()))


def _table(name: str, keys: Any) -> str:
    """A table of strings, which TOML quotes as JSON does."""
    if not isinstance(keys, dict):
        raise WrongUsage(f"{path()} is not as plumber-cli wrote it: '{name}' is no table.")
    lines = [f"{_quoted(key)} = {_quoted(str(value))}" for key, value in keys.items()]
    return "\n".join([f"[{_quoted(name)}]", *lines, ""])


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace(file, text)
    except OSError as error:
        raise WrongUsage(f"{file} cannot be written: {error.strerror}.") from error
