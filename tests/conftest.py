"""What all suites share. The environment is set before any test imports the product, which reads
it once; the fixtures themselves are in `tests/stack`."""

import atexit
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings

from infra.local.environment import base
from infra.local.key_file import kept

_directory = TemporaryDirectory()
atexit.register(_directory.cleanup)
_environment = base(os.environ)
_environment["PLUMBER_KEY_FILE"] = str(kept(Path(_directory.name) / "secrets.key"))
os.environ.clear()
os.environ.update(_environment)

# How long an example takes says how busy the machine is.
settings.register_profile("whatever the machine does", deadline=None)
settings.load_profile("whatever the machine does")

pytest_plugins = ["tests.stack.backends", "tests.stack.live"]
