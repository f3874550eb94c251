"""What the stack tells whoever started it."""

import sys
from time import monotonic


class Story:
    """Lines on standard output; a step's line carries the seconds since the beginning."""

    def __init__(self) -> None:
        self._began = monotonic()

    def say(self, text: str) -> None:
        """A line, or several, as they are."""
        self.pass_on(f"{text}\n")

    def step(self, text: str) -> None:
        """Says what is done next."""
        self.say(f"{monotonic() - self._began:6.1f} s  {text}")

    def pass_on(self, text: str) -> None:
        """Output of another program, as it is."""
        sys.stdout.write(text)
        sys.stdout.flush()


def complain(text: str) -> None:
    """Says on standard error what went wrong."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
