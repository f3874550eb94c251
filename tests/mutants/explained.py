"""Wrongs that change nothing that anybody could see: no test can notice them, and each says why."""

from typing import NamedTuple


class Explained(NamedTuple):
    """A wrong as the run prints it, without its line."""

    file: str
    right: str
    wrong: str
    reason: str


EXPLAINED: tuple[Explained, ...] = ()
