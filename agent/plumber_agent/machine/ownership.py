"""Whose files these are. What the agent keeps decides what it runs: another user of the machine who
could plant a file there would run commands as the agent's user, which may be root."""

import contextlib
import grp
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

OTHERS, OTHERS_WRITE = 0o077, 0o022
MOST_LINKS = 40  # on one way, as Linux has it


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
    for each in _way_to(path.absolute().parent):
        found = each.lstat()
        if stat.S_ISLNK(found.st_mode):  # who owns it may turn it, wherever it lies
            _require_owner(each, found, {os.geteuid(), 0})
        else:
            _require_closed(each, path)


def _way_to(directory: Path) -> Iterator[Path]:
    """Every directory in which a name is looked up on the way there, and every link: also those
    that links lead through, each of which decides where the way ends. What is missing is not there
    to be looked at. Raises NotOurs for links without end."""
    at, names, links = Path("/"), list(reversed(directory.parts[1:])), 0
    yield at
    while names:
        name = names.pop()
        entry = at.parent if name == ".." else at / name
        try:
            to = entry.readlink()
        except FileNotFoundError:
            return
        except OSError:  # no link
            at = entry
            yield at
            continue
        yield entry
        links += 1
        if links > MOST_LINKS:
            raise NotOurs(f"{directory} leads through too many links. Choose another place.")
        at = Path("/") if to.is_absolute() else at
        names += reversed(to.parts[1:] if to.is_absolute() else to.parts)


def _require_closed(directory: Path, path: Path) -> None:
    found = directory.stat()
    _require_owner(directory, found, {os.geteuid(), 0})
    # In a sticky directory, such as /tmp, everybody moves what is his own only.
    if not found.st_mode & stat.S_ISVTX and _is_writable_by_others(directory, found):
        raise NotOurs(
            f"{directory} can be written by other users (mode {stat.S_IMODE(found.st_mode):o}), "
            f"who could put something else in the place of {path}. Choose another place, or: "
            f"chmod go-w {directory}"
        )


def _is_writable_by_others(directory: Path, found: os.stat_result) -> bool:
    if found.st_mode & stat.S_IWOTH:
        return True
    # With an access list these bits are its mask: they say that somebody may write, and not who.
    may_group = bool(found.st_mode & stat.S_IWGRP)
    return may_group and (_has_access_list(directory) or not _is_own_group(found.st_gid))


def _has_access_list(directory: Path) -> bool:
    """https://man7.org/linux/man-pages/man5/acl.5.html"""
    try:
        return bool(os.getxattr(directory, "system.posix_acl_access"))
    except (OSError, AttributeError):  # none, or a system that knows none
        return False


def _is_own_group(gid: int) -> bool:
    """Whether nobody else is in it. Of root's group some systems' own accounts are."""
    own = {_name(os.geteuid()), "root"}
    try:
        members = set(grp.getgrgid(gid).gr_mem)
    except KeyError:
        members = set()
    if gid not in (os.getegid(), 0) or not members <= own:
        return False
    return gid == 0 or all(each.pw_name in own for each in pwd.getpwall() if each.pw_gid == gid)


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
