"""Whose files these are. What the agent keeps decides what it runs: another user of the machine who
could plant a file there would run commands as the agent's user, which may be root."""

import contextlib
import os
import pwd
import stat
from pathlib import Path

OTHERS, OTHERS_WRITE = 0o077, 0o022


class NotOurs(Exception):
    """Somebody else may have written here. The message says what is wrong and what to do."""


def private_directory(path: Path) -> None:
    """Makes the directory for this user alone (0700), where it is missing. Raises NotOurs for one
    that is a symbolic link, another user's, or open to others, or that somebody else could put
    another one in the place of; and OSError."""
    _make(path)
    require_private_directory(path)
    require_firm_ground(path)


def require_firm_ground(path: Path) -> None:
    """Raises NotOurs for a place that another user could move away, for a link or a place of its
    own: who may write a directory may rename what is in it, whoever that belongs to."""
    for above in sorted({*path.absolute().parents, *path.resolve().parents}):
        found = above.stat()
        _require_owner(above, found, {os.geteuid(), 0})
        of_group = found.st_gid not in (os.getegid(), 0) and stat.S_IWGRP
        # In a sticky directory, such as /tmp, everybody moves what is his own only.
        if found.st_mode & (stat.S_IWOTH | of_group) and not found.st_mode & stat.S_ISVTX:
            raise NotOurs(
                f"{above} can be written by other users (mode {stat.S_IMODE(found.st_mode):o}), "
                f"who could put something else in the place of {path}. Choose another place, or: "
                f"chmod go-w {above}"
            )


def require_private_directory(path: Path) -> None:
    """Raises NotOurs as `private_directory`, which also makes one; and OSError."""
    found = path.lstat()
    _require_no_link(path, found)
    if not stat.S_ISDIR(found.st_mode):
        raise NotOurs(f"{path} is not a directory. Remove it, or choose another one.")
    _require_owner(path, found, {os.geteuid()})
    if found.st_mode & OTHERS:
        raise NotOurs(
            f"{path} is open to other users (mode {stat.S_IMODE(found.st_mode):o}). See that "
            f"everything in it is as it should be, then: chmod 700 {path}"
        )


def require_own_file(path: Path) -> None:
    """Raises NotOurs for a file that somebody else than this user or root may have written. One
    that others may only read is closed to them. A missing file is none of its business."""
    with contextlib.suppress(FileNotFoundError):
        os.close(_open_own(path))


def read_own_file(path: Path) -> bytes:
    """What the very file holds that was found to be this user's. Raises as `require_own_file`, and
    OSError."""
    with os.fdopen(_open_own(path), "rb") as file:
        return file.read()


def _open_own(path: Path) -> int:
    _require_no_link(path, path.lstat())
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise NotOurs(f"{path} is not a regular file. Remove it, or choose another one.")
        _require_owner(path, found, {os.geteuid(), 0})
        if found.st_mode & OTHERS_WRITE:
            raise NotOurs(
                f"{path} can be written by other users (mode {stat.S_IMODE(found.st_mode):o}). "
                f"See that it is as it should be, then: chmod 600 {path}"
            )
        if found.st_mode & OTHERS and found.st_uid == os.geteuid():
            os.fchmod(descriptor, 0o600)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _make(path: Path) -> None:
    missing = []
    for each in (path, *path.parents):
        if os.path.lexists(each):
            break
        missing.append(each)
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)


def _require_no_link(path: Path, found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise NotOurs(
            f"{path} is a symbolic link, and might lead where another user wants. Remove it, or "
            f"name the place itself: {path.resolve()}"
        )


def _require_owner(path: Path, found: os.stat_result, owners: set[int]) -> None:
    if found.st_uid not in owners:
        raise NotOurs(
            f"{path} belongs to {_name(found.st_uid)}, and the agent runs as "
            f"{_name(os.geteuid())}: it may be planted. Remove it, or choose another one."
        )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
