"""Where programs are: what `make` put into the virtual environment, because the machine had none
that was good enough, comes before the machine's own."""

import os
import shutil
import sys
from pathlib import Path

# As infra/install/check.sh makes them, and as the Makefile puts them into its PATH.
ADDED = tuple(Path(sys.prefix) / name / "bin" for name in ("node", "java", "chromium"))


def find(*names: str) -> str | None:
    """The path of the first of these programs that is there."""
    places = os.pathsep.join([*map(str, ADDED), os.environ.get("PATH", os.defpath)])
    return next((path for name in names if (path := shutil.which(name, path=places))), None)
