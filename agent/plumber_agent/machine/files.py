"""Files that are there whole or not at all, whatever happens to the process or the machine."""

import json
import os
from pathlib import Path
from typing import Any


def write_durably(path: Path, document: Any, mode: int = 0o600) -> None:
    """Replaces the file by the document as JSON; it is on disk when this returns. Nothing that lies
    there already, such as a link, is written through."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        os.write(descriptor, json.dumps(document, indent=1).encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Makes sure that names made in the directory are on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_json(path: Path) -> Any:
    """The document, or None when there is no such file or it was cut off."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
