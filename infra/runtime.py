"""The Python that the functions run on, which is the one that their package is made with.

Chalice gets the wheels for the Python that runs it, and writes the version of that one into the
template. So `infra/resources.json` names the version, and `python -m infra.runtime` fails where
another one would package for it.
"""

import sys

VERSION = (3, 12)


def name(version: tuple[int, int] = VERSION) -> str:
    """As Lambda spells it."""
    return "python{}.{}".format(*version)


def mismatch(version: tuple[int, int]) -> str | None:
    """Why a package cannot be made with this Python; None when it can."""
    if version == VERSION:
        return None
    return (
        f"The functions run on {name()}, and this is {name(version)}: its wheels would not load "
        f"there. Install {name()}, then: make clean, and make package PYTHON={name()}"
    )


if __name__ == "__main__":
    sys.exit(mismatch(sys.version_info[:2]))
