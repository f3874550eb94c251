"""Where a stack keeps its files: one directory per port, so that stacks live side by side.

| beneath it | is |
| --- | --- |
| `local.json` | the way in, while the stack is up |
| `logs` | what its processes say |
| `local`, … | what a backend keeps: the agents' identities, tables, objects, the admin token, the |
| | keys, also that of secrets; of `memory` until the next start, of the others until `make reset` |
"""

import json
import os
import shutil
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from string import Template

from infra.local.backends import DEFAULT, FORGETFUL
from infra.local.control_plane import ControlPlane
from infra.local.environment import Keys, new_keys
from infra.local.key_file import kept

_SAMPLE = Path(__file__).parent / "hello.toml"


OTHERS_WRITE = 0o022


class NotOurs(Exception):
    """Another user of the machine has a say in what a stack would keep; the text says where."""


def _require_own(directory: Path) -> None:
    """Whoever knows the keys of a stack, or chooses them, is its admin, and has its agents run what
    he likes as the user who started it."""
    found = directory.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise NotOurs(f"{directory} is a link. Name the place itself: STATE={directory.resolve()}")
    if found.st_uid != os.geteuid():
        raise NotOurs(f"{directory} belongs to another user. Choose another place with STATE=…")


@dataclass(frozen=True)
class Place:
    """The files of the stack on one port. `root` is shared by all stacks of a checkout."""

    root: Path
    port: int
    backend: str = DEFAULT

    @property
    def directory(self) -> Path:
        return self.root / str(self.port)

    @property
    def logs(self) -> Path:
        return self.directory / "logs"

    def workdir(self, number: int) -> Path:
        """The working directory of an agent."""
        return self.state / "agents" / f"agent-{number}"

    @property
    def state(self) -> Path:
        """What is kept, or not, of everything that the stack does."""
        return self.directory / self.backend

    def clear(self) -> None:
        """Removes the last stack's logs, and its state where the backend forgets it. Raises NotOurs
        for a place in which another user has a say."""
        self.root.mkdir(mode=0o755, parents=True, exist_ok=True)
        _require_own(self.root)
        self.root.chmod(self.root.stat().st_mode & ~OTHERS_WRITE)
        self.directory.mkdir(mode=0o700, exist_ok=True)
        _require_own(self.directory)
        if (mode := stat.S_IMODE(self.directory.stat().st_mode)) & OTHERS_WRITE:
            raise NotOurs(
                f"{self.directory} can be written by other users (mode {mode:o}). See that "
                f"everything in it is as it should be, then: chmod 700 {self.directory}"
            )
        self.directory.chmod(0o700)
        shutil.rmtree(self.logs, ignore_errors=True)
        if self.backend in FORGETFUL:
            shutil.rmtree(self.state, ignore_errors=True)
        self.logs.mkdir()
        self.state.mkdir(exist_ok=True)

    def admin_token(self) -> str | None:
        """The one of the last start; None when there is none."""
        return self._token.read_text() if self._token.exists() else None

    def keep_admin_token(self, token: str) -> None:
        """For the next start."""
        self._token.touch(mode=0o600)
        self._token.write_text(token)

    def keys(self) -> Keys:
        """Those of the last start, or new ones; DynamoDB Local finds its tables by them."""
        path = self.state / "aws-keys.json"
        if not path.exists():
            # Whole or not at all: a half-written key would hide the tables for ever.
            draft = path.with_suffix(".new")
            draft.touch(mode=0o600)
            draft.write_text(json.dumps(asdict(new_keys())))
            draft.rename(path)
        return Keys(**json.loads(path.read_text()))

    def secrets_key(self) -> Path:
        """The file with the key of secret parameters: that of the last start, or a new one."""
        return kept(self.state / "secrets.key")

    @property
    def _token(self) -> Path:
        return self.state / "admin-token"

    def publish(self, control_plane: ControlPlane) -> None:
        """Writes the way in, for programs: here, and at the root for the stack started last."""
        for path in (self.directory / "local.json", self.root / "local.json"):
            path.unlink(missing_ok=True)
            path.touch(mode=0o600)
            path.write_text(json.dumps({"url": control_plane.url, "token": control_plane.token}))

    def withdraw(self, control_plane: ControlPlane) -> None:
        """Removes what `publish` wrote; what another stack wrote since at the root stays."""
        for path in (self.directory / "local.json", self.root / "local.json"):
            if path.exists() and json.loads(path.read_text())["url"] == control_plane.url:
                path.unlink()

    def write_sample(self, agent_id: str) -> Path:
        """The sample task, for this agent."""
        sample = self.directory / "hello.toml"
        sample.write_text(Template(_SAMPLE.read_text()).substitute(agent=agent_id))
        return sample
