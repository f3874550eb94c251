"""The key of secrets on this machine: what KMS is on AWS."""

import os
from pathlib import Path

KEY_BYTES = 32


def kept(path: Path) -> Path:
    """The file, made unless it is there: random bytes that only its owner reads."""
    if not path.exists():
        # Whole or not at all: with half a key, what it encrypted could never be read again.
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_bytes(os.urandom(KEY_BYTES))
        draft.rename(path)
    return path
