"""What all suites share. The environment is set before any test imports the product, which reads
it once; the fixtures themselves are in `tests/stack`."""

import os

from infra.local.environment import base

_environment = base(os.environ)
os.environ.clear()
os.environ.update(_environment)

pytest_plugins = ["tests.stack.backends", "tests.stack.live"]
