"""Files that decide whom commands talk to, and files that hold tokens: no other user of the machine
has a say in either."""

import os
import stat
from contextlib import suppress
from pathlib import Path

OTHERS_WRITE = 0o022


class NotOwn(Exception):
    """Another user may have written the file. The message says what to do."""


def read_own(path: Path) -> str:
    """What a file says that only this user, or root, may have written: whoever else chooses the
    control plane chooses what its agents run. Raises NotOwn, OSError and UnicodeDecodeError."""
    # Not blocked by a pipe that lies there.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), encoding="utf-8") as file:
        found = os.fstat(file.fileno())
        if found.st_uid not in _owners():
            raise NotOwn(f"{path} belongs to another user, and is not believed. Remove it.")
        if found.st_mode & OTHERS_WRITE:
            mode = f"{stat.S_IMODE(found.st_mode):o}"
            raise NotOwn(
                f"{path} can be written by other users (mode {mode}). See that it is as it should "
                f"be, then: chmod 600 {path}"
            )
        return file.read()


def _owners() -> set[int]:
    """This user and root; under sudo, which may keep the home directory, also who called it."""
    behind_sudo = os.environ.get("SUDO_UID", "") if os.geteuid() == 0 else ""
    return {os.geteuid(), 0, *([int(behind_sudo)] if behind_sudo.isdecimal() else [])}


def write_new(path: Path, text: str) -> None:
    """A new file for this user alone. Nothing that lies there is written through: no link, and no
    file that is put there meanwhile. Raises FileExistsError, and OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def replace(path: Path, text: str) -> None:
    """The same, in the place of what is there. Raises OSError."""
    draft = path.with_suffix(".new")
    with suppress(FileNotFoundError):
        draft.unlink()
    write_new(draft, text)
    draft.replace(path)
